//! Delivering the outbox: determine the recipients, lease what is due, make the attempts, record the results.
//!
//! A lease is committed before anything is sent, and hides what it leases from all other invocations until this one has
//! certainly ended. So two sweeps never send the same delivery, and one that was cut off becomes due again by itself. A
//! message may arrive twice if a response was lost. Its id lets the receiver detect that, and an email service that
//! supports idempotency keys drops the duplicate.

use crate::base::id;
use crate::base::sort::distinct;
use crate::base::time::{HOUR_MS, MINUTE_MS, UtcMillis};
use crate::codec::message::email;
use crate::codec::message::email::{Mail, MessageFields};
use crate::codec::message::endpoint;
use crate::codec::message::standard_webhooks::Secret;
use crate::codec::message::unsubscribe::address_sha256;
use crate::codec::outgoing::{IncomingResponse, RequestFailed};
use crate::engine::message::{Audience, MessageType};
use crate::program::catalog::Catalog;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::setup::EmailTransport;
use crate::store::credit::webhook;
use crate::store::message::delivery;
use crate::store::message::delivery::{DeliveryOutcome, DeliveryTarget, DueDelivery, DueEmail};
use crate::store::message::endpoint as endpoints;
use crate::store::message::unsubscribe::{Unsubscribed, unsubscribe_of};
use crate::store::port::{DbError, Stmt};
use crate::store::program;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};

/// How long after the first failed attempt, the second and so on the next one is made: three days in total. Sweeps run
/// every ten minutes.
pub const BACK_OFF_MS: [i64; 10] = [
    10 * MINUTE_MS,
    20 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    4 * HOUR_MS,
    8 * HOUR_MS,
    12 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
];

/// When an attempt is considered lost. A cron invocation lives for at most 15 minutes.
pub const LOST_MS: i64 = 20 * MINUTE_MS;

/// Emails and webhooks per lease, and leases per sweep: about 60 statements and 600 requests. Only deliveries that are
/// leased and then cut off are sent twice.
pub const MAILS: i64 = 40;
pub const HOOKS: i64 = 20;
const CLAIMS: u32 = 10;
/// Statements of one lease: the lease itself, what its attempts need, and their results, written a second time if the
/// first write failed. What is leased but not recorded is sent again.
const CLAIM_STATEMENTS: u64 = 20;
/// Statements that determine the recipients of a page of messages.
const ADDRESS_STATEMENTS: u64 = 4;
/// No further lease after a sweep has taken this long.
const SWEEP_MS: i64 = 4 * MINUTE_MS;
/// Batches of messages whose recipients are determined in one sweep.
const ADDRESS_PAGES: u32 = 5;
/// The pause between two emails through an HTTP service: common ones accept two per second.
const PACE_MS: u32 = 500;
/// How often recording the results is tried: what is not recorded is sent again.
const RECORD_TRIES: u32 = 3;
/// How old an email may be that its reader can do without, in days.
const NEWS_DAYS: i64 = 30;
/// The longest Retry-After that is accepted from an endpoint.
const RETRY_AFTER_MS_MAX: i64 = 24 * HOUR_MS;
/// Longest error message that is stored, in characters.
const ERROR_CHARS_MAX: usize = 200;

/// Delivers what is due, within one invocation's limits. Returns how many attempts were made.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<usize, AppError> {
    let to_do = ctx.read(delivery::to_do(ctx.now.max(ctx.ports.clock())).first()).await?.unwrap_or_default();
    if to_do.unaddressed == 1 {
        address(ctx).await?;
    } else if to_do.due == 0 {
        return Ok(0);
    }
    let (began, mut made) = (ctx.ports.clock(), 0);
    for _ in 0..CLAIMS {
        let now = ctx.ports.clock();
        if now > began.plus_ms(SWEEP_MS) || !ctx.has_room(CLAIM_STATEMENTS) {
            break;
        }
        let lease = ctx.fresh_id("clm");
        let due = lease_due(ctx, &lease, now).await?;
        if due.is_empty() {
            break;
        }
        made += due.len();
        let made_now = attempt_all(ctx, &due).await?;
        record(ctx, &lease, &made_now).await?;
        // If no service responds, the network or the invocation's allowance is at fault, and the next sweep may do
        // better.
        if made_now.silent == due.len() {
            break;
        }
    }
    Ok(made)
}

