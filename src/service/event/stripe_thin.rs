//! Reading the objects of thin events, which hold ids alone.

use crate::base::time::UtcMillis;
use crate::codec::stripe as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::codec::stripe::{StripeEvent, ThinEvent, Translated};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use serde_json::Value;

/// The event with its object, as it is by now. If there is none, an event that is ignored and says why.
pub async fn resolve<P: Ports>(
    ctx: &Context<'_, P>,
    event: &Translated,
    thin: &ThinEvent,
) -> Result<Translated, AppError> {
    let ignored = |why| Ok(Translated { what: StripeEvent::Ignored(why), ..event.clone() });
    if ctx.setup.stripe.is_none() {
        return ignored("it is a thin event of ids alone, and its object is only read if STRIPE_API_KEY is set");
    }
    let path = match &thin.path {
        Some(path) => Some(path.clone()),
        None => {
            let whole = read(ctx, &format!("/v2/core/events/{}", event.id)).await?;
            whole.as_ref().and_then(wire::thin::path)
        }
    };
    let Some(path) = path else { return ignored("it is a thin event that names no object") };
    let Some(object) = read(ctx, &path).await? else { return ignored("the object of the thin event is gone") };
    let whole = wire::thin::with_object(thin, object);
    // The event was checked against our clock before.
    let now = UtcMillis(ctx.now.0.max(event.created.0));
    Ok(wire::translate(&whole, thin.endpoint, now)?)
}

/// Reads an object; `None` if there is none. If the key may not read it, Stripe sends the event again, and the key can be
/// corrected in the meantime.
async fn read<P: Ports>(ctx: &Context<'_, P>, path: &str) -> Result<Option<Value>, AppError> {
    match stripe::get(ctx, path, &FormEncoder::new()).await? {
        StripeReply::Refused(refusal) if !matches!(refusal.status, 401 | 403) => Ok(None),
        StripeReply::Refused(refusal) => Err(AppError::new(
            ErrorKind::Transient,
            "stripe_refused",
            format!("STRIPE_API_KEY may not read {path}: {}", refusal.message),
        )),
        reply => Ok(Some(reply.done()?)),
    }
}
