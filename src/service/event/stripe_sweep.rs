//! What the sweep does for Stripe: it places waiting facts, joins the remaining customers, fetches missed events once a
//! day, and compares subscriptions once a month.

use crate::base::time::{DAY_MS, HOUR_MS, Month, SECOND_MS, UtcMillis};
use crate::codec::outgoing::ANSWER_BYTES_MAX;
use crate::codec::stripe as wire;
use crate::codec::stripe::StripeEndpoint;
use crate::codec::stripe::form::FormEncoder;
use crate::service::account::stripe_customer;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::conversion::TAKE_USUALLY;
use crate::service::event::stripe_failed;
use crate::service::event::stripe_failed::{NOTE_STATEMENTS, lacks_nothing, too_long, unreadable};
use crate::service::event::stripe_in;
use crate::service::event::stripe_in::InvoiceLookup;
use crate::service::payout::closed;
use crate::service::payout::closed::{CONFIRM_STATEMENTS, Confirmation};
use crate::service::report::stripe_reconcile;
use crate::service::setup::STATEMENTS_FREE;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::event::stripe as rows;
use crate::store::health;
use crate::store::health::CURSOR_STATEMENTS;
use crate::store::payout::payee;
use crate::store::restoration::{BEFORE_BACKUP_MS, TRANSFERS_FETCHED, restoration_last};
use serde_json::Value;

/// Customers that one sweep joins.
const CUSTOMERS_MAX: i64 = 10;
/// Waiting facts that one sweep ingests.
const RELEASED_MAX: i64 = 10;
/// Invoices that one sweep requests from Stripe, and how long it waits before it requests one again.
const ASKED_MAX: i64 = 5;
const ASK_AGAIN_MS: i64 = 6 * HOUR_MS;

/// Statements that store Stripe's answer about an invoice.
const ASK_STATEMENTS: u64 = 2;

/// Stripe lists events for 30 days.
const REACH_MS: i64 = 30 * DAY_MS;
/// Events per page: as many as a response holds if each has 64 KiB. If they are longer, smaller pages are requested.
const EVENTS: usize = ANSWER_BYTES_MAX / (64 * 1024);
/// By how much a page shrinks that is longer than what is read, and grows again after one that fits.
const PAGE_SHRINKS_BY: usize = 4;
/// The most pages that one sweep reads: events that another endpoint did not accept stay listed.
const PAGES_MAX: u32 = 160;
/// Partners' accounts that are requested per day.
const PAYEES_MAX: i64 = 50;
/// The same when requests to other services are scarce: 50 per invocation on the free plan.
const PAYEES_TIGHT: i64 = 10;
/// After so many failures the other accounts are left for tomorrow: it seems to be Stripe, not an account.
const PAYEE_FAILURES_MAX: u32 = 3;
/// Statements for an ingested event: its fact, its customer, its result, or the note that it failed. If one takes more, the
/// next sweep does the rest.
const EVENT_USUALLY: u64 = TAKE_USUALLY + 4 + NOTE_STATEMENTS;
/// In addition to the sweep's heartbeat, its first reads, one page, and the cursor.
const _: () = assert!(1 + 2 + PAGE_STATEMENTS + CURSOR_STATEMENTS + stripe_in::EVENT_STATEMENTS <= STATEMENTS_FREE);
/// Statements that check which events of a page are known.
const PAGE_STATEMENTS: u64 = 1;

/// The daily and monthly jobs, by the names of their heartbeats.
const MISSED: &str = "stripe_missed";
const RECONCILED: &str = "stripe_reconciled";
/// Once after the database was restored from a backup: our events. And the transfers that no payout of the backup has.
const RESTORED: &str = "stripe_restored";

/// Which events are fetched.
#[derive(Clone, Copy)]
enum Fetched {
    /// Those that no endpoint accepted.
    Missed,
    /// All since an instant: what an endpoint accepted may be lost.
    Since(UtcMillis),
    TransfersSince(UtcMillis),
}