async fn address<P: Ports>(ctx: &Context<'_, P>) -> Result<(), DbError> {
    let mailed: Vec<DueEmail> = MessageType::emailed().map(|(kind, to)| DueEmail { kind, to }).collect();
    for _ in 0..ADDRESS_PAGES {
        if !ctx.has_room(ADDRESS_STATEMENTS) {
            break;
        }
        let (writes, more) = delivery::address(&mailed, ctx.now);
        let (_, more) = ctx.read((Vec::from(writes), more.first())).await?;
        if more.is_none_or(|row| row.more == 0) {
            break;
        }
    }
    Ok(())
}

async fn lease_due<P: Ports>(ctx: &Context<'_, P>, lease: &str, now: UtcMillis) -> Result<Vec<DueDelivery>, DbError> {
    let reach = match (ctx.setup.mail(), &ctx.setup.mail.operator) {
        (None, _) => DeliveryTarget::Nobody,
        (Some(_), None) => DeliveryTarget::AllButOperator,
        (Some(_), Some(_)) => DeliveryTarget::All,
    };
    // When statements are scarce, requests to other services are too: 50 per invocation.
    let (mails, hooks) = if ctx.is_tight() { (MAILS / 2, HOOKS / 2) } else { (MAILS, HOOKS) };
    let (claims, claimed) = delivery::lease(lease, reach, mails, hooks, now, now.plus_ms(LOST_MS));
    Ok(ctx.read((claims, claimed)).await?.1)
}

/// What the attempts need besides their rows.
struct DeliveryContext {
    catalog: Catalog,
    unwanted: HashSet<Unsubscribed>,
}

/// The results of a lease's attempts.
#[derive(Default)]
struct DeliveryRequest {
    outcomes: Vec<DeliveryOutcome>,
    /// Endpoints that responded that they are gone.
    gone: Vec<String>,
    /// Messages that handed over a credit or clawed one back.
    credits: Vec<String>,
    /// Attempts without a response, and those skipped because of one.
    silent: usize,
}

/// Makes the attempts one after the other.
async fn attempt_all<P: Ports>(ctx: &Context<'_, P>, due: &[DueDelivery]) -> Result<DeliveryRequest, DbError> {
    let hashes: Vec<String> = due.iter().filter_map(|d| address_of(ctx, d)).map(address_sha256).collect();
    let (catalog, unwanted) = ctx.read((program::programs(), unsubscribe_of(&hashes))).await?;
    let desk = DeliveryContext { catalog, unwanted: unwanted.into_iter().collect() };
    let (mut made, mut mute) = (DeliveryRequest::default(), HashSet::new());
    for d in due {
        // A service that did not respond just now, or asked for a pause, must not keep others waiting.
        let tried = if mute.contains(&(&d.channel, service_of(d))) {
            DeliveryAttempt::Later
        } else if d.channel == "email" {
            mail_one(ctx, d, &desk).await
        } else {
            hook_one(ctx, d).await
        };
        match &tried {
            DeliveryAttempt::Silent(_) | DeliveryAttempt::Busy(..) => {
                mute.insert((&d.channel, service_of(d)));
            }
            DeliveryAttempt::Gone => made.gone.push(d.target.clone()),
            DeliveryAttempt::Sent if d.channel == "webhook" && d.hands_over != 0 => {
                made.credits.push(d.outbox_id.clone())
            }
            _ => {}
        }
        made.silent += usize::from(matches!(tried, DeliveryAttempt::Silent(_) | DeliveryAttempt::Later));
        made.outcomes.push(outcome(d, tried, ctx.ports.clock()));
    }
    Ok(made)
}

/// Each endpoint is a service of its own; all emails use one service.
fn service_of(d: &DueDelivery) -> &str {
    if d.channel == "email" { "" } else { &d.target }
}

