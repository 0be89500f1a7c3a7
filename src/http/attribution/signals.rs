//! What a request's headers say about its visitor.

use crate::engine::link::click::fingerprinted_part;
use crate::http::exchange::Request;

/// Headers by which browsers say that nobody is looking at the page yet.
pub const PURPOSES: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// Address and User-Agent, unless the visitor has asked not to be tracked.
pub fn fingerprint_parts(request: &Request) -> Option<(&str, &str)> {
    if request.header("sec-gpc").is_some_and(|value| value.trim() == "1") {
        return None;
    }
    let ip = request.header("cf-connecting-ip").filter(|ip| !ip.is_empty())?;
    Some((ip, fingerprinted_part(request.header("user-agent").unwrap_or_default())))
}
