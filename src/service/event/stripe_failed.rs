//! Events of Stripe's that could not be taken in: noted, and tried again one by one until they are, or until an operator has
//! dealt with them. A list of missed or lost events goes on without them, and may never have them again.

use crate::base::percent;
use crate::base::time::{DAY_MS, MINUTE_MS};
use crate::codec::stripe as wire;
use crate::codec::stripe::StripeEndpoint;
use crate::codec::stripe::form::FormEncoder;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::conversion::TAKE_USUALLY;
use crate::service::event::stripe_in;
use crate::service::once::StoredResponse;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::event::stripe_failed as rows;
use crate::store::event::stripe_failed::FailedEvent;
use serde_json::{Value, json};

/// Events that one sweep tries again, each with a call to Stripe.
const AGAIN_MAX: i64 = 5;
/// The first pause; each further one is twice as long, up to a day.
const PAUSE_MS: i64 = 10 * MINUTE_MS;
const DOUBLINGS_MAX: i64 = 8;
/// Statements of one event: what it usually takes, and the note if it fails, or that it no longer does.
const EVENT_STATEMENTS: u64 = TAKE_USUALLY + 4 + NOTE_STATEMENTS;
pub const NOTE_STATEMENTS: u64 = 1;

/// Notes that an event failed after so many tries.
pub async fn note<P: Ports>(
    ctx: &Context<'_, P>,
    (id, kind): (&str, &str),
    tries: i64,
    why: &AppError,
) -> Result<(), AppError> {
    let pause = (PAUSE_MS << tries.clamp(0, DOUBLINGS_MAX)).min(DAY_MS);
    let reason = why.violation().unwrap_or(why.code);
    ctx.query(rows::failure_note(id, kind, reason, ctx.now.plus_ms(pause), ctx.now)).await?;
    Ok(())
}

/// Whether what an event says is not missing here, although it is refused: it is known with other content, or of the other
/// mode. While a payout is in progress, a reversal of its transfer is refused: Stripe is asked for the transfer before the
/// payout is sent or booked, and that shows what was reversed.
pub fn lacks_nothing(why: &AppError) -> bool {
    matches!(why.code, "event_id_reused" | "stripe_mode_mismatch" | "payout_open")
}

/// Tries some of those again that are due. Returns why the first of them failed. A failure of one is no reason to leave the
/// others, unless Stripe does not answer or the statements are used up: it is due later, so that it is not always the first.
pub async fn again<P: Ports>(ctx: &Context<'_, P>, is_live: bool) -> Result<Option<AppError>, AppError> {
    let mut fault = None;
    for failed in ctx.read(rows::failure_due_list(ctx.now, AGAIN_MAX)).await? {
        if !ctx.has_room(EVENT_STATEMENTS) {
            break;
        }
        let for_note = ctx.keep(NOTE_STATEMENTS);
        let event = requested(ctx, &failed.id).await;
        let is_silent = event.as_ref().is_err_and(|error| error.kind == ErrorKind::Transient);
        let taken = match event {
            Ok(event) => take(ctx, &event, is_live).await,
            Err(error) => Err(error),
        };
        drop(for_note);
        let is_over = |error: &AppError| matches!(error.code, "event_id_reused" | "stripe_mode_mismatch");
        match taken {
            Err(error) if error.is_cut_off() => break,
            Err(error) if !is_over(&error) => {
                note(ctx, (&failed.id, &failed.r#type), failed.tries, &error).await?;
                fault.get_or_insert(error);
            }
            _ => {
                ctx.query(rows::failure_over(&failed.id)).await?;
            }
        }
        if is_silent {
            break;
        }
    }
    Ok(fault)
}

/// The event as Stripe has it.
async fn requested<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<Value, AppError> {
    let path = format!("/v1/events/{}", percent::escaped(id));
    match stripe::get(ctx, &path, &FormEncoder::new()).await? {
        StripeReply::TooLong(_) => Err(too_long(id)),
        reply => reply.done(),
    }
}

async fn take<P: Ports>(ctx: &Context<'_, P>, event: &Value, is_live: bool) -> Result<(), AppError> {
    let event = wire::translate(event, StripeEndpoint::Own, ctx.now)?;
    stripe_in::take(ctx, &event, is_live).await.map(|_| ())
}

pub fn too_long(event: &str) -> AppError {
    let detail = format!(
        "Stripe's event {event} is longer than {} bytes, so it was not read; look at it in Stripe, send what it reports to \
         POST /v1/webhooks/events, then mark it as handled",
        crate::codec::outgoing::ANSWER_BYTES_MAX
    );
    AppError::new(ErrorKind::Fault, "stripe_event_too_long", detail)
}

/// Stripe's list cannot be read after an event, nor can it be continued: the id of the next one is not in what was read.
pub fn unreadable(after: &str) -> AppError {
    let detail = format!(
        "Stripe's list of events can't be read from {after} on: the first event is longer than {} bytes and shows no id. \
         Compare what is older with Stripe, then mark this as handled",
        crate::codec::outgoing::ANSWER_BYTES_MAX
    );
    AppError::new(ErrorKind::Fault, "stripe_list_unreadable", detail)
}

pub fn view(failed: &FailedEvent) -> Value {
    json!({
        "id": failed.id, "type": failed.r#type, "reason": failed.reason, "tries": failed.tries,
        "failed_at": failed.failed_at_ms.to_rfc3339(),
    })
}

/// An operator dealt with one. Doing so again changes nothing.
pub async fn acknowledge<P: Ports>(ctx: &Context<'_, P>, id: &str, reason: &str) -> Result<StoredResponse, AppError> {
    let found = ctx.read(rows::failure_find(id).first()).await?;
    let found = found.ok_or_else(|| AppError::not_found("event"))?;
    if found.acknowledged_at_ms.is_none() {
        let before = json!({"type": found.r#type, "reason": found.reason, "tries": found.tries});
        let after = json!({"acknowledged": true});
        let entry = ctx.audit("stripe_event.acknowledge", id, Some(reason), Some(before), Some(after));
        ctx.batch(vec![rows::failure_acknowledge(id, &ctx.actor, reason, ctx.now), entry]).await?;
    }
    Ok((200, view(&found)))
}
