//! Ingesting an event: store it and its effects in one batch.

use crate::base::ids::{AccountId, InvoiceId};
use crate::base::sort::sort_by;
use crate::base::time::UtcMillis;
use crate::codec::attribution::cookie::CookieKeys;
use crate::codec::attribution::token;
use crate::engine::account::closing;
use crate::engine::account::decision;
use crate::engine::account::decision::AccountDecision;
use crate::engine::account::fact::{Fact, VerifiedCredential};
use crate::engine::account::usage;
use crate::engine::event::Event;
use crate::engine::message::is_news;
use crate::program::catalog::Catalog;
use crate::service::account::books;
use crate::service::account::books::{AccountSnapshots, BOOKS_STATEMENTS, PendingEvent};
use crate::service::account::commit::{COMMIT_STATEMENTS, Commit};
use crate::service::account::{recompute, stripe_customer};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
pub use crate::service::event::incoming::{Incoming, IngestOutcome};
use crate::service::event::incoming::{event_rows, fact};
use crate::service::event::moot;
use crate::service::event::report::{AccrualOutcome, IngestReport};
use crate::service::retry::Failed;
use crate::store::account::{AccountRow, Marking, customer, waiting};
use crate::store::event::intake::{Seen, events_seen, visitor_clicks};
use crate::store::event::{EventState, FactReads};
use crate::store::person;
use crate::store::person::SALT;
use crate::store::port::{DbError, Stmt};
use crate::store::together::together;
use crate::store::{event as events, program};

/// Verifies the attribution evidence of an event. If its token does not verify, the event loses its touches but is
/// still accepted.
pub fn present(keys: Option<&CookieKeys>, event: &Event) -> VerifiedCredential {
    let given = event.credential.token.as_deref();
    let touchpoints = given.and_then(|given| token::read(keys?, given));
    VerifiedCredential {
        code: event.credential.code.clone(),
        token_refused: given.is_some() && touchpoints.is_none(),
        touchpoints,
        visitor: event.credential.visitor.clone(),
        clicks: Vec::new(),
    }
}

/// The most statements that ingesting an event takes: the reads, the event and its rows, one account's decision, and
/// what the caller adds.
pub const TAKE_STATEMENTS: u64 =
    READ_STATEMENTS + 2 * BOOKS_STATEMENTS + EVENT_STATEMENTS + COMMIT_STATEMENTS + ALSO_STATEMENTS;
const READ_STATEMENTS: u64 = 3;
const EVENT_STATEMENTS: u64 = 4;
const ALSO_STATEMENTS: u64 = 2;
/// Statements that it usually takes. A deferrable event is started if these are left. If it takes more, the port
/// refuses it before anything is written, and it has a whole invocation to itself when its turn comes.
pub const TAKE_USUALLY: u64 = TAKE_STATEMENTS - BOOKS_STATEMENTS - 8;

/// Pages of dependent accounts that are recomputed before the sender gets a response; the sweep does the rest.
pub(super) const DEPENDANT_PAGES: u32 = 4;

/// Ingests an event. A repeat changes nothing and gets the first response; the same id with a different body is
/// refused.
pub async fn take<P: Ports>(ctx: &Context<'_, P>, incoming: &Incoming) -> Result<IngestOutcome, AppError> {
    take_with(ctx, incoming, Vec::new).await
}

/// Ingests an event, with additional statements in its batch.
pub async fn take_with<P: Ports>(
    ctx: &Context<'_, P>,
    incoming: &Incoming,
    also: impl Fn() -> Vec<Stmt>,
) -> Result<IngestOutcome, AppError> {
    let taken = ctx.retry(async || attempt(ctx, incoming, also()).await).await?;
    // The event is stored, and accounts that may be this one or depend on it are marked: a failure here is made up for by the
    // sweep.
    let _ = stripe_customer::process_marked(ctx, taken.rejoin).await;
    if taken.marks {
        let _ = recompute::process_marked(ctx, DEPENDANT_PAGES).await;
    }
    Ok(taken)
}

