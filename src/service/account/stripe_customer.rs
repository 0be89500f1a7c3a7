//! Joining Stripe customers to accounts. New information about either marks the customer. Here the customer's account
//! is determined again. If it changed, all its facts move there and both accounts are recomputed.

use crate::base::ids::{AccountId, EventId};
use crate::base::sort::sort;
use crate::base::time::UtcMillis;
use crate::codec::stripe::Customer;
use crate::engine::account::closing;
use crate::engine::account::customer;
use crate::engine::account::fact::Fact;
use crate::engine::event::Payload;
use crate::engine::message::is_news;
use crate::service::account::books;
use crate::service::account::books::{AccountSnapshots, BOOKS_STATEMENTS, PendingEvent};
use crate::service::account::commit::{COMMIT_STATEMENTS, Commit, UNBIND_STATEMENTS};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::setup::STATEMENTS_FREE;
use crate::store::account;
use crate::store::account::customer as customers;
use crate::store::account::customer::BookedCustomer;
use crate::store::account::{AccountRow, Marking};
use crate::store::attribution::suspicion;
use crate::store::event::FactReads;
use crate::store::person;
use crate::store::port::DbError;
use crate::store::program;

/// Statements that determine a customer's account, and record it if nothing has to move.
const FIND_STATEMENTS: u64 = 4 + 2;
/// Statements that usually move its facts: both accounts' revisions and snapshots, what is moved and what is
/// recomputed. If one takes more, the port refuses it before anything is written. It stays marked, and has a sweep to
/// itself when its turn comes.
const MOVE_USUALLY: u64 = 2 + BOOKS_STATEMENTS + 13;
const MOVE_STATEMENTS: u64 = 2 + BOOKS_STATEMENTS + 4 + COMMIT_STATEMENTS + UNBIND_STATEMENTS;
/// In addition to the sweep's heartbeat and the list of customers.
const _: () = assert!(2 + FIND_STATEMENTS - 2 + MOVE_STATEMENTS <= STATEMENTS_FREE, "no sweep can join a customer");

/// Records a customer and its address. Returns its account, as far as that is known. `for_facts`: statements that are
/// left to the work that follows. If one invocation cannot do both, facts stay with the customer's previous account,
/// and the sweep moves them.
pub async fn note<P: Ports>(
    ctx: &Context<'_, P>,
    named: &Customer,
    at: UtcMillis,
    for_facts: u64,
) -> Result<AccountId, AppError> {
    // Its addresses are read before it is known what one of them is compared by.
    let (stands, known, salt) = ctx
        .read((
            customers::customer_find(&named.id).first(),
            customers::customer_addresses(&named.id),
            person::salt_find(),
        ))
        .await?;
    let address = named.email.as_deref().map(|email| salt.address(email));
    let known = known.into_iter().find(|known| Some(&known.address) == address.as_ref());
    if let Some(row) = &stands
        && row.needs_recompute_since_ms.is_none()
        && (address.is_none() || known.is_some_and(|known| known.at_ms <= at))
    {
        return Ok(row.account_id.clone());
    }
    ctx.batch(customers::customer_note(&named.id, address.as_deref(), at, ctx.now)).await?;
    let _for_facts = ctx.keep(for_facts);
    if ctx.has_room(FIND_STATEMENTS) {
        match join(ctx, &named.id).await {
            Err(error) if error.is_cut_off() => {}
            joined => return joined,
        }
    }
    Ok(stands.map_or_else(|| named.id.as_str().into(), |row| row.account_id))
}

/// Joins up to `limit` of the marked customers. The sweep does the rest.
pub async fn process_marked<P: Ports>(ctx: &Context<'_, P>, limit: i64) -> Result<(), AppError> {
    if limit == 0 {
        return Ok(());
    }
    let mut refused = Ok(());
    for row in ctx.read(customers::customer_marked_list(limit)).await? {
        if !ctx.has_room(FIND_STATEMENTS + MOVE_USUALLY) {
            break;
        }
        match join(ctx, &row.id).await {
            Err(error) if error.is_cut_off() => break,
            // The other customers are joined all the same.
            Err(error) if error.violation().is_some() => refused = Err(error),
            joined => {
                joined?;
            }
        }
    }
    refused
}

