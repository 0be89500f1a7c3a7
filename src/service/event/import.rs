//! Importing: many events in one call. They are stored together and their accounts are marked in the same batch, so that
//! nothing is lost whatever happens then. After that the accounts are decided, page by page, each once for all of its events.
//! What one invocation can't decide, the sweep does.

use crate::base::ids::{AccountId, EventId, InvoiceId};
use crate::base::sort::distinct;
use crate::engine::account::decision;
use crate::engine::account::fact::VerifiedCredential;
use crate::engine::account::usage;
use crate::engine::attribution::touch::Touch;
use crate::engine::event::Payload;
use crate::engine::message::is_news;
use crate::service::account::commit::Commit;
use crate::service::account::{recompute, stripe_customer};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::event::conversion::DEPENDANT_PAGES;
use crate::service::event::incoming::{Incoming, event_rows, fact};
use crate::service::event::report::IngestReport;
use crate::service::retry::Failed;
use crate::service::setup::STATEMENTS_FREE;
use crate::store::account::{Marking, StoredFor, recompute_by_invoices, recompute_by_stored};
use crate::store::event::EventState;
use crate::store::event::intake::{Intake, event_outcomes, events_seen, visitor_clicks};
use crate::store::person;
use crate::store::person::SALT;
use crate::store::port::{DbError, Stmt};
use crate::store::program;
use crate::store::together::together;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

/// Pages of the events' accounts that are decided before the sender gets a response; the sweep does the rest.
const PAGES: u32 = 24;

/// Statements that store events: the reads, one of each kind of row and mark, and the audit trail. Each megabyte of events
/// beyond the first takes one more.
const STORE_STATEMENTS: u64 = 3 + 11;
/// In addition to who calls, and to what became of the events.
const _: () = assert!(
    2 + STORE_STATEMENTS + recompute::PAGE_STATEMENTS + OUTCOME_STATEMENTS <= STATEMENTS_FREE,
    "no import decides anything"
);
const OUTCOME_STATEMENTS: u64 = 1;

/// What became of each event, in their order: `applied`, `stored` or `waiting`, as of a single one.
pub type Outcomes = Vec<Result<String, AppError>>;

/// Takes events in. A repeat changes nothing; the same id with a different body is refused.
pub async fn import<P: Ports>(ctx: &Context<'_, P>, incoming: &[Incoming]) -> Result<Outcomes, AppError> {
    let stored = ctx.retry(async || store(ctx, incoming).await).await?;
    {
        // What became of the events is looked up last.
        let _kept = ctx.keep(OUTCOME_STATEMENTS);
        // They are stored: a failure here is made up for by the sweep.
        let _ = decide(ctx, &stored).await;
    }
    let rows = ctx.read(event_outcomes(&ids(incoming))).await?;
    let found: HashMap<EventId, String> = rows.into_iter().map(|row| (row.id, row.outcome)).collect();
    let outcome = |incoming: &Incoming| found.get(&incoming.event.id).cloned().unwrap_or_default();
    Ok(incoming.iter().zip(stored.checked).map(|(incoming, checked)| checked.map(|()| outcome(incoming))).collect())
}

fn ids(incoming: &[Incoming]) -> Vec<&str> {
    incoming.iter().map(|incoming| incoming.event.id.as_str()).collect()
}

async fn decide<P: Ports>(ctx: &Context<'_, P>, stored: &StoredEvents) -> Result<(), AppError> {
    let accounts: Vec<AccountId> = stored.accounts.iter().cloned().collect();
    if !accounts.is_empty() {
        ctx.each_page(PAGES, recompute::PAGE_STATEMENTS, async || recompute::page_of(ctx, &accounts).await).await?;
    }
    let _ = stripe_customer::process_marked(ctx, stored.rejoin).await;
    Ok(recompute::process_marked(ctx, DEPENDANT_PAGES).await?)
}

/// Events that are stored, and what is to be done because of them.
struct StoredEvents {
    /// Whether each is stored as it was sent.
    checked: Vec<Result<(), AppError>>,
    /// The accounts whose decisions use them.
    accounts: BTreeSet<AccountId>,
    /// How many Stripe customers may turn out to be one of the accounts.
    rejoin: i64,
}

/// The columns of what is known of events.
const KNOWN: &[&str] = &["id, body_sha256, outcome", SALT];

