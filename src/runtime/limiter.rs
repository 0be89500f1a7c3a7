//! Cloudflare's rate limiters. They count approximately, each location for itself.

use crate::http::context::RateLimited;
use crate::runtime::time_limit::within;
use std::time::Duration;
use worker::{Env, console_warn};

/// How long the runtime may take to count.
const COUNT_LIMIT: Duration = Duration::from_secs(1);

/// Counts one more action of this network, and returns whether it is within the limit. If the binding is missing or does not
/// respond, everyone is allowed.
pub async fn admits(env: &Env, what: RateLimited, network: String) -> bool {
    let Ok(limiter) = env.rate_limiter(what.binding()) else { return true };
    match within(COUNT_LIMIT, limiter.limit(network)).await {
        Some(Ok(outcome)) => outcome.success,
        Some(Err(why)) => {
            console_warn!("{}: {why}", what.binding());
            true
        }
        None => true,
    }
}
