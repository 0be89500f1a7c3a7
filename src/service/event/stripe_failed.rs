//! Events of Stripe's that could not be taken in: noted, and tried again one by one until they are. A list of missed or lost
//! events goes on without them, and may never have them again.

use crate::base::percent;
use crate::base::time::{DAY_MS, MINUTE_MS};
use crate::codec::stripe as wire;
use crate::codec::stripe::StripeEndpoint;
use crate::codec::stripe::form::FormEncoder;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::conversion::TAKE_USUALLY;
use crate::service::event::stripe_in;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::event::stripe_failed as rows;
use crate::store::event::stripe_failed::FailedEvent;
use serde_json::Value;

/// Events that one sweep tries again, each with a call to Stripe.
const AGAIN_MAX: i64 = 5;
/// The first pause; each further one is twice as long, up to a day.
const PAUSE_MS: i64 = 10 * MINUTE_MS;
const DOUBLINGS_MAX: i64 = 8;
/// Statements of one event: what it usually takes, and the note if it fails.
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

/// Tries some of those again that are due. Returns why the first of them failed.
pub async fn again<P: Ports>(ctx: &Context<'_, P>, is_live: bool) -> Result<Option<AppError>, AppError> {
    let mut fault = None;
    for failed in ctx.read(rows::failure_due_list(ctx.now, AGAIN_MAX)).await? {
        if !ctx.has_room(EVENT_STATEMENTS) {
            break;
        }
        match take(ctx, &failed, is_live).await {
            Ok(()) => {}
            Err(error) if error.is_cut_off() => break,
            Err(error) if error.kind == ErrorKind::Transient => return Err(error),
            Err(error) => {
                note(ctx, (&failed.id, &failed.r#type), failed.tries, &error).await?;
                fault.get_or_insert(error);
            }
        }
    }
    Ok(fault)
}

async fn take<P: Ports>(ctx: &Context<'_, P>, failed: &FailedEvent, is_live: bool) -> Result<(), AppError> {
    let path = format!("/v1/events/{}", percent::escaped(&failed.id));
    let event: Value = match stripe::get(ctx, &path, &FormEncoder::new()).await? {
        StripeReply::TooLong(_) => return Err(too_long(&failed.id)),
        reply => reply.done()?,
    };
    let event = wire::translate(&event, StripeEndpoint::Own, ctx.now)?;
    stripe_in::take(ctx, &event, is_live).await.map(|_| ())
}

pub fn too_long(event: &str) -> AppError {
    let detail = format!(
        "Stripe's event {event} is longer than {} bytes, so it was not read; look at it in Stripe, and send what it reports \
         to POST /v1/webhooks/events",
        crate::codec::outgoing::ANSWER_BYTES_MAX
    );
    AppError::new(ErrorKind::Fault, "stripe_event_too_long", detail)
}