/// The columns of what is known of an event and its accounts.
const KNOWN: &[&str] = &["id, body_sha256, outcome", "id, revision, written, usage_questions, closed", SALT];

async fn attempt<P: Ports>(
    ctx: &Context<'_, P>,
    incoming: &Incoming,
    also: Vec<Stmt>,
) -> Result<IngestOutcome, Failed> {
    let event = &incoming.event;
    let invoices = incoming.invoices();
    // The accounts' revisions are read before their snapshots, so anything written in between makes this attempt fail.
    let clicks = incoming.visitor().map(|visitor| visitor_clicks(&[visitor]));
    let known = (
        events_seen(&[&event.id]).first(),
        events::event_accounts(event.account_id.as_ref(), &invoices),
        person::salt_find(),
    );
    let ((seen, mut accounts, salt), catalog, clicks) =
        ctx.read((together(KNOWN, known), program::programs(), clicks)).await?;
    sort_by(&mut accounts, |a, b| a.id.cmp(&b.id));
    let known = decision::matters(&catalog, event);
    if let Some(seen) = seen {
        return Ok(repeat(incoming, &seen, known)?);
    }
    let incoming = &incoming.keyed(&salt);
    let event = &incoming.event;
    if let Some(id) = &event.account_id
        && !accounts.iter().any(|a| a.id == *id)
    {
        accounts.push(AccountRow::new(id.clone()));
    }
    let clicks = clicks.into_iter().flatten().map(|(_, click)| click).collect();
    let presented = incoming.credential(&catalog, clicks);
    if known && let Some(taken) = moot::take(ctx, incoming, &presented, (&catalog, &accounts), &also).await? {
        return Ok(taken);
    }
    let mut outcome = IngestReport::new(event, known);
    let mut commit = marks(event, ctx.now);
    let mut decided = Vec::new();
    if known && !accounts.is_empty() {
        decided.extend(accounts.iter().map(|a| a.id.clone()));
        let fact = fact(incoming, &presented);
        let mut coming = pending(event, &presented, invoices, reads(&accounts, &fact));
        let mut books = read(ctx, incoming, &fact, (&catalog, &accounts), &coming).await?;
        let mut first = decide_first(&books, &accounts, ctx.now);
        if first.as_ref().is_some_and(|decision| decision.reopens) {
            coming.reads = FactReads::Whole;
            books = read(ctx, incoming, &fact, (&catalog, &accounts), &coming).await?;
            first = None;
        }
        settle(&mut books, (&accounts, first), event, ctx.now, &mut commit, &mut outcome);
    }
    outcome.accruals.extend(commit.accruals.iter().map(AccrualOutcome::of));
    let outcome = serde_json::to_value(&outcome).map_err(|e| DbError::Fault(e.to_string()))?;
    let text = outcome.to_string();
    let state = if known { EventState::Open } else { EventState::Moot };
    let marks = commit.marks_others();
    let (mut batch, customers) = event_rows(ctx, &catalog, &[incoming.intake(&presented, text, state)]);
    batch.extend(commit.statements(ctx.now));
    batch.extend(also.clone());
    let rows = match ctx.batch(batch).await {
        Err(DbError::Violation(why)) if !decided.is_empty() => {
            return wait(ctx, incoming, &presented, (&catalog, known), (&decided, &why), also).await;
        }
        rows => rows?,
    };
    Ok(IngestOutcome { first: true, known, outcome, rejoin: customers.marked(&rows), marks })
}

/// Stores an event without its effect, because a rule refuses the decision about its accounts, and would refuse it again.
/// The accounts wait with the reason, and are decided from their events once the reason is gone.
async fn wait<P: Ports>(
    ctx: &Context<'_, P>,
    incoming: &Incoming,
    presented: &VerifiedCredential,
    (catalog, known): (&Catalog, bool),
    (accounts, why): (&[AccountId], &str),
    also: Vec<Stmt>,
) -> Result<IngestOutcome, Failed> {
    let event = &incoming.event;
    let report = IngestReport::new(event, known).waiting();
    let outcome = serde_json::to_value(&report).map_err(|e| DbError::Fault(e.to_string()))?;
    let text = outcome.to_string();
    let (mut batch, _) = event_rows(ctx, catalog, &[incoming.intake(presented, text, EventState::Open)]);
    // Other accounts may follow from the event itself, whatever it means for its own.
    batch.extend(marks(event, ctx.now).statements(ctx.now));
    let marking = Marking { now: ctx.now, quiet: !is_news(event.occurred_at, ctx.now) };
    batch.push(waiting::account_wait(accounts, why, marking));
    batch.extend(also);
    ctx.batch(batch).await?;
    Ok(IngestOutcome { first: true, known, outcome, rejoin: 0, marks: true })
}

