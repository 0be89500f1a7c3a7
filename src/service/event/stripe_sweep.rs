//! What the sweep does about Stripe: places what waits, joins customers that were left, fetches events that were
//! missed once a day, and compares subscriptions once a month.

use crate::base::time::{DAY_MS, HOUR_MS, Month, SECOND_MS, UtcMillis};
use crate::codec::BODY_BYTES_MAX;
use crate::codec::outgoing::ANSWER_BYTES_MAX;
use crate::codec::stripe as wire;
use crate::codec::stripe::StripeEndpoint;
use crate::codec::stripe::form::FormEncoder;
use crate::service::account::stripe_customer;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::conversion::TAKE_USUALLY;
use crate::service::event::stripe_in;
use crate::service::event::stripe_in::InvoiceLookup;
use crate::service::report::stripe_reconcile;
use crate::service::setup::STATEMENTS_FREE;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::event::stripe as rows;
use crate::store::health;
use crate::store::health::{CURSOR_STATEMENTS, Heartbeat};
use crate::store::payout::payee;
use serde_json::Value;

/// Customers that one sweep joins.
const CUSTOMERS_MAX: i64 = 10;
/// Waiting facts that one sweep takes in.
const RELEASED_MAX: i64 = 10;
/// Invoices that one sweep asks Stripe for, and how long it waits before it asks again.
const ASKED_MAX: i64 = 5;
const ASK_AGAIN_MS: i64 = 6 * HOUR_MS;

/// Statements that keep what Stripe said of an invoice.
const ASK_STATEMENTS: u64 = 2;

/// Stripe lists events for 30 days.
const REACH_MS: i64 = 30 * DAY_MS;
/// Events of one page: as many as an answer holds whose every one is as long as a webhook may be.
const EVENTS: usize = ANSWER_BYTES_MAX / BODY_BYTES_MAX;
/// Pages that one sweep reads at most: events stay listed that another endpoint did not take.
const PAGES_MAX: u32 = 160;
/// Partners' accounts that one day asks for.
const PAYEES_MAX: i64 = 50;
/// The same where requests to other services are few: 50 an invocation on the free plan.
const PAYEES_TIGHT: i64 = 10;
/// Statements of an event that is taken in: its fact, and who its customer is, what came of it. Of one that takes more the
/// next sweep takes the rest.
const EVENT_USUALLY: u64 = TAKE_USUALLY + 4;
/// Beside the sweep's heartbeat, what it reads first, one page, and how far it got.
const _: () = assert!(1 + 2 + PAGE_STATEMENTS + CURSOR_STATEMENTS + stripe_in::EVENT_STATEMENTS <= STATEMENTS_FREE);
/// Statements that look which events of a page are known.
const PAGE_STATEMENTS: u64 = 1;

/// The jobs of the day and of the month, as their heartbeats are called.
const MISSED: &str = "stripe_missed";
const RECONCILED: &str = "stripe_reconciled";

/// Joins customers that something was said about.
pub async fn join<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    stripe_customer::process_marked(ctx, CUSTOMERS_MAX).await
}

/// Takes in what waited for its invoice, and asks for the invoices of what still waits.
pub async fn release<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    stripe_in::release(ctx, RELEASED_MAX).await?;
    if ctx.setup.stripe.is_some() { request_invoices(ctx).await } else { Ok(()) }
}

/// Does what is due once a day and once a month. An error leaves what was done; the next sweep goes on.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    if ctx.setup.stripe.is_none() {
        return Ok(());
    }
    let (beats, cursors) = ctx.read((health::heartbeat_list().query::<Heartbeat>(), health::cursor_list())).await?;
    let last = |job: &str| beats.iter().find(|b| b.job == job).map(|b| b.finished_at_ms);
    let from = |job: &str| cursors.iter().find(|c| c.job == job).map(|c| c.cursor.clone());
    if last(MISSED).is_none_or(|at| ctx.now.0 - at.0 >= DAY_MS) {
        let (until, fault) = fetch_missed(ctx, from(MISSED)).await?;
        if until.is_none() {
            request_payees(ctx).await?;
        }
        got(ctx, MISSED, until).await?;
        fault.map_or(Ok(()), Err)?;
    } else if last(RECONCILED).is_none_or(|at| Month::of(at) != Month::of(ctx.now)) {
        let until = stripe_reconcile::run(ctx, from(RECONCILED)).await?;
        got(ctx, RECONCILED, until).await?;
    }
    Ok(())
}

/// Keeps how far a job got, or that it is through.
async fn got<P: Ports>(ctx: &Context<'_, P>, job: &str, until: Option<String>) -> Result<(), AppError> {
    ctx.batch(match until {
        Some(cursor) => vec![health::cursor_write(job, &cursor)],
        None => vec![health::cursor_clear(job), health::heartbeat_write(job, ctx.now, ctx.now)],
    })
    .await?;
    Ok(())
}

