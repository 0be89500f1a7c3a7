//! How often one visitor may do things that cost someone else: an email to any typed address, a row of the funnel.
//!
//! In scope: what is limited. Not in scope: what counts as one network (`base/network.rs`), and the counting. The runtime does it,
//! approximately and separately for each of its locations, so nothing that is worth money depends on it.

use crate::base::id::hex;
use crate::base::network;
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
    let Some(network) = network(request) else { return Ok(()) };
    if app.site.admits(what, network).await {
        return Ok(());
    }
    Err(refused())
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