/// Joins customers with new information.
pub async fn join<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    stripe_customer::process_marked(ctx, CUSTOMERS_MAX).await
}

/// Ingests facts that were waiting for their invoice, and requests the invoices of those that still wait.
pub async fn release<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let released = stripe_in::release(ctx, RELEASED_MAX).await;
    if ctx.setup.stripe.is_some() {
        request_invoices(ctx).await?;
    }
    released
}

/// Does the daily and monthly work that is due, and tries again what failed. After an error, completed work is kept and the
/// next sweep continues.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    if ctx.setup.stripe.is_none() {
        return Ok(());
    }
    let is_live = ctx.setup.stripe.as_ref().is_some_and(|stripe| stripe.is_live());
    let reads = (health::heartbeat_list(), health::cursor_list(), restoration_last().first());
    let (beats, cursors, restored) = ctx.read(reads).await?;
    let last = |job: &str| beats.iter().find(|b| b.job == job).map(|b| b.finished_at_ms);
    let from = |job: &str| cursors.iter().find(|c| c.job == job).map(|c| c.cursor.clone());
    let lost = restored.and_then(|restored| {
        let since = restored.taken_at_ms.plus_ms(-BEFORE_BACKUP_MS);
        let jobs = [(RESTORED, Fetched::Since(since)), (TRANSFERS_FETCHED, Fetched::TransfersSince(since))];
        jobs.into_iter().find(|(job, _)| last(job).is_none_or(|at| at < restored.restored_at_ms))
    });
    let mut fault = None;
    if let Some((job, fetched)) = lost {
        let until;
        (until, fault) = fetch(ctx, fetched, is_live, from(job)).await;
        got(ctx, job, until).await?;
    } else if last(MISSED).is_none_or(|at| ctx.now.0 - at.0 >= DAY_MS) {
        let until;
        (until, fault) = fetch(ctx, Fetched::Missed, is_live, from(MISSED)).await;
        if until.is_none() {
            fault = fault.or(request_payees(ctx).await?);
        }
        got(ctx, MISSED, until).await?;
    } else if last(RECONCILED).is_none_or(|at| Month::of(at) != Month::of(ctx.now)) {
        match stripe_reconcile::run(ctx, from(RECONCILED)).await {
            Ok(until) => got(ctx, RECONCILED, until).await?,
            Err(error) => fault = Some(error),
        }
    }
    // Even if something stopped the list: what failed before is none of it.
    if ctx.has_room(1) {
        fault = fault.or(stripe_failed::again(ctx, is_live).await?);
    }
    fault.map_or(Ok(()), Err)
}

/// Stores how far a job got, or that it is finished.
async fn got<P: Ports>(ctx: &Context<'_, P>, job: &str, until: Option<String>) -> Result<(), AppError> {
    ctx.batch(match until {
        Some(cursor) => vec![health::cursor_write(job, &cursor)],
        None => vec![health::cursor_clear(job), health::heartbeat_write(job, ctx.now, ctx.now, None)],
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
            // It claws nothing back unless a checkout without an invoice turns out to be what was paid.
            InvoiceLookup::NoInvoice => rows::waiting_requested(&item.id, None),
            _ => rows::waiting_requested(&item.id, Some(ctx.now)),
        };
        ctx.query(statement).await?;
    }
    stripe_in::release(ctx, RELEASED_MAX).await
}

/// The query that lists them.
fn listed(fetched: Fetched, now: UtcMillis) -> FormEncoder {
    let reach = now.plus_ms(-REACH_MS);
    let since = |at: UtcMillis| FormEncoder::new().with("created[gte]", (at.0 / SECOND_MS).to_string());
    let query = match fetched {
        Fetched::Missed => since(reach).with("delivery_success", "false"),
        Fetched::Since(at) => since(at.max(reach)),
        Fetched::TransfersSince(at) => return since(at.max(reach)).with("types[]", wire::ALARM_EVENT),
    };
    wire::OWN_EVENTS.iter().fold(query, |query, kind| query.with("types[]", *kind))
}

