//! Recomputing accounts because something they depend on changed: another account of their domain, their partner's
//! modifiers, a cap. The change marked them; here they are processed page by page. A rule that refuses the decision about
//! one account refuses its whole page: the page is halved until that account is alone, which then waits with the reason.

use crate::base::ids::AccountId;
use crate::engine::account::closing;
use crate::service::account::books;
use crate::service::account::books::{BOOKS_STATEMENTS, PendingEvent};
use crate::service::account::commit::{COMMIT_STATEMENTS, Commit};
use crate::service::context::{Context, Ports};
use crate::store::account;
use crate::store::account::{AccountRow, waiting};
use crate::store::event::FactReads;
use crate::store::port::DbError;

/// Accounts decided in one batch, and how many events they have together: all of them are in memory at once.
const PAGE: i64 = 1_000;
const PAGE_FACTS: i64 = 5_000;
/// Statements of one page: the lists, the snapshot, and the writes.
pub const PAGE_STATEMENTS: u64 = 3 + BOOKS_STATEMENTS + COMMIT_STATEMENTS;

/// Decides up to one page of marked accounts. Returns whether there was one. A page that this invocation cannot write
/// is not started.
pub async fn page<P: Ports>(ctx: &Context<'_, P>) -> Result<bool, DbError> {
    let lists = (account::recompute_list(ctx.page(PAGE), ctx.page(PAGE_FACTS), None), waiting::refused_next(ctx.now));
    let (accounts, refused) = ctx.read(lists).await?;
    decide_page(ctx, if accounts.is_empty() { refused } else { accounts }).await
}

/// The same with a page of `accounts` as far as they are marked.
pub async fn page_of<P: Ports>(ctx: &Context<'_, P>, accounts: &[AccountId]) -> Result<bool, DbError> {
    let list = account::recompute_list(ctx.page(PAGE), ctx.page(PAGE_FACTS), Some(accounts));
    decide_page(ctx, ctx.read(list).await?).await
}

async fn decide_page<P: Ports>(ctx: &Context<'_, P>, mut accounts: Vec<AccountRow>) -> Result<bool, DbError> {
    let Some(is_quiet) = accounts.first().map(|first| first.is_quiet) else { return Ok(false) };
    // What is announced, and what is not, are decided apart.
    accounts.retain(|account| account.is_quiet == is_quiet);
    while ctx.has_room(PAGE_STATEMENTS - 2) {
        let Err(error) = decide(ctx, &accounts).await else { return Ok(true) };
        let DbError::Violation(why) = &error else { return Err(error) };
        // If there is no room to find the one, each of them is tried alone from now on.
        if accounts.len() > 1 && ctx.has_room(PAGE_STATEMENTS + ctx.reserve()) {
            accounts.truncate(accounts.len() / 2);
            continue;
        }
        let ids: Vec<_> = accounts.iter().map(|a| a.id.clone()).collect();
        ctx.query(waiting::account_refuse(&ids, why, ids.len() == 1, ctx.now)).await?;
        return Ok(true);
    }
    Err(DbError::Exhausted)
}

/// Decides accounts in one batch.
async fn decide<P: Ports>(ctx: &Context<'_, P>, accounts: &[AccountRow]) -> Result<(), DbError> {
    let mut books = books::read(
        ctx,
        ctx.programs().await?,
        accounts.to_vec(),
        &PendingEvent { reads: FactReads::Whole, ..PendingEvent::default() },
    )
    .await?;
    let mut commit = Commit::new(accounts.iter().all(|account| account.is_quiet != 0));
    for account in accounts {
        let decision = books.with_case(&account.id, ctx.now, closing::decide);
        commit.add(&mut books, account, decision, "");
    }
    ctx.batch(commit.statements(ctx.now)).await.map(|_| ())
}

/// Processes up to `pages` pages, within the invocation's allowance. Losing a race is not an error: what is left stays
/// marked.
pub async fn process_marked<P: Ports>(ctx: &Context<'_, P>, pages: u32) -> Result<(), DbError> {
    ctx.each_page(pages, PAGE_STATEMENTS + ctx.reserve(), async || page(ctx).await).await
}
