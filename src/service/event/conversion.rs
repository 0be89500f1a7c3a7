//! Ingesting an event: store it and its effects in one batch.

use crate::base::ids::{AccountId, AccrualId, EventId, InvoiceId, LinkCode, PartnerId, ProgramId, RewardId};
use crate::base::time::UtcMillis;
use crate::codec::attribution::cookie::CookieKeys;
use crate::codec::attribution::{reference, token};
use crate::engine::account::decision;
use crate::engine::account::decision::AccountDecision;
use crate::engine::account::fact::{Fact, VerifiedCredential};
use crate::engine::accrual::{Accrual, AccrualState};
use crate::engine::attribution::binding::AttributionMethod;
use crate::engine::event::FactPayment;
use crate::engine::event::{Event, Payload};
use crate::engine::review::address;
use crate::program::catalog::Catalog;
use crate::service::account::books;
use crate::service::account::books::{AccountSnapshots, BOOKS_STATEMENTS, PendingEvent};
use crate::service::account::commit::{COMMIT_STATEMENTS, Commit};
use crate::service::account::{recompute, stripe_customer};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::funnel;
use crate::service::retry::Failed;
use crate::store::account::{AccountRow, customer, waiting};
use crate::store::attribution::suspicion::IdentityMark;
use crate::store::port::{DbError, Stmt};
use crate::store::{event as events, program};
use serde::Serialize;

/// An event with its source.
pub struct Incoming {
    pub source: &'static str,
    /// Hex SHA-256 of the bytes as sent: the same id with different bytes is refused.
    pub body_sha256: String,
    pub event: Event,
    /// The attribution evidence that the event presented, verified.
    pub presented: VerifiedCredential,
    /// The payment that a refund or dispute is about, if it names one instead of an invoice.
    pub payment: Option<FactPayment>,
}

impl Incoming {
    /// The invoices that the event is about.
    fn invoices(&self) -> Vec<InvoiceId> {
        let of_payment = self.payment.iter().flat_map(|payment| &payment.invoices).map(|i| i.invoice_id.clone());
        self.event.payload.invoice_id().cloned().into_iter().chain(of_payment).collect()
    }
}

/// The response. `first` is false for a repeat, which gets the same response as the first delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct IngestOutcome {
    pub first: bool,
    /// Whether a decision uses it.
    pub known: bool,
    pub outcome: serde_json::Value,
    /// How many Stripe customers may turn out to be this account.
    pub rejoin: i64,
}

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
    READ_STATEMENTS + BOOKS_STATEMENTS + EVENT_STATEMENTS + COMMIT_STATEMENTS + ALSO_STATEMENTS;
const READ_STATEMENTS: u64 = 4;
const EVENT_STATEMENTS: u64 = 4;
const ALSO_STATEMENTS: u64 = 2;
/// Statements that it usually takes. A deferrable event is started if these are left. If it takes more, the port
/// refuses it before anything is written, and it has a whole invocation to itself when its turn comes.
pub const TAKE_USUALLY: u64 = TAKE_STATEMENTS - 8;

/// Pages of dependent accounts that are recomputed before the sender gets a response; the sweep does the rest.
const DEPENDANT_PAGES: u32 = 4;

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
    if taken.first && taken.known {
        let _ = recompute::process_marked(ctx, DEPENDANT_PAGES).await;
    }
    Ok(taken)
}

