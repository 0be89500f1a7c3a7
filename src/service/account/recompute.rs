//! Deciding accounts again because something they depend on changed: another account of their domain, their partner's
//! terms, a cap. Whoever changed it marked them; here they are taken page by page.

use crate::engine::account::decision;
use crate::service::account::books;
use crate::service::account::books::{BOOKS_STATEMENTS, PendingEvent};
use crate::service::account::commit::{COMMIT_STATEMENTS, Commit};
use crate::service::context::{Context, Ports};
use crate::store::account;
use crate::store::port::DbError;

/// Accounts decided in one batch, and how many events they have together: both are held in memory at once.
const PAGE: i64 = 1_000;
const PAGE_FACTS: i64 = 5_000;
/// Statements of one page: the list, the books, and what is written.
pub const PAGE_STATEMENTS: u64 = 1 + BOOKS_STATEMENTS + COMMIT_STATEMENTS;

/// Decides up to one page of marked accounts; whether there was one. A page that this invocation cannot write is not begun.
pub async fn page<P: Ports>(ctx: &Context<'_, P>) -> Result<bool, DbError> {
    let accounts = ctx.read(account::recompute_list(ctx.page(PAGE), ctx.page(PAGE_FACTS))).await?;
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

/// Takes up to `pages` pages, as far as the invocation may. Somebody else being first is no error: what is left stays
/// marked.
pub async fn process_marked<P: Ports>(ctx: &Context<'_, P>, pages: u32) -> Result<(), DbError> {
    ctx.each_page(pages, PAGE_STATEMENTS + ctx.reserve(), async || page(ctx).await).await
}
