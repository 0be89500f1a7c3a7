//! How often one visitor may do things that cost someone else: an email to any typed address, a row of the funnel.
//!
//! In scope: what is limited, and what counts as one visitor. Not in scope: the counting. The runtime does it,
//! approximately and separately for each of its locations, so nothing that is worth money depends on it.

use crate::base::id::hex;
use crate::http::context::{Platform, RateLimited, RequestContext};
use crate::http::exchange::Request;
use crate::service::error::{AppError, ErrorKind};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::net::{IpAddr, Ipv6Addr};

/// Counts one more action, or refuses it. If the visitor cannot be determined, nothing is limited.
pub async fn check<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    what: RateLimited,
) -> Result<(), AppError> {
    let Some(visitor) = visitor(request) else { return Ok(()) };
    if app.site.admits(what, visitor).await {
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
    let (Some(key), Some(visitor)) = (keys.first(), visitor(request)) else { return String::new() };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(visitor.as_bytes());
    hex(&mac.finalize().into_bytes()[..8])
}

/// The visitor's address as Cloudflare saw it. For IPv6 it is the network, since one visitor has all of its addresses.
pub fn visitor(request: &Request) -> Option<String> {
    match request.header("cf-connecting-ip")?.trim().parse().ok()? {
        IpAddr::V4(address) => Some(address.to_string()),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => Some(address.to_string()),
            None => {
                let [a, b, c, d, ..] = address.segments();
                Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_an_address_or_a_network() {
        let of = |ip: &str| {
            visitor(&Request { headers: vec![("cf-connecting-ip".to_owned(), ip.to_owned())], ..Request::default() })
        };
        assert_eq!(of("192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(of("::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_eq!(of("2001:db8:1:2::1").as_deref(), Some("2001:db8:1:2::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        for none in ["", "somebody", "192.0.2.1, 192.0.2.2"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(visitor(&Request::default()), None);
    }
}