async fn store<P: Ports>(ctx: &Context<'_, P>, incoming: &[Incoming]) -> Result<StoredEvents, Failed> {
    let visitors: Vec<_> = incoming.iter().filter_map(Incoming::visitor).collect();
    let clicks = (!visitors.is_empty()).then(|| visitor_clicks(&visitors));
    let known = together(KNOWN, (events_seen(&ids(incoming)), person::salt_find()));
    let ((seen, salt), catalog, clicks) = ctx.read((known, program::programs(), clicks)).await?;
    let mut clicks_of: HashMap<EventId, Vec<Touch>> = HashMap::new();
    for (by, click) in clicks.into_iter().flatten() {
        clicks_of.entry(by.event).or_default().push(click);
    }
    let (mut checked, mut fresh, mut accounts) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut known: HashMap<EventId, String> = seen.into_iter().map(|seen| (seen.id, seen.body_sha256)).collect();
    for incoming in incoming {
        let event = &incoming.event;
        let matters = decision::matters(&catalog, event);
        accounts.extend(event.account_id.clone().filter(|_| matters));
        checked.push(match known.get(&event.id) {
            Some(sha256) => incoming.is_repeat(sha256),
            None => {
                known.insert(event.id.clone(), incoming.body_sha256.clone());
                let clicks = clicks_of.remove(&event.id).unwrap_or_default();
                let presented = incoming.credential(&catalog, clicks);
                fresh.push(FreshEvent { incoming: incoming.keyed(&salt), presented, matters });
                Ok(())
            }
        });
    }
    if fresh.is_empty() {
        return Ok(StoredEvents { checked, accounts, rejoin: 0 });
    }
    let intakes = fresh.iter().map(FreshEvent::intake).collect::<Result<Vec<Intake>, DbError>>()?;
    let (mut batch, customers) = event_rows(ctx, &catalog, &intakes);
    batch.extend(marks(ctx, &fresh));
    let after = json!({"events": fresh.len(), "of": incoming.len()});
    batch.push(ctx.audit("events.import", &fresh[0].incoming.event.id, None, None, Some(after)));
    let rows = ctx.batch(batch).await?;
    Ok(StoredEvents { checked, accounts, rejoin: customers.marked(&rows) })
}

/// An event that is not stored yet.
struct FreshEvent {
    incoming: Incoming,
    presented: VerifiedCredential,
    /// Whether decisions use it.
    matters: bool,
}

impl FreshEvent {
    fn intake(&self) -> Result<Intake<'_>, DbError> {
        let outcome = serde_json::to_string(&IngestReport::new(&self.incoming.event, self.matters))
            .map_err(|e| DbError::Fault(e.to_string()))?;
        let state = if self.matters { EventState::Open } else { EventState::Moot };
        Ok(self.incoming.intake(&self.presented, outcome, state))
    }
}

/// Marks the accounts of events that are about to be stored, and those that they concern without being theirs. What follows
/// from events that arrive late is not announced.
fn marks<P: Ports>(ctx: &Context<'_, P>, fresh: &[FreshEvent]) -> Vec<Stmt> {
    let mut batch = Vec::new();
    let stored = accounts_of(fresh, ctx);
    let ids: Vec<AccountId> = stored.iter().map(|stored| stored.account.clone()).collect();
    for quiet in [false, true] {
        let events = || fresh.iter().filter(|fresh| is_news(fresh.incoming.event.occurred_at, ctx.now) != quiet);
        let mut commit = Commit::new(quiet);
        events().for_each(|fresh| commit.named_by(&fresh.incoming.event));
        batch.extend(commit.statements(ctx.now));
        let invoices = events().filter(|fresh| fresh.matters).flat_map(|fresh| fresh.incoming.invoices());
        let invoices: Vec<InvoiceId> = distinct(invoices).into_iter().collect();
        if !invoices.is_empty() {
            batch.push(recompute_by_invoices(&invoices, &ids, Marking { now: ctx.now, quiet }));
        }
    }
    if !stored.is_empty() {
        batch.push(recompute_by_stored(&stored, ctx.now));
    }
    batch
}

/// The accounts whose decisions use the events.
fn accounts_of<P: Ports>(fresh: &[FreshEvent], ctx: &Context<'_, P>) -> Vec<StoredFor> {
    let mut places: HashMap<&AccountId, usize> = HashMap::new();
    let mut all: Vec<StoredFor> = Vec::new();
    for fresh in fresh.iter().filter(|fresh| fresh.matters) {
        let event = &fresh.incoming.event;
        let Some(account) = &event.account_id else { continue };
        let place = *places.entry(account).or_insert_with(|| {
            all.push(StoredFor { account: account.clone(), signed_up: None, binds: false, quiet: true });
            all.len() - 1
        });
        let stored = &mut all[place];
        if matches!(event.payload, Payload::SignedUp { .. }) {
            stored.signed_up = Some(stored.signed_up.map_or(event.occurred_at, |at| at.min(event.occurred_at)));
        }
        stored.binds |= usage::may_bind(&fact(&fresh.incoming, &fresh.presented));
        stored.quiet &= !is_news(event.occurred_at, ctx.now);
    }
    all
}
