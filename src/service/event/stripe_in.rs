//! Ingesting a Stripe event: find its account or invoice, and the facts that it contains.
//!
//! Every fact is an event of its own, ingested like any other. Stripe's event is recorded last: if the work is cut off,
//! it is repeated and finds its facts already stored. A fact that cannot be placed yet waits until something says where
//! it belongs: a customer's facts under the customer's own id, refunds and disputes without their invoice in a separate
//! list.

use crate::base::decode;
use crate::base::ids::AccountId;
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::codec::stripe as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::codec::stripe::{Draft, EventObject, StripeEvent, Translated};
use crate::engine::event::{Credential, Event, Payload, Person};
use crate::engine::event::{FactPayment, PaidInvoice};
use crate::engine::payout::payee::CloseReason;
use crate::service::account::{recompute, stripe_customer};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::conversion;
use crate::service::event::conversion::{Incoming, IngestOutcome, TAKE_STATEMENTS, TAKE_USUALLY};
use crate::service::event::stripe_once::{digest_of, fingerprint, outcome_of, repeat};
use crate::service::event::stripe_thin;
use crate::service::event::stripe_worth;
use crate::service::payout::{closed, reverse, unexpected};
use crate::service::setup::STATEMENTS_FREE;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::account::customer as customers;
use crate::store::account::customer::SOURCE;
use crate::store::event::intake::{Seen, events_seen};
use crate::store::event::stripe as rows;
use crate::store::event::stripe::{ReadyEvent, WaitingEvent};
use crate::store::payout::payee;
use crate::store::port::{DbError, Stmt};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Waiting facts that one event may release; the sweep does the rest.
const RELEASED_MAX: i64 = 20;
/// Pages of accounts that are recomputed because a payment's shares changed; the sweep does the rest.
const SHARE_PAGES: u32 = 1;
/// Statements that record the result of an event.
const NOTE_STATEMENTS: u64 = 1;
/// The most statements for an event with one fact and a known customer, as is the case when Stripe sends an event
/// again: whether the event is known, what it pays, who its customer is; its fact, which marks no customers; its
/// result.
pub const EVENT_STATEMENTS: u64 = 1 + 1 + 2 + (TAKE_STATEMENTS - 1) + NOTE_STATEMENTS;
const _: () = assert!(EVENT_STATEMENTS <= STATEMENTS_FREE, "an event can be too much for an invocation");

