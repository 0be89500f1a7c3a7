//! Thin events: Stripe's events of ids alone. The object is read by the service, and the event then means the same as
//! one that carries it.

use crate::base::time::{SECOND_MS, UtcMillis};
use crate::codec::stripe::event::{StripeEndpoint, ThinEvent};
use crate::codec::stripe::read;
use crate::codec::stripe::read::{id, text};
use serde_json::{Value, json};

/// Whether an event has ids alone.
pub fn is_thin(event: &Value) -> bool {
    text(event, "object").is_some_and(|object| object.starts_with("v2."))
}

/// A thin event in the format of the others, without its object. Only those of v1 objects have one that we know.
pub fn of(event: &Value, endpoint: StripeEndpoint) -> ThinEvent {
    let mut other = json!({
        "id": event.get("id"),
        "type": kind(text(event, "type").unwrap_or_default()),
        "livemode": event.get("livemode"),
        "created": created(event).map(|at| at.0.div_euclid(SECOND_MS)),
    });
    if let Some(account) = account(event) {
        other["account"] = json!(account);
    }
    ThinEvent { event: other, path: path(event), endpoint }
}

/// The type without its version: `v1.invoice.paid` is the thin `invoice.paid`.
pub fn kind(kind: &str) -> &str {
    kind.strip_prefix("v1.").unwrap_or(kind)
}

/// The connected account that it is from.
pub fn account(event: &Value) -> Option<String> {
    id(event, "account").or_else(|| id(event, "context").filter(|context| context.starts_with("acct_")))
}

/// When it happened: seconds, or RFC 3339 in the events of v2.
pub fn created(event: &Value) -> Option<UtcMillis> {
    let rfc3339 = || UtcMillis::parse(text(event, "created")?);
    read::instant(event, "created").or_else(rfc3339)
}

/// The path of its object, if it is one of Stripe's API.
pub fn path(event: &Value) -> Option<String> {
    let related = event.get("related_object")?;
    let url = text(related, "url").map(|url| url.strip_prefix("https://api.stripe.com").unwrap_or(url))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-');
    (url.starts_with("/v1/") && url.len() <= 512 && url.chars().all(plain)).then(|| url.to_owned())
}

/// The event with its object.
pub fn with_object(thin: &ThinEvent, object: Value) -> Value {
    let mut event = thin.event.clone();
    event["data"] = json!({"object": object});
    event
}
