//! Delivering the outbox: settle to whom messages go, claim what is due, make the attempts, write down what came of them.
//!
//! A claim is committed before anything is sent, and moves what it claims out of everybody else's sight until an
//! invocation is surely over. So two sweeps never send the same, and what was cut off is due again by itself. A message
//! may arrive twice when an answer was lost; its id tells the receiver so, and a mail service that knows idempotency keys
//! drops the second.

use crate::base::id;
use crate::base::time::{HOUR_MS, MINUTE_MS, UtcMillis};
use crate::codec::message::email;
use crate::codec::message::email::{KINDS, Mail, MessageFields};
use crate::codec::message::endpoint;
use crate::codec::message::standard_webhooks::Secret;
use crate::codec::message::unsubscribe::address_sha256;
use crate::codec::outgoing::{IncomingResponse, RequestFailed};
use crate::program::catalog::Catalog;
use crate::program::document::Delivery;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::setup::EmailTransport;
use crate::store::credit::webhook;
use crate::store::credit::webhook::CREDIT_KINDS;
use crate::store::message::delivery;
use crate::store::message::delivery::{DeliveryOutcome, DeliveryTarget, DueDelivery, DueEmail, ToDo};
use crate::store::message::endpoint as endpoints;
use crate::store::message::unsubscribe::{Unsubscribed, unsubscribe_of};
use crate::store::port::{DbError, Stmt};
use crate::store::program;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};

/// How long after the first failed attempt, the second and so on the next is made: three days in all. Sweeps come every
/// ten minutes.
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

/// When an attempt is given up for lost. A cron invocation lives for 15 minutes at most.
pub const LOST_MS: i64 = 20 * MINUTE_MS;

/// Mails and webhooks claimed at a time, and claims of one sweep: some 60 statements and 600 requests. Only what is
/// claimed and cut off is sent a second time.
pub const MAILS: i64 = 40;
pub const HOOKS: i64 = 20;
const CLAIMS: u32 = 10;
/// Statements of one claim: it, what its attempts rest on, and what came of them, written a second time where the first
/// failed. What is claimed and not written down is sent again.
const CLAIM_STATEMENTS: u64 = 20;
/// Statements that settle to whom a page of messages goes.
const ADDRESS_STATEMENTS: u64 = 4;
/// No further claim once a sweep has taken this long.
const SWEEP_MS: i64 = 4 * MINUTE_MS;
/// Batches of messages whose recipients are settled in one sweep.
const ADDRESS_PAGES: u32 = 5;
/// Between two mails through an HTTP service: common ones take two a second.
const PACE_MS: u32 = 500;
/// How often writing down what came of the attempts is tried: what is not written is sent again.
const RECORD_TRIES: u32 = 3;
/// Longest time that an endpoint's Retry-After is believed.
const RETRY_AFTER_MS_MAX: i64 = 24 * HOUR_MS;
/// Longest reason that is kept, in characters.
const ERROR_CHARS_MAX: usize = 200;

/// Delivers what is due, within one invocation's limits. How many attempts were made.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<usize, AppError> {
    let to_do: ToDo = ctx.query(delivery::to_do(ctx.now.max(ctx.ports.clock()))).await?.first()?.unwrap_or_default();
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
        // Where nobody answers, the network or the invocation's allowance is at fault, and the next sweep may do better.
        if made_now.silent == due.len() {
            break;
        }
    }
    Ok(made)
}

async fn address<P: Ports>(ctx: &Context<'_, P>) -> Result<(), DbError> {
    #[derive(Deserialize)]
    struct Row {
        more: i64,
    }
    let mailed: Vec<DueEmail> = KINDS.iter().map(|k| DueEmail { kind: k.name, to: k.to.name() }).collect();
    for _ in 0..ADDRESS_PAGES {
        if !ctx.has_room(ADDRESS_STATEMENTS) {
            break;
        }
        let rows = ctx.batch(delivery::address(&mailed, ctx.now).into()).await?;
        let more = rows.last().map(|r| r.first::<Row>()).transpose()?.flatten();
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
    // Where statements are few, requests to other services are, too: 50 an invocation.
    let (mails, hooks) = if ctx.is_tight() { (MAILS / 2, HOOKS / 2) } else { (MAILS, HOOKS) };
    let rows = ctx.batch(delivery::lease(lease, reach, mails, hooks, now, now.plus_ms(LOST_MS))).await?;
    rows.last().map_or(Ok(Vec::new()), |claimed| claimed.decode())
}

/// What the attempts rest on besides their rows.
struct DeliveryContext {
    catalog: Catalog,
    unwanted: HashSet<Unsubscribed>,
}

/// What came of a claim's attempts.
#[derive(Default)]
struct DeliveryRequest {
    outcomes: Vec<DeliveryOutcome>,
    /// Endpoints that said they are gone.
    gone: Vec<String>,
    /// Messages by which a credit was handed over, or taken back.
    credits: Vec<String>,
    /// Attempts that nobody answered, and those not made because of it.
    silent: usize,
}

/// Makes the attempts one after the other.
async fn attempt_all<P: Ports>(ctx: &Context<'_, P>, due: &[DueDelivery]) -> Result<DeliveryRequest, DbError> {
    let hashes: Vec<String> = due.iter().filter_map(|d| address_of(ctx, d)).map(address_sha256).collect();
    let rows = ctx.batch(vec![program::program_list(), unsubscribe_of(&hashes)]).await?;
    let desk = DeliveryContext {
        catalog: program::catalog(&rows[0])?,
        unwanted: rows[1].decode::<Unsubscribed>()?.into_iter().collect(),
    };
    let (mut made, mut mute) = (DeliveryRequest::default(), HashSet::new());
    for d in due {
        // Who did not answer just now, or asked for a rest, keeps nobody else waiting.
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
            DeliveryAttempt::Sent if hands_over(d, &desk) => made.credits.push(d.outbox_id.clone()),
            _ => {}
        }
        made.silent += usize::from(matches!(tried, DeliveryAttempt::Silent(_) | DeliveryAttempt::Later));
        made.outcomes.push(outcome(d, tried, ctx.ports.clock()));
    }
    Ok(made)
}