/// The accounts that an event concerns without being theirs: those of the domain, mailbox or customer that it names. An event
/// that arrives late is not announced, nor is what follows from it.
fn marks(event: &Event, now: UtcMillis) -> Commit {
    let mut commit = Commit::new(!is_news(event.occurred_at, now));
    commit.named_by(event);
    commit
}

/// What an event adds to the decision before it is stored.
fn pending(event: &Event, presented: &VerifiedCredential, invoices: Vec<InvoiceId>, reads: FactReads) -> PendingEvent {
    PendingEvent {
        codes: events::codes_of(&event.payload, presented),
        domains: event.person.keys.email_domain.clone().into_iter().collect(),
        mailboxes: event.person.keys.mailbox.clone().into_iter().collect(),
        visitors: presented
            .touchpoints
            .iter()
            .map(|touchpoints| touchpoints.visitor.clone())
            .filter(|visitor| !visitor.is_empty())
            .chain(presented.visitor.clone())
            .collect(),
        invoices,
        at: Some(event.occurred_at),
        reads,
    }
}

/// Which facts the decision with this one reads. What is closed is opened by an older fact, and by one about it.
fn reads(accounts: &[AccountRow], fact: &Fact) -> FactReads {
    let is_open = |closed: &str| books::closed_history(closed).is_some_and(|closed| closed.before <= fact.at);
    if usage::may_bind(fact) {
        FactReads::All
    } else if accounts.len() == 1 && accounts.iter().filter_map(|account| account.closed.as_deref()).all(is_open) {
        FactReads::Open
    } else {
        FactReads::Whole
    }
}

/// The snapshot with a fact that is not stored yet.
async fn read<P: Ports>(
    ctx: &Context<'_, P>,
    incoming: &Incoming,
    fact: &Fact,
    (catalog, accounts): (&Catalog, &[AccountRow]),
    coming: &PendingEvent,
) -> Result<AccountSnapshots, DbError> {
    let mut books = books::read(ctx, catalog.clone(), accounts.to_vec(), coming).await?;
    books.add_fact(fact.clone(), &incoming.event.person, incoming.source == customer::SOURCE);
    Ok(books)
}

/// The decision about the first account.
fn decide_first(books: &AccountSnapshots, accounts: &[AccountRow], now: UtcMillis) -> Option<AccountDecision> {
    accounts.first().map(|account| books.with_case(&account.id, now, closing::decide))
}

/// Adds the accounts' decisions to the batch. A decision may depend on those before it, so only the first can be made
/// already.
fn settle(
    books: &mut AccountSnapshots,
    (accounts, mut first): (&[AccountRow], Option<AccountDecision>),
    event: &Event,
    now: UtcMillis,
    commit: &mut Commit,
    outcome: &mut IngestReport,
) {
    for account in accounts {
        let decision = first.take().unwrap_or_else(|| books.with_case(&account.id, now, closing::decide));
        if event.account_id.as_deref() == Some(&account.id) {
            outcome.decided(&books.catalog, &decision, now);
        }
        commit.add(books, account, decision, &event.id);
    }
}

fn repeat(incoming: &Incoming, seen: &Seen, known: bool) -> Result<IngestOutcome, AppError> {
    incoming.is_repeat(&seen.body_sha256)?;
    let outcome = serde_json::from_str(&seen.outcome).unwrap_or_default();
    Ok(IngestOutcome { first: false, known, outcome, rejoin: 0, marks: false })
}