async fn attempt<P: Ports>(
    ctx: &Context<'_, P>,
    incoming: &Incoming,
    also: Vec<Stmt>,
) -> Result<IngestOutcome, Failed> {
    let event = &incoming.event;
    let invoices = incoming.invoices();
    let visitor = incoming.presented.visitor.as_deref().unwrap_or("");
    // The accounts' revisions are read before their snapshots, so anything written in between makes this attempt fail.
    let (seen, catalog, mut accounts, clicks) = ctx
        .read((
            events::event_seen(&event.id).first(),
            program::programs(),
            events::event_accounts(event.account_id.as_ref(), &invoices),
            events::visitor_clicks(visitor, event.occurred_at),
        ))
        .await?;
    let known = decision::matters(&catalog, event);
    if let Some(seen) = seen {
        return Ok(repeat(incoming, &seen, known)?);
    }
    if let Some(id) = &event.account_id
        && !accounts.iter().any(|a| a.id == *id)
    {
        accounts.push(AccountRow::new(id.clone()));
    }
    let mut presented = incoming.presented.clone();
    if let Some(touchpoints) = &mut presented.touchpoints {
        reference::name_programs(touchpoints, &catalog);
    }
    if matches!(event.payload, Payload::SignedUp { .. }) {
        presented.clicks = clicks;
    }
    let mut outcome = IngestReport::new(event, known);
    let mut commit = marks(event);
    let mut decided = Vec::new();
    if known && !accounts.is_empty() {
        decided.extend(accounts.iter().map(|a| a.id.clone()));
        let coming = pending(event, &presented, invoices);
        let mut books = books::read(ctx, accounts.clone(), &coming).await?;
        books.add_fact(fact(incoming, &presented), &event.person, incoming.source == customer::SOURCE);
        decide_all(&mut books, &accounts, event, ctx.now, &mut commit, &mut outcome);
    }
    outcome.accruals.extend(commit.accruals.iter().map(AccrualOutcome::of));
    let outcome = serde_json::to_value(&outcome).map_err(|e| DbError::Fault(e.to_string()))?;
    let text = outcome.to_string();
    let intake = intake(ctx, incoming, &presented, &text);
    // The event goes first: its unique id rejects a second delivery before anything else is written.
    let mut batch = vec![events::event_insert(event, &intake)];
    batch.extend(events::event_person_insert(event));
    let marks = customer::customers_mark(event, incoming.source, ctx.now);
    let marked = marks.is_some().then_some(batch.len());
    batch.extend(marks);
    batch.extend(funnel::counted(&catalog, event, &presented));
    batch.extend(commit.statements(ctx.now));
    batch.extend(also.clone());
    let rows = match ctx.batch(batch).await {
        Err(DbError::Violation(why)) if !decided.is_empty() => {
            return wait(ctx, incoming, &presented, (&catalog, known), (&decided, &why), also).await;
        }
        rows => rows?,
    };
    let rejoin = marked.map_or(0, |place| rows[place].0.len() as i64);
    Ok(IngestOutcome { first: true, known, outcome, rejoin })
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
    let report = IngestReport { outcome: "waiting", ..IngestReport::new(event, known) };
    let outcome = serde_json::to_value(&report).map_err(|e| DbError::Fault(e.to_string()))?;
    let text = outcome.to_string();
    let intake = intake(ctx, incoming, presented, &text);
    let mut batch = vec![events::event_insert(event, &intake)];
    batch.extend(events::event_person_insert(event));
    batch.extend(customer::customers_mark(event, incoming.source, ctx.now));
    batch.extend(funnel::counted(catalog, event, presented));
    // Other accounts may follow from the event itself, whatever it means for its own.
    batch.extend(marks(event).statements(ctx.now));
    batch.push(waiting::account_wait(accounts, why, ctx.now));
    batch.extend(also);
    ctx.batch(batch).await?;
    Ok(IngestOutcome { first: true, known, outcome, rejoin: 0 })
}

/// The accounts that an event concerns without being theirs: those of the domain, mailbox or customer that it names.
fn marks(event: &Event) -> Commit {
    let mut commit = Commit::default();
    let person = &event.person;
    if let Some(account) =
        event.account_id.clone().filter(|_| person.email.is_some() || person.stripe_customer.is_some())
    {
        commit.identity_named(IdentityMark {
            account,
            mailbox: person.email.as_deref().map(address::mailbox),
            customer: person.stripe_customer.clone(),
            at: event.occurred_at,
            event: event.id.clone(),
        });
    }
    if let Some(domain) = events::domain_of(&event.payload) {
        commit.domain_changed(domain.to_owned(), event.occurred_at);
    }
    commit
}

fn intake<'a, P: Ports>(
    ctx: &Context<'_, P>,
    incoming: &'a Incoming,
    presented: &'a VerifiedCredential,
    outcome: &'a str,
) -> events::Intake<'a> {
    events::Intake {
        source: incoming.source,
        body_sha256: &incoming.body_sha256,
        received_at: ctx.now,
        presented,
        outcome,
    }
}

/// What an event adds to the decision before it is stored.
fn pending(event: &Event, presented: &VerifiedCredential, invoices: Vec<InvoiceId>) -> PendingEvent {
    PendingEvent {
        codes: events::codes_of(&event.payload, presented),
        domains: event.person.email.as_deref().and_then(address::email_domain).into_iter().collect(),
        mailboxes: event.person.email.as_deref().map(address::mailbox).into_iter().collect(),
        visitors: presented
            .touchpoints
            .iter()
            .map(|touchpoints| touchpoints.visitor.clone())
            .filter(|visitor| !visitor.is_empty())
            .chain(presented.visitor.clone())
            .collect(),
        invoices,
        at: Some(event.occurred_at),
    }
}

