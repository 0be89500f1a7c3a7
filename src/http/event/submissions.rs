//! One submission of a form is one event, whether it is told by the plugin's webhook, by the request that was passed
//! on, or by both.
//!
//! The two have no id in common, so the event of the passed request is named after what was submitted, keyed, in spans
//! of ten minutes: the same again within one is the same. A webhook looks for that event first, and waits for it a
//! moment, because it may be faster than what happens after an answer.

use crate::base::id;
use crate::base::time::{MINUTE_MS, UtcMillis};
use crate::codec::event::emdash::submission;
use crate::http::context::{Platform, RequestContext};
use crate::service::error::AppError;
use crate::store::event::intake::events_seen;
use serde_json::Value;

const SPAN_MS: i64 = 10 * MINUTE_MS;
/// How often a webhook looks, and the pause in between.
const LOOKS: u32 = 4;
const PAUSE_MS: u32 = 700;

/// The names of a submission in its own span and the one before. `None`: it can't be named.
pub fn names<S: Platform>(app: &RequestContext<'_, S>, body: &[u8], at: UtcMillis) -> Option<[String; 2]> {
    let identity = submission::identity(body)?;
    // Keyed: an event outlives the erasure of a person, and nobody must find out whose it was by trying addresses.
    let key = id::hex(app.config.cookie_keys.as_ref()?.derived("form submission").first()?);
    let span = at.0.div_euclid(SPAN_MS);
    Some([span, span - 1].map(|span| id::derived("edge", &[&key, &identity, &span.to_string()])))
}

/// The id of an event by its name.
pub fn event_id(name: &str) -> String {
    format!("emdash-form:{name}")
}

/// The outcome of a submission that was told by the request already.
pub async fn earlier_outcome<S: Platform>(
    app: &RequestContext<'_, S>,
    names: &[String],
) -> Result<Option<Value>, AppError> {
    let ids: Vec<String> = names.iter().map(|name| event_id(name)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let found = app.context("").read(events_seen(&ids)).await?;
    Ok(found.first().map(|seen| serde_json::from_str(&seen.outcome).unwrap_or_default()))
}

/// The same for a webhook, which may come first. Nobody else tells of a form where nothing is passed on.
pub async fn awaited<S: Platform>(
    app: &RequestContext<'_, S>,
    body: &[u8],
    at: UtcMillis,
) -> Result<Option<Value>, AppError> {
    if app.config.origin().is_empty() && !app.site.is_site_bound() {
        return Ok(None);
    }
    // Two clocks: the site's may be behind ours, or before it.
    let names =
        [at, at.plus_ms(SPAN_MS)].into_iter().filter_map(|at| names(app, body, at)).flatten().collect::<Vec<_>>();
    if names.is_empty() {
        return Ok(None);
    }
    for look in 0..LOOKS {
        if look > 0 {
            app.site.pause(PAUSE_MS).await;
        }
        if let Some(outcome) = earlier_outcome(app, &names).await? {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}