/// Determines a customer's account and moves the customer there. Returns its account for now.
pub async fn join<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<AccountId, AppError> {
    ctx.retry(async || Ok(attempt(ctx, id).await?)).await
}

async fn attempt<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<AccountId, DbError> {
    let reads = (customers::customer_find(id).first(), customers::claim_list(id), customers::email_match_list(id));
    let (found, claims, namesakes) = ctx.read(reads).await?;
    let Some(row) = found else { return Ok(id.into()) };
    let (target, joined) = customer::account_of(id, &claims, &namesakes);
    let elsewhere = ctx.read(customers::fact_elsewhere(id, &target)).await?;
    let mut batch = customers::customer_move(id, row.revision, &target, joined.name());
    if elsewhere.is_empty() {
        let settled =
            row.account_id == target && row.matched_by == joined.name() && row.needs_recompute_since_ms.is_none();
        if !settled {
            batch.truncate(1);
            let accounts = [row.account_id, target.clone()];
            batch.push(suspicion::recompute_by_customer(id, &accounts, ctx.now));
            ctx.batch(batch).await?;
        }
        return Ok(target);
    }
    if !ctx.has_room(MOVE_USUALLY) {
        // It stays marked.
        return Ok(row.account_id);
    }
    let (commit, marking) = moved(ctx, &target, &elsewhere).await?;
    batch.extend(commit.statements(ctx.now));
    // Who named a mailbox first may have changed for every account that has it, the target included.
    let mut ids: Vec<AccountId> = elsewhere.into_iter().map(|fact| fact.account_id).collect();
    ids.push(target.clone());
    batch.push(suspicion::recompute_by_customer(id, &ids, marking));
    ctx.batch(batch).await?;
    Ok(target)
}

/// The decisions about all accounts that facts come from or go to, as if the facts had already moved. Nothing is announced
/// of facts that are old.
async fn moved<P: Ports>(
    ctx: &Context<'_, P>,
    target: &AccountId,
    facts: &[BookedCustomer],
) -> Result<(Commit, Marking), DbError> {
    let mut ids: Vec<AccountId> = facts.iter().map(|f| f.account_id.clone()).chain([target.to_owned()]).collect();
    sort(&mut ids);
    ids.dedup();
    // Revisions are read before the snapshot, so anything written in between makes this attempt fail.
    let (known, catalog) = ctx.read((account::account_list(&ids), program::programs())).await?;
    let find = |id: &AccountId| known.iter().find(|a| a.id == *id).cloned();
    let accounts: Vec<AccountRow> =
        ids.iter().map(|id| find(id).unwrap_or_else(|| AccountRow::new(id.clone()))).collect();
    let events: Vec<EventId> = facts.iter().map(|f| f.event_id.clone()).collect();
    let mut books =
        books::read(ctx, catalog, accounts.clone(), &PendingEvent { reads: FactReads::All, ..PendingEvent::default() })
            .await?;
    let moving = |f: &&Fact| events.contains(&f.event_id);
    let quiet = !ids.iter().flat_map(|id| books.facts.own(id)).filter(moving).any(|f| is_news(f.at, ctx.now));
    let mut commit = Commit::new(quiet);
    for left in accounts.iter().filter(|a| a.id != *target) {
        if !signs_up_without(&books, &left.id, &events) {
            commit.unbind(&mut books, &left.id);
            books.move_person(&left.id, target);
        }
    }
    books.move_facts(&events, target);
    // Accounts that lose facts go first: others may follow the account that gains them.
    for row in accounts.iter().filter(|a| a.id != *target).chain(accounts.iter().filter(|a| a.id == *target)) {
        let decision = books.with_case(&row.id, ctx.now, closing::decide);
        commit.add(&mut books, row, decision, "");
    }
    Ok((commit, Marking { now: ctx.now, quiet }))
}

fn signs_up_without(books: &AccountSnapshots, account: &AccountId, moved: &[EventId]) -> bool {
    let mut own = books.facts.own(account).filter(|f| !moved.contains(&f.event_id));
    own.any(|f| matches!(f.payload, Payload::SignedUp { .. }))
}