/// Where a fact was placed.
enum AccountMatch {
    /// Ingested, with its outcome.
    Taken(Value),
    /// The same, but its subscription or invoice lacks something, for this reason.
    TakenInPart(Value, &'static str),
    /// It waits for its invoice.
    Waits,
    /// The payment has no invoice.
    NoInvoice,
}

/// Pages of a payment's invoices that are read, with 100 invoices each.
const INVOICE_PAGES_MAX: u32 = 10;

/// The response to a partner's test mode event in a live installation: Stripe sends both modes to the live endpoint of
/// connected accounts, and would retry after an error for days.
pub fn of_test_mode(event: &Translated) -> Value {
    outcome_of(event, "ignored", "it is a test event, and this installation runs in live mode", Vec::new())
}

/// Ingests an event. A repeat gets the first outcome, and the same id with different content is refused. `is_live` is
/// the mode that the event must have.
pub async fn take<P: Ports>(ctx: &Context<'_, P>, event: &Translated, is_live: bool) -> Result<Value, AppError> {
    if event.is_live.is_some_and(|of_event| of_event != is_live) {
        let (is, wanted) = if is_live { ("test", "live") } else { ("live", "test") };
        let detail = format!("the event is from {is} mode, but this installation is set up for {wanted} mode");
        return Err(AppError::new(ErrorKind::Unprocessable, "stripe_mode_mismatch", detail).field("livemode"));
    }
    let sha256 = fingerprint(event);
    if let Some(seen) = ctx.read(rows::stripe_event_seen(&event.id).first()).await? {
        return repeat(event, &seen, &sha256);
    }
    let resolved = match &event.what {
        StripeEvent::Thin(thin) => Some(stripe_thin::resolve(ctx, event, thin).await?),
        _ => None,
    };
    let event = resolved.as_ref().unwrap_or(event);
    // The event's result must be recorded, whatever else there is to do.
    let for_note = ctx.keep(NOTE_STATEMENTS);
    let mut changes_shares = false;
    if !event.paid_by.is_empty() {
        let noted = ctx.read(rows::payment_note(&event.paid_by, ctx.now)).await?;
        changes_shares = noted.iter().any(|row| row.fact_count > 0);
    }
    let account = match &event.customer {
        Some(customer) => {
            let for_facts = if matches!(event.what, StripeEvent::Facts(_)) { TAKE_USUALLY } else { 0 };
            Some(stripe_customer::note(ctx, customer, event.created, for_facts).await?)
        }
        None => None,
    };
    let outcome = match &event.what {
        StripeEvent::Thin(_) => outcome_of(event, "ignored", "it names no object", Vec::new()),
        StripeEvent::Ignored(why) => outcome_of(event, "ignored", why, Vec::new()),
        StripeEvent::Payability(state) => match ctx.read(payee::payee_update(state, event.created).first()).await? {
            Some(row) => outcome_of(event, "applied", &format!("what {} can be paid", row.partner_id), Vec::new()),
            None => outcome_of(event, "ignored", "no partner has this connected account", Vec::new()),
        },
        StripeEvent::AccountClosed(account) => {
            let why = "Stripe ended our access to it";
            match closed::close(ctx, account, CloseReason::Deauthorized, why).await? {
                Some(partner) => outcome_of(event, "applied", &format!("the account of {partner} is gone"), Vec::new()),
                None => outcome_of(event, "ignored", "no partner has this connected account", Vec::new()),
            }
        }
        StripeEvent::TransferCreated { made, group } => {
            let (outcome, why) = unexpected::record(ctx, made, group).await?;
            outcome_of(event, outcome, why, Vec::new())
        }
        StripeEvent::TransferReversed { transfer_id, group, reversed_cents } => {
            // Reversals are read from Stripe one by one: the event contains only a total.
            match reverse::record_transfer_event(ctx, transfer_id, group).await? {
                Some(booked) => {
                    let what =
                        format!("{reversed_cents} cents of transfer {transfer_id} were reversed in {booked} reversals");
                    outcome_of(event, "applied", &what, Vec::new())
                }
                None => outcome_of(event, "ignored", "no payout matches this transfer", Vec::new()),
            }
        }
        StripeEvent::Facts(drafts) => take_facts(ctx, event, drafts, account.as_ref()).await?,
    };
    if !event.paid_by.is_empty() {
        // They wait: the sweep makes up for a failure here, and reports it. This event is not to blame.
        let _ = release(ctx, RELEASED_MAX).await;
    }
    if changes_shares {
        // The accounts are marked: the sweep makes up for a failure here.
        let _ = recompute::process_marked(ctx, SHARE_PAGES).await;
    }
    let text = outcome.to_string();
    drop(for_note);
    ctx.query(rows::stripe_event_insert(&event.id, &event.kind, &sha256, &text, ctx.now)).await?;
    Ok(outcome)
}

/// Places each fact of an event, and returns their combined result.
async fn take_facts<P: Ports>(
    ctx: &Context<'_, P>,
    event: &Translated,
    drafts: &[Draft],
    account: Option<&AccountId>,
) -> Result<Value, AppError> {
    let mut facts = Vec::new();
    let mut reasons = Vec::new();
    // Facts that an earlier delivery stored before it was cut off cost this one nothing, so each delivery gets further.
    let taken = taken(ctx, drafts).await?;
    for draft in drafts {
        if let Some(outcome) = taken.get(&draft.id) {
            facts.push(outcome.clone());
            continue;
        }
        match place(ctx, event, draft, account).await? {
            AccountMatch::Taken(outcome) => facts.push(outcome),
            AccountMatch::TakenInPart(outcome, why) => {
                facts.push(outcome);
                reasons.push(("applied", why));
            }
            AccountMatch::Waits => reasons.push(("waiting", "it is waiting for its payment's invoice")),
            AccountMatch::NoInvoice => reasons.push(("ignored", "its payment is not for an invoice")),
        }
    }
    let outcome = match (facts.is_empty(), reasons.first()) {
        (false, _) | (true, None) => "applied",
        (true, Some((outcome, _))) => outcome,
    };
    Ok(outcome_of(event, outcome, reasons.first().map_or("", |(_, reason)| reason), facts))
}

/// The outcomes of facts that are already stored with the same content. A single fact needs no lookup: ingesting it
/// shows the same.
async fn taken<P: Ports>(ctx: &Context<'_, P>, drafts: &[Draft]) -> Result<HashMap<String, Value>, AppError> {
    if drafts.len() < 2 {
        return Ok(HashMap::new());
    }
    let ids: Vec<&str> = drafts.iter().map(|draft| draft.id.as_str()).collect();
    let rows = ctx.read(events_seen(&ids)).await?;
    let same = |seen: Seen| {
        let draft = drafts.iter().find(|draft| *draft.id == *seen.id)?;
        (seen.body_sha256 == digest_of(draft))
            .then(|| (seen.id.into(), serde_json::from_str(&seen.outcome).unwrap_or_default()))
    };
    Ok(rows.into_iter().filter_map(same).collect())
}

async fn place<P: Ports>(
    ctx: &Context<'_, P>,
    event: &Translated,
    draft: &Draft,
    account: Option<&AccountId>,
) -> Result<AccountMatch, AppError> {
    match &draft.of {
        EventObject::Customer => place_at(ctx, event, draft, draft, account).await,
        EventObject::InPart(object) => {
            let (valued, left_out) = stripe_worth::complete(ctx, draft, object).await?;
            let placed = place_at(ctx, event, draft, &valued, account).await?;
            Ok(match (placed, left_out) {
                (AccountMatch::Taken(outcome), Some(why)) => AccountMatch::TakenInPart(outcome, why),
                (placed, _) => placed,
            })
        }
        EventObject::Payment { intent, charge } => {
            let payments: Vec<String> = intent.iter().chain(charge).cloned().collect();
            let mut invoices = ctx.read(rows::payment_list(&payments)).await?;
            if let (true, Some(intent)) = (invoices.is_empty(), intent) {
                match look_up(ctx, intent).await? {
                    InvoiceLookup::Invoices(found) => invoices = found,
                    InvoiceLookup::NoInvoice => {
                        wait(ctx, event, draft, Some(intent), charge, None).await?;
                        return Ok(AccountMatch::NoInvoice);
                    }
                    InvoiceLookup::NotNow => {}
                }
            }
            if invoices.is_empty() {
                wait(ctx, event, draft, intent.as_ref(), charge, Some(ctx.now)).await?;
                return Ok(AccountMatch::Waits);
            }
            let payment = FactPayment { intent: intent.clone(), charge: charge.clone(), invoices };
            let also = || rows::payment_fact_insert(&draft.id, &payment, ctx.now);
            let fact = fact(draft, None, None);
            Ok(AccountMatch::Taken(take_fact(ctx, fact, Some(payment.clone()), digest_of(draft), also).await?.outcome))
        }
    }
}

/// Ingests a customer's fact. It is identified by the draft as it was sent, whatever Stripe has answered about it since.
async fn place_at<P: Ports>(
    ctx: &Context<'_, P>,
    event: &Translated,
    sent: &Draft,
    draft: &Draft,
    account: Option<&AccountId>,
) -> Result<AccountMatch, AppError> {
    let (Some(customer), Some(account)) = (&event.customer, account) else {
        return Ok(AccountMatch::NoInvoice);
    };
    let email = customer.email.clone().filter(|_| matches!(draft.payload, Payload::SignedUp { .. }));
    let fact = fact(draft, Some(account), email);
    let also = || customers::fact_insert(&draft.id.as_str().into(), &customer.id, account, ctx.now);
    Ok(AccountMatch::Taken(take_fact(ctx, fact, None, digest_of(sent), also).await?.outcome))
}

fn fact(draft: &Draft, account: Option<&AccountId>, email: Option<String>) -> Event {
    Event {
        id: draft.id.as_str().into(),
        kind: draft.kind.name().to_owned(),
        occurred_at: draft.at,
        account_id: account.cloned(),
        person: Person { email, ..Person::default() },
        credential: Credential { token: draft.token.clone(), ..Credential::default() },
        payload: draft.payload.clone(),
    }
}

async fn take_fact<P: Ports>(
    ctx: &Context<'_, P>,
    event: Event,
    payment: Option<FactPayment>,
    body_sha256: String,
    also: impl Fn() -> Vec<Stmt>,
) -> Result<IngestOutcome, AppError> {
    let presented = conversion::present(ctx.setup.cookie_keys.as_ref(), &event);
    let incoming = Incoming { source: SOURCE, body_sha256, event, presented, payment };
    // Boxed: its future contains all of event ingestion, and three paths lead here.
    Box::pin(conversion::take_with(ctx, &incoming, also)).await
}

async fn wait<P: Ports>(
    ctx: &Context<'_, P>,
    event: &Translated,
    draft: &Draft,
    payment_intent: Option<&String>,
    charge: &Option<String>,
    requested_at: Option<UtcMillis>,
) -> Result<(), AppError> {
    let waiting = WaitingEvent {
        id: draft.id.clone(),
        r#type: draft.kind.name().to_owned(),
        payment_intent: payment_intent.cloned(),
        charge: charge.clone(),
        customer_id: event.paying_customer.clone(),
        payload: json!(draft.payload).to_string(),
        body_sha256: digest_of(draft),
        occurred_at_ms: draft.at,
    };
    ctx.query(rows::waiting_insert(&waiting, requested_at)).await?;
    Ok(())
}

/// What Stripe returns about a payment's invoices.
pub enum InvoiceLookup {
    Invoices(Vec<PaidInvoice>),
    NoInvoice,
    /// There is no key, or Stripe did not respond.
    NotNow,
}

/// Asks Stripe which invoices a payment is for, and stores the answer.
pub async fn look_up<P: Ports>(ctx: &Context<'_, P>, intent: &str) -> Result<InvoiceLookup, AppError> {
    if ctx.setup.stripe.is_none() {
        return Ok(InvoiceLookup::NotNow);
    }
    let (mut found, mut after) = (Vec::new(), None::<String>);
    for _ in 0..INVOICE_PAGES_MAX {
        let query = FormEncoder::new()
            .with("payment[type]", "payment_intent")
            .with("payment[payment_intent]", intent)
            .with("limit", "100")
            .with_some("starting_after", after.as_deref());
        let StripeReply::Done(answer) = stripe::get(ctx, "/v1/invoice_payments", &query).await? else {
            return Ok(InvoiceLookup::NotNow);
        };
        let (page, next) = wire::page(&answer);
        found.extend(wire::invoice_payments(page, intent));
        after = next;
        if after.is_none() {
            break;
        }
    }
    if found.is_empty() {
        return Ok(InvoiceLookup::NoInvoice);
    }
    ctx.read(rows::payment_note(&found, ctx.now)).await?;
    let of_intent = found.into_iter().filter(|payment| payment.payment == intent);
    let invoices = of_intent.map(|p| PaidInvoice { invoice_id: p.invoice, paid_cents: p.paid_cents.map(Cents) });
    Ok(InvoiceLookup::Invoices(invoices.collect()))
}

/// Ingests facts whose invoice is known by now, in the order in which they happened, within the invocation's allowance.
/// The sweep does the rest. One that fails waits on, and does not keep the others waiting; the first error is returned.
pub async fn release<P: Ports>(ctx: &Context<'_, P>, limit: i64) -> Result<(), AppError> {
    if !ctx.has_room(1 + TAKE_USUALLY) {
        return Ok(());
    }
    let ready = ctx.read(rows::waiting_ready(limit)).await?;
    let mut failed = None;
    for (waiting, ReadyEvent { invoices }) in ready {
        if !ctx.has_room(TAKE_USUALLY) {
            break;
        }
        let fault = |why| DbError::Fault(format!("stripe_waiting {}: {why}", waiting.id));
        let payment = FactPayment {
            intent: waiting.payment_intent.clone(),
            charge: waiting.charge.clone(),
            invoices: decode::from_text(&invoices).map_err(fault)?,
        };
        let event = Event {
            id: waiting.id.as_str().into(),
            kind: waiting.r#type,
            occurred_at: waiting.occurred_at_ms,
            account_id: None,
            person: Person::default(),
            credential: Credential::default(),
            payload: decode::from_text(&waiting.payload).map_err(fault)?,
        };
        let also = || rows::payment_fact_insert(&waiting.id, &payment, ctx.now);
        match take_fact(ctx, event, Some(payment.clone()), waiting.body_sha256.clone(), also).await {
            Err(error) if error.is_cut_off() => break,
            Err(error) => {
                failed.get_or_insert(error);
                continue;
            }
            Ok(_) => {}
        }
        // If this is not reached, the next release finds the fact stored, and comes here.
        if ctx.has_room(1) {
            ctx.query(rows::waiting_done(&waiting.id)).await?;
        }
    }
    failed.map_or(Ok(()), Err)
}