/// A list of events that is being read.
struct Reading {
    fetched: Fetched,
    is_live: bool,
    /// The event after which it goes on.
    after: Option<String>,
    /// Events per page.
    limit: usize,
    /// Why the first of the events that failed could not be taken in.
    fault: Option<AppError>,
}

/// What follows a page.
enum Step {
    Further,
    Through,
    /// The statements are used up.
    CutOff,
}

/// Fetches events, newest first, starting after the one where an earlier invocation was cut off. Returns the event to
/// continue after (empty: none), or `None` if finished, and the reason of the first failure. Failed events are noted and
/// tried again, and don't block others. What concerns all of them ends it: Stripe's list or the database does not answer.
async fn fetch<P: Ports>(
    ctx: &Context<'_, P>,
    fetched: Fetched,
    is_live: bool,
    from: Option<String>,
) -> (Option<String>, Option<AppError>) {
    let mut reading = Reading { fetched, is_live, after: from.filter(|id| !id.is_empty()), limit: EVENTS, fault: None };
    let listed = listed(fetched, ctx.now);
    // The cursor is stored even if everything else is used up.
    let _for_cursor = ctx.keep(CURSOR_STATEMENTS);
    for _ in 0..PAGES_MAX {
        if !ctx.has_room(PAGE_STATEMENTS + NOTE_STATEMENTS) {
            return (Some(reading.after.unwrap_or_default()), reading.fault);
        }
        match read_page(ctx, &listed, &mut reading).await {
            Ok(Step::Further) => {}
            Ok(Step::Through) => return (None, reading.fault),
            Ok(Step::CutOff) => return (Some(reading.after.unwrap_or_default()), reading.fault),
            Err(error) if error.is_cut_off() => return (Some(reading.after.unwrap_or_default()), reading.fault),
            Err(error) => return (Some(reading.after.unwrap_or_default()), Some(error)),
        }
    }
    // Of those that no endpoint accepted, tomorrow's list begins with the newest again.
    (reading.after.filter(|_| !matches!(fetched, Fetched::Missed)), reading.fault)
}

/// Takes in the events of one page that are not known.
async fn read_page<P: Ports>(
    ctx: &Context<'_, P>,
    listed: &FormEncoder,
    reading: &mut Reading,
) -> Result<Step, AppError> {
    let after = reading.after.as_deref();
    let query = listed.clone().with("limit", reading.limit.to_string()).with_some("starting_after", after);
    let answer = match stripe::get(ctx, "/v1/events", &query).await? {
        // The event to continue after is older than Stripe's list by now: start over.
        StripeReply::Refused(refusal) if after.is_some() && refusal.code == "resource_missing" => {
            reading.after = None;
            return Ok(Step::Further);
        }
        StripeReply::TooLong(_) if reading.limit > 1 => {
            reading.limit = (reading.limit / PAGE_SHRINKS_BY).max(1);
            return Ok(Step::Further);
        }
        StripeReply::TooLong(list) => return pass_by(ctx, &list, reading).await,
        reply => reply.done()?,
    };
    reading.limit = (reading.limit * PAGE_SHRINKS_BY).min(EVENTS);
    let (events, next) = wire::page(&answer);
    for event in unknown(ctx, events).await? {
        if !ctx.has_room(EVENT_USUALLY) {
            return Ok(Step::CutOff);
        }
        let for_note = ctx.keep(NOTE_STATEMENTS);
        let taken = take(ctx, event, reading.is_live).await;
        drop(for_note);
        match taken {
            Err(error) if error.is_cut_off() => return Ok(Step::CutOff),
            Err(error) if is_noted(reading.fetched, &error) => {
                let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
                note(ctx, reading, (text("id"), text("type")), error).await?;
            }
            _ => {}
        }
    }
    Ok(match next {
        Some(next) => {
            reading.after = Some(next);
            Step::Further
        }
        None => Step::Through,
    })
}