async fn record<P: Ports>(ctx: &Context<'_, P>, lease: &str, made: &DeliveryRequest) -> Result<(), DbError> {
    let gone: BTreeSet<&String> = distinct(made.gone.iter());
    let gone: Vec<_> = gone.into_iter().map(|endpoint| (id::derived("aud", &[endpoint, lease]), endpoint)).collect();
    let mut last = Ok(());
    for tries in 0..RECORD_TRIES {
        let mut batch: Vec<Stmt> = delivery::record(lease, &made.outcomes).into();
        if !made.credits.is_empty() {
            batch.extend(webhook::record(&made.credits, &ctx.actor, ctx.now));
        }
        if !gone.is_empty() {
            batch.extend(endpoints::endpoint_gone(&gone, &ctx.actor, ctx.now));
        }
        match ctx.batch(batch).await {
            Ok(_) => return Ok(()),
            Err(error @ (DbError::Exhausted | DbError::Violation(_))) => return Err(error),
            // The audit id exists already: an earlier attempt was written although it returned an error.
            Err(DbError::LostRace(_)) if tries > 0 => return Ok(()),
            Err(error) => last = Err(error),
        }
        ctx.back_off(tries).await;
    }
    last
}

/// The result of one attempt.
pub(crate) enum DeliveryAttempt {
    Sent,
    /// Refused or failed: retry later.
    Failed(String),
    /// Asked to come back later, after at least this many milliseconds.
    Busy(String, i64),
    /// No response. It may have arrived.
    Silent(String),
    /// Not attempted: the service was silent or busy a moment ago.
    Later,
    /// The recipient unsubscribed, or there is no recipient.
    Suppressed(&'static str),
    /// The endpoint is gone for good.
    Gone,
    /// It can never be sent in its current form.
    Broken(String),
}

fn outcome(d: &DueDelivery, tried: DeliveryAttempt, now: UtcMillis) -> DeliveryOutcome {
    let (attempts, soon) = (d.attempts, now.plus_ms(BACK_OFF_MS[0]));
    let again = |error: String, least: i64| {
        let waits = usize::try_from(attempts - 1).ok().and_then(|n| BACK_OFF_MS.get(n));
        match waits {
            Some(wait) => ("queued", attempts, now.plus_ms((*wait).max(least)), Some(error)),
            None => ("failed", attempts, now, Some(error)),
        }
    };
    let (state, attempts, next, error) = match tried {
        DeliveryAttempt::Sent => ("sent", attempts, now, None),
        DeliveryAttempt::Busy(error, least) => again(error, least),
        DeliveryAttempt::Failed(error) | DeliveryAttempt::Silent(error) => again(error, 0),
        DeliveryAttempt::Later => ("queued", attempts - 1, soon, None),
        DeliveryAttempt::Suppressed(why) => ("suppressed", attempts, now, Some(why.to_owned())),
        DeliveryAttempt::Gone => ("failed", attempts, now, Some("responded with 410 Gone".to_owned())),
        DeliveryAttempt::Broken(error) => ("failed", attempts, now, Some(error)),
    };
    DeliveryOutcome {
        outbox: d.outbox_id.clone(),
        channel: d.channel.clone(),
        target: d.target.clone(),
        state,
        attempts,
        next_attempt_at_ms: next,
        error: error.map(|e| e.chars().take(ERROR_CHARS_MAX).collect()),
        sent_at_ms: (state == "sent").then_some(now),
    }
}

fn address_of<'a, P: Ports>(ctx: &'a Context<'_, P>, d: &'a DueDelivery) -> Option<&'a str> {
    let address = if d.target == "operator" { ctx.setup.mail.operator.as_deref() } else { d.email.as_deref() };
    address.filter(|_| d.channel == "email")
}