fn decide_all(
    books: &mut AccountSnapshots,
    accounts: &[AccountRow],
    event: &Event,
    now: UtcMillis,
    commit: &mut Commit,
    outcome: &mut IngestReport,
) {
    for account in accounts {
        let decision = books.with_case(&account.id, now, decision::decide);
        if event.account_id.as_deref() == Some(&account.id) {
            outcome.decided(&books.catalog, &decision, now);
        }
        commit.add(books, account, decision, &event.id);
    }
}

fn fact(incoming: &Incoming, presented: &VerifiedCredential) -> Fact {
    let event = &incoming.event;
    Fact {
        event_id: event.id.clone(),
        account_id: event.account_id.clone().unwrap_or_default(),
        kind: event.kind.clone(),
        at: event.occurred_at,
        email_domain: event.person.email.as_deref().and_then(address::email_domain),
        payload: event.payload.clone(),
        credential: presented.clone(),
        payment: incoming.payment.clone(),
    }
}

fn repeat(incoming: &Incoming, seen: &events::Seen, known: bool) -> Result<IngestOutcome, AppError> {
    if seen.body_sha256 != incoming.body_sha256 {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "event_id_reused",
            format!(
                "event {} was already received with a different body; send changes under a new id",
                incoming.event.id
            ),
        )
        .field("id"));
    }
    let outcome = serde_json::from_str(&seen.outcome).unwrap_or_default();
    Ok(IngestOutcome { first: false, known, outcome, rejoin: 0 })
}

const EMAIL_IGNORED: &str = "the email address is not one, and counts as absent";

/// The response to the sender, and to a repeat.
#[derive(Serialize)]
pub struct IngestReport {
    event: EventId,
    /// `applied`, `stored` if no decision uses the type, or `waiting` if the decision is refused for now.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    attribution: Vec<AttributionOutcome>,
    accruals: Vec<AccrualOutcome>,
    /// What the event brought and nobody can use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

#[derive(Serialize)]
struct AttributionOutcome {
    group: String,
    attributed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<ProgramId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<PartnerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<AttributionMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<LinkCode>,
    reason: String,
    /// The referred side's benefit.
    #[serde(skip_serializing_if = "Option::is_none")]
    benefit: Option<crate::program::document::Benefit>,
}

#[derive(Serialize)]
struct AccrualOutcome {
    id: AccrualId,
    program: ProgramId,
    reward_id: RewardId,
    #[serde(skip_serializing_if = "str::is_empty")]
    partner: PartnerId,
    unit: String,
    gross_cents: i64,
    net_cents: i64,
    state: AccrualState,
    reason: String,
}

impl AccrualOutcome {
    fn of(accrual: &Accrual) -> AccrualOutcome {
        AccrualOutcome {
            id: accrual.id.clone(),
            program: accrual.program_id.clone(),
            reward_id: accrual.reward_id.clone(),
            partner: accrual.partner_id.clone(),
            unit: accrual.unit.clone(),
            gross_cents: accrual.gross_cents.0,
            net_cents: accrual.net_cents.0,
            state: accrual.state,
            reason: accrual.reason.clone(),
        }
    }
}

impl IngestReport {
    fn new(event: &Event, known: bool) -> IngestReport {
        IngestReport {
            event: event.id.clone(),
            outcome: if known { "applied" } else { "stored" },
            account: event.account_id.clone(),
            attribution: Vec::new(),
            accruals: Vec::new(),
            warnings: event.person.email_ignored.then_some(EMAIL_IGNORED).into_iter().collect(),
        }
    }

    fn decided(&mut self, catalog: &Catalog, decision: &AccountDecision, now: UtcMillis) {
        for group in &decision.groups {
            let result = &group.result;
            let binding = result.binding.as_ref();
            self.attribution.push(AttributionOutcome {
                group: result.group.clone(),
                attributed: binding.is_some(),
                program: binding.map(|b| b.program.clone()),
                partner: binding.map(|b| b.partner.clone()),
                method: binding.map(|b| b.method),
                code: binding.map(|b| b.code.clone()),
                reason: result.reason.clone(),
                benefit: binding.and_then(|b| catalog.in_force(&b.program, now)?.benefit.clone()),
            });
        }
    }
}