/// Goes on after an event that is too long by itself.
async fn pass_by<P: Ports>(ctx: &Context<'_, P>, list: &str, reading: &mut Reading) -> Result<Step, AppError> {
    let Some(id) = wire::first_event_id(list).filter(|id| Some(id) != reading.after.as_ref()) else {
        let error = unreadable(reading.after.as_deref().unwrap_or("the newest"));
        note(ctx, reading, ("", ""), error).await?;
        return Ok(Step::Through);
    };
    let known = ctx.read(rows::stripe_event_known(std::slice::from_ref(&id))).await?;
    if known.is_empty() {
        note(ctx, reading, (&id, ""), too_long(&id)).await?;
    }
    reading.after = Some(id);
    Ok(Step::Further)
}

/// Notes that an event failed, by its id and type. A list of transfers has no other type: payouts have to wait for it, even
/// if the event itself can't be read.
async fn note<P: Ports>(
    ctx: &Context<'_, P>,
    reading: &mut Reading,
    (id, kind): (&str, &str),
    error: AppError,
) -> Result<(), AppError> {
    let place = format!("list_after_{}", reading.after.as_deref().unwrap_or("none"));
    let id = if id.is_empty() { &place } else { id };
    let kind = if matches!(reading.fetched, Fetched::TransfersSince(_)) { wire::ALARM_EVENT } else { kind };
    stripe_failed::note(ctx, (id, kind), 0, &error).await?;
    reading.fault.get_or_insert(error);
    Ok(())
}

/// Whether what failed is tried again by itself. Lists that are read once have it no second time, so there everything is
/// that may be missing here. Among those that no endpoint accepted, what cannot be parsed or is refused stays listed, and
/// is skipped today.
fn is_noted(fetched: Fetched, error: &AppError) -> bool {
    match fetched {
        Fetched::Missed => matches!(error.kind, ErrorKind::Transient | ErrorKind::Fault),
        Fetched::Since(_) | Fetched::TransfersSince(_) => !lacks_nothing(error),
    }
}

/// Requests the partners' accounts that cannot be paid. Stripe's list of events does not include theirs, and a missed
/// event would keep a partner's money here forever. Returns why the first of them failed.
async fn request_payees<P: Ports>(ctx: &Context<'_, P>) -> Result<Option<AppError>, AppError> {
    let most = if ctx.is_tight() { PAYEES_TIGHT } else { PAYEES_MAX };
    let (mut fault, mut failures) = (None, 0);
    // What does not fit is requested tomorrow: accounts with the oldest news come first.
    for row in ctx.read(payee::payee_waiting(most)).await? {
        if failures == PAYEE_FAILURES_MAX || !ctx.has_room(CONFIRM_STATEMENTS + CURSOR_STATEMENTS) {
            break;
        }
        // An account that is gone is closed. The key may also lack the right to read it.
        match closed::confirm(ctx, &row.stripe_account_id, false).await {
            Ok(Confirmation::Unknown) => failures += 1,
            Ok(_) => {}
            Err(error) if error.is_cut_off() => break,
            Err(error) => {
                failures += 1;
                fault.get_or_insert(error);
            }
        }
    }
    Ok(fault)
}

async fn unknown<'a, P: Ports>(ctx: &Context<'_, P>, events: &'a [Value]) -> Result<Vec<&'a Value>, AppError> {
    let id = |event: &Value| event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let ids: Vec<String> = events.iter().map(id).collect();
    let known = ctx.read(rows::stripe_event_known(&ids)).await?;
    Ok(events.iter().filter(|event| !known.iter().any(|row| row.id == id(event))).collect())
}

async fn take<P: Ports>(ctx: &Context<'_, P>, event: &Value, is_live: bool) -> Result<(), AppError> {
    let event = wire::translate(event, StripeEndpoint::Own, ctx.now)?;
    stripe_in::take(ctx, &event, is_live).await.map(|_| ())
}