async fn mail_one<P: Ports>(ctx: &Context<'_, P>, d: &DueDelivery, desk: &DeliveryContext) -> DeliveryAttempt {
    let audience = Audience::parse(&d.target);
    let (Some((from, way)), Some(kind), Some(audience)) = (ctx.setup.mail(), MessageType::parse(&d.kind), audience)
    else {
        return DeliveryAttempt::Broken(format!("there is no email for {}", d.kind));
    };
    let Some(to) = address_of(ctx, d) else { return DeliveryAttempt::Suppressed("there is no address") };
    if !email::is_address(to) {
        return DeliveryAttempt::Suppressed("the address is not a valid email address");
    }
    let hash = address_sha256(to);
    let link = if kind.is_optional() { ctx.setup.unsubscribe.link(&hash, kind.name()) } else { None };
    if kind.is_optional() && desk.unwanted.contains(&Unsubscribed { address_sha256: hash, kind: d.kind.clone() }) {
        return DeliveryAttempt::Suppressed("unsubscribed");
    }
    // It waited until emails were set up.
    if kind.is_optional() && d.created_at_ms.plus_days(NEWS_DAYS) < ctx.now {
        return DeliveryAttempt::Suppressed("it is no news anymore");
    }
    let document = desk.catalog.current(&d.program_id, d.created_at_ms);
    let payload: Value = serde_json::from_str(&d.payload).unwrap_or_default();
    let letter = email::letter(&MessageFields {
        kind,
        to: audience,
        program: document.map_or(&d.program_id, |doc| &doc.title),
        program_id: &d.program_id,
        site_name: &ctx.setup.site_name,
        name: d.name.as_deref(),
        partner: d.partner_id.as_deref(),
        account: d.account_id.as_deref(),
        payload: &payload,
        benefit_bps: document.and_then(|doc| doc.benefit.as_ref()).map(|b| b.rate_bps.0),
        site: &ctx.setup.public_url,
        unsubscribe: link.as_deref(),
        at: d.created_at_ms,
    });
    // A replay asks to send it once more. It needs a new id, or the service would drop it.
    let id = id::derived("msg", &[&d.outbox_id, &d.channel, &d.target, &d.round.to_string()]);
    let mut headers = vec![("X-Manicule-Message", id.clone())];
    if let Some(path) = &link {
        headers.push(("List-Unsubscribe", format!("<{}{path}>", ctx.setup.public_url)));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let mail = Mail {
        id,
        to: to.to_owned(),
        from: from.clone(),
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
        headers,
    };
    let tried = hand_over(ctx, way, &mail).await;
    if matches!(way, EmailTransport::Api(_)) {
        ctx.ports.pause(PACE_MS).await;
    }
    tried
}

/// Sends an email through the configured service.
pub(crate) async fn hand_over<P: Ports>(ctx: &Context<'_, P>, way: EmailTransport<'_>, mail: &Mail) -> DeliveryAttempt {
    match way {
        EmailTransport::Api(api) => tell(ctx.ports.send(api.request(mail)).await),
        // The runtime's errors contain the address, and errors are stored.
        EmailTransport::Binding => match ctx.ports.mail(mail).await {
            Ok(()) => DeliveryAttempt::Sent,
            Err(RequestFailed(why)) => DeliveryAttempt::Failed(why.replace(&mail.to, "the address")),
        },
    }
}

async fn hook_one<P: Ports>(ctx: &Context<'_, P>, d: &DueDelivery) -> DeliveryAttempt {
    let (Some(url), Some(secret), None) = (&d.url, &d.secret, d.disabled_at_ms) else {
        return DeliveryAttempt::Suppressed("the endpoint is disabled");
    };
    if let Err(must) = endpoint::check(url, &ctx.setup.endpoints) {
        return DeliveryAttempt::Broken(format!("the address must {must}"));
    }
    let secret = match Secret::parse(secret) {
        Ok(secret) => secret,
        Err(why) => return DeliveryAttempt::Broken(why.to_string()),
    };
    let mut data = json!({"id": d.outbox_id, "program": d.program_id, "partner": d.partner_id, "external_id": d.external_id, "account": d.account_id});
    if let (Some(data), Ok(Value::Object(payload))) = (data.as_object_mut(), serde_json::from_str(&d.payload)) {
        data.extend(payload);
    }
    // The id stays the same in replays, so that a receiver that already has the message recognizes it.
    let id = id::derived("msg", &[&d.outbox_id, &d.channel, &d.target]);
    let body = endpoint::body(&d.kind, d.created_at_ms, &data);
    let answer = ctx.ports.send(endpoint::request(url, &secret, &id, body, ctx.ports.clock())).await;
    match &answer {
        Ok(answer) if answer.status == 410 => DeliveryAttempt::Gone,
        _ => tell(answer),
    }
}

/// What a service's response means. Its body is not stored.
fn tell(answer: Result<IncomingResponse, RequestFailed>) -> DeliveryAttempt {
    match answer {
        Ok(answer) if answer.is_success() => DeliveryAttempt::Sent,
        Ok(answer) => {
            let seconds = answer.header("retry-after").and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or(0);
            let wait = seconds.saturating_mul(1_000).clamp(0, RETRY_AFTER_MS_MAX);
            let error = format!("answered {}", answer.status);
            if matches!(answer.status, 429 | 503) {
                DeliveryAttempt::Busy(error, wait)
            } else {
                DeliveryAttempt::Failed(error)
            }
        }
        Err(why) => DeliveryAttempt::Silent(why.to_string()),
    }
}
