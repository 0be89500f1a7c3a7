//! How often one visitor may do things that cost someone else: an email to any typed address, a row of the funnel.
//!
//! In scope: what is limited. Not in scope: what counts as one network (`base/network.rs`), and the counting. The runtime does it,
//! approximately and separately for each of its locations, so nothing that is worth money depends on it.

use crate::base::id::hex;
use crate::base::network;
use crate::base::network::Sender;
use crate::http::context::{Platform, RateLimited, RequestContext};
use crate::http::exchange::Request;
use crate::service::error::{AppError, ErrorKind};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Counts one more action, or refuses it. If the network cannot be determined, nothing is limited.
pub async fn check<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    what: RateLimited,
) -> Result<(), AppError> {
    let Some(sender) = sender(request) else { return Ok(()) };
    if admits(app, &sender, what).await { Ok(()) } else { Err(refused()) }
}

/// Counts one more action of a sender, and returns whether it is within the limit. What is around it counts what its own
/// limit admits.
pub async fn admits<S: Platform>(app: &RequestContext<'_, S>, sender: &Sender, what: RateLimited) -> bool {
    for key in sender.counted(app.now) {
        if !app.site.admits(what, key).await {
            return false;
        }
    }
    true
}

/// Who sent a request, by the address that Cloudflare saw.
pub fn sender(request: &Request) -> Option<Sender> {
    Sender::of(request.header("cf-connecting-ip")?)
}

/// The refusal of a network that did too much.
pub fn refused() -> AppError {
    let detail = "too many requests from this network; try again in a minute";
    AppError::new(ErrorKind::TooMany, "too_many_requests", detail)
}

/// The visitor's network, hashed with a key of ours; empty if unknown.
pub fn requested_by<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> String {
    let keys = app.config.cookie_keys.as_ref().map(|keys| keys.derived("asked by")).unwrap_or_default();
    let (Some(key), Some(network)) = (keys.first(), network(request)) else { return String::new() };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(network.as_bytes());
    hex(&mac.finalize().into_bytes()[..8])
}

/// The visitor's network, by the address that Cloudflare saw.
pub fn network(request: &Request) -> Option<String> {
    network::network(request.header("cf-connecting-ip")?)
}