/// Each endpoint is a service of its own; all mails go through one.
fn service_of(d: &DueDelivery) -> &str {
    if d.channel == "email" { "" } else { &d.target }
}

/// Whether a delivery is what hands a credit over: where the program said so when the message was written.
fn hands_over(d: &DueDelivery, desk: &DeliveryContext) -> bool {
    let document = desk.catalog.in_force(&d.program_id, d.created_at_ms);
    d.channel == "webhook"
        && CREDIT_KINDS.contains(&d.kind.as_str())
        && document.is_some_and(|d| d.settlement.delivery == Delivery::Webhook)
}

async fn record<P: Ports>(ctx: &Context<'_, P>, lease: &str, made: &DeliveryRequest) -> Result<(), DbError> {
    let gone: BTreeSet<&String> = made.gone.iter().collect();
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
            Err(DbError::Exhausted) => return Err(DbError::Exhausted),
            // The audit's id was there: an earlier try was written although it was answered with an error.
            Err(DbError::Guard(_)) if tries > 0 => return Ok(()),
            Err(error) => last = Err(error),
        }
        ctx.back_off(tries).await;
    }
    last
}

/// What came of one attempt.
pub(crate) enum DeliveryAttempt {
    Sent,
    /// Refused or failed: again later.
    Failed(String),
    /// Asked to come back later, at the earliest after so many milliseconds.
    Busy(String, i64),
    /// Nobody answered. It may have arrived.
    Silent(String),
    /// Not tried: the service was silent or busy a moment ago.
    Later,
    /// Nobody wants it, or nobody is there.
    Suppressed(&'static str),
    /// The endpoint is gone for good.
    Gone,
    /// It can never be sent as it is.
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
    let (Some((from, way)), Some(kind)) = (ctx.setup.mail(), email::find(&d.kind)) else {
        return DeliveryAttempt::Broken(format!("there is no email for {}", d.kind));
    };
    let Some(to) = address_of(ctx, d) else { return DeliveryAttempt::Suppressed("there is no address") };
    if !email::is_address(to) {
        return DeliveryAttempt::Suppressed("the address is not a valid email address");
    }
    let hash = address_sha256(to);
    let link = if kind.optional { ctx.setup.unsubscribe.link(&hash, kind.name) } else { None };
    if kind.optional && desk.unwanted.contains(&Unsubscribed { address_sha256: hash, kind: d.kind.clone() }) {
        return DeliveryAttempt::Suppressed("unsubscribed");
    }
    let document = desk.catalog.in_force(&d.program_id, d.created_at_ms);
    let payload: Value = serde_json::from_str(&d.payload).unwrap_or_default();
    let letter = email::letter(&MessageFields {
        kind,
        program: document.map_or(&d.program_id, |doc| &doc.title),
        name: d.name.as_deref(),
        partner: d.partner_id.as_deref(),
        account: d.account_id.as_deref(),
        payload: &payload,
        benefit_bps: document.and_then(|doc| doc.benefit.as_ref()).map(|b| b.rate_bps.0),
        site: &ctx.setup.public_url,
        unsubscribe: link.as_deref(),
        at: d.created_at_ms,
    });
    // A replay is a wish to have it sent once more: a new id, or the service would drop it.
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

/// Hands a mail to the service there is.
pub(crate) async fn hand_over<P: Ports>(ctx: &Context<'_, P>, way: EmailTransport<'_>, mail: &Mail) -> DeliveryAttempt {
    match way {
        EmailTransport::Api(api) => tell(ctx.ports.send(api.request(mail)).await),
        // The runtime names the address in its errors, which are kept.
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
    // The id stays through replays: whoever has the message already knows it.
    let id = id::derived("msg", &[&d.outbox_id, &d.channel, &d.target]);
    let body = endpoint::body(&d.kind, d.created_at_ms, &data);
    let answer = ctx.ports.send(endpoint::request(url, &secret, &id, body, ctx.ports.clock())).await;
    match &answer {
        Ok(answer) if answer.status == 410 => DeliveryAttempt::Gone,
        _ => tell(answer),
    }
}

/// What a service's answer means. Its body is not kept.
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
