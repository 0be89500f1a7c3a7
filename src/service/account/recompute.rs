//! Recomputing accounts because something they depend on changed: another account of their domain, their partner's
//! modifiers, a cap. The change marked them; here they are processed page by page.

use crate::engine::account::decision;
use crate::service::account::books;
use crate::service::account::books::{BOOKS_STATEMENTS, PendingEvent};
use crate::service::account::commit::{COMMIT_STATEMENTS, Commit};
use crate::service::context::{Context, Ports};
use crate::store::account;
use crate::store::account::AccountRow;
use crate::store::port::DbError;

/// Accounts decided in one batch, and how many events they have together: all of them are in memory at once.
const PAGE: i64 = 1_000;
const PAGE_FACTS: i64 = 5_000;
/// Statements of one page: the list, the snapshot, and the writes.
pub const PAGE_STATEMENTS: u64 = 1 + BOOKS_STATEMENTS + COMMIT_STATEMENTS;

/// Decides up to one page of marked accounts. Returns whether there was one. A page that this invocation cannot write
/// is not started.
pub async fn page<P: Ports>(ctx: &Context<'_, P>) -> Result<bool, DbError> {
    let accounts: Vec<AccountRow> =
        ctx.query(account::recompute_list(ctx.page(PAGE), ctx.page(PAGE_FACTS))).await?.decode()?;
    if accounts.is_empty() {
        return Ok(false);
    }
    if !ctx.has_room(PAGE_STATEMENTS - 1) {
        return Err(DbError::Exhausted);
    }
    let mut books = books::read(ctx, accounts.clone(), &PendingEvent::default()).await?;
    let mut commit = Commit::default();
    for account in &accounts {
        let decision = books.with_case(&account.id, ctx.now, decision::decide);
        commit.add(&mut books, account, decision, "");
    }
    ctx.batch(commit.statements(ctx.now)).await?;
    Ok(true)
}

/// Processes up to `pages` pages, within the invocation's allowance. Losing a race is not an error: what is left stays
/// marked.
pub async fn process_marked<P: Ports>(ctx: &Context<'_, P>, pages: u32) -> Result<(), DbError> {
    for tries in 0..pages {
        if !ctx.has_room(PAGE_STATEMENTS + ctx.reserve()) {
            break;
        }
        match page(ctx).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(DbError::Guard(_)) => ctx.back_off(tries.min(8)).await,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