async fn request_invoices<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let waiting = ctx.read(rows::waiting_to_request(ctx.now.plus_ms(-ASK_AGAIN_MS), ASKED_MAX)).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    for item in &waiting {
        if !ctx.has_room(ASK_STATEMENTS) {
            return Ok(());
        }
        let answer = stripe_in::look_up(ctx, item.payment_intent.as_deref().unwrap_or("")).await?;
        let statement = match answer {
            // A payment for no invoice takes nothing back here.
            InvoiceLookup::NoInvoice => rows::waiting_done(&item.id),
            _ => rows::waiting_requested(&item.id, ctx.now),
        };
        ctx.query(statement).await?;
    }
    stripe_in::release(ctx, RELEASED_MAX).await
}

/// Fetches the events that no endpoint took, the newest first, after the one where an invocation before this was cut off.
/// Answers after which event to go on (empty: none), `None` where it is through, and why the first of those that are not in is not: they are
/// tried again tomorrow, and keep nothing else out.
async fn fetch_missed<P: Ports>(
    ctx: &Context<'_, P>,
    from: Option<String>,
) -> Result<(Option<String>, Option<AppError>), AppError> {
    let is_live = ctx.setup.stripe.as_ref().is_some_and(|stripe| stripe.is_live());
    let since = ctx.now.plus_ms(-REACH_MS).0 / SECOND_MS;
    let (mut after, mut fault) = (from.filter(|id| !id.is_empty()), None);
    // How far it got is kept even where all else is used up.
    let _for_cursor = ctx.keep(CURSOR_STATEMENTS);
    for _ in 0..PAGES_MAX {
        let query = FormEncoder::new().with("delivery_success", "false").with("created[gte]", since.to_string());
        let query = wire::OWN_EVENTS.iter().fold(query, |query, kind| query.with("types[]", *kind));
        let query = query.with("limit", EVENTS.to_string()).with_some("starting_after", after.as_deref());
        if !ctx.has_room(PAGE_STATEMENTS) {
            return Ok((Some(after.unwrap_or_default()), fault));
        }
        let answer = match stripe::get(ctx, "/v1/events", &query).await? {
            // The event that it was to go on from is older than Stripe's list by now: from the beginning.
            StripeReply::Refused(refusal) if after.is_some() && refusal.code == "resource_missing" => {
                after = None;
                continue;
            }
            reply => reply.done()?,
        };
        let (events, next) = wire::page(&answer);
        for event in unknown(ctx, events).await? {
            if !ctx.has_room(EVENT_USUALLY) {
                return Ok((Some(after.unwrap_or_default()), fault));
            }
            match take(ctx, event, is_live).await {
                Err(error) if error.kind == ErrorKind::Fault => {
                    fault.get_or_insert(error);
                }
                Err(error) if error.is_cut_off() => return Ok((Some(after.unwrap_or_default()), fault)),
                done => done?,
            }
        }
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok((None, fault))
}

/// Asks for the partners' accounts that cannot be paid. Stripe's list of events has none of theirs, and one that was
/// missed would keep a partner's money here for good.
async fn request_payees<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let most = if ctx.is_tight() { PAYEES_TIGHT } else { PAYEES_MAX };
    // What does not fit is asked for tomorrow: those of which nothing was heard for longest come first.
    let waiting = ctx.read(payee::payee_waiting(most)).await?;
    for row in waiting {
        if !ctx.has_room(1 + CURSOR_STATEMENTS) {
            return Ok(());
        }
        let path = format!("/v1/accounts/{}", row.stripe_account_id);
        let answer = match stripe::get(ctx, &path, &FormEncoder::new()).await? {
            StripeReply::Done(answer) => answer,
            // The account is gone, or the key may not read it.
            StripeReply::Refused(_) => continue,
            StripeReply::Limited | StripeReply::Unsure(_) => return Ok(()),
        };
        let Ok(state) = wire::payability(&answer) else { continue };
        // Events come in whole seconds: one of this second must not be older than what was read in it.
        let at = UtcMillis(ctx.now.0.div_euclid(SECOND_MS) * SECOND_MS);
        ctx.read(payee::payee_update(&state, at)).await?;
    }
    Ok(())
}

async fn unknown<'a, P: Ports>(ctx: &Context<'_, P>, events: &'a [Value]) -> Result<Vec<&'a Value>, AppError> {
    let id = |event: &Value| event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let ids: Vec<String> = events.iter().map(id).collect();
    let known = ctx.read(rows::stripe_event_known(&ids)).await?;
    Ok(events.iter().filter(|event| !known.iter().any(|row| row.id == id(event))).collect())
}

/// Takes one in. One that cannot be read or is refused is not taken in today either: it must not keep the others out.
async fn take<P: Ports>(ctx: &Context<'_, P>, event: &Value, is_live: bool) -> Result<(), AppError> {
    let Ok(event) = wire::translate(event, StripeEndpoint::Own, ctx.now) else { return Ok(()) };
    match stripe_in::take(ctx, &event, is_live).await {
        Err(error) if matches!(error.kind, ErrorKind::Transient | ErrorKind::Fault) => Err(error),
        _ => Ok(()),
    }
}
