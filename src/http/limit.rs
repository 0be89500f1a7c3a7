//! How often one visitor may do what costs somebody else: a mail to any address that is typed, a row of the funnel.
//!
//! In scope: what is limited, and who counts as one visitor. Not in scope: the counting, which is the runtime's, for each
//! of its locations and approximate. Nothing that is worth money depends on it.

use crate::base::id::hex;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::service::error::{AppError, ErrorKind};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::net::{IpAddr, Ipv6Addr};

/// What a visitor may do only so often. How often stands in wrangler.toml, under these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimited {
    /// Has a mail sent to an address that is typed.
    Mail,
    /// Tells what happened on a page.
    Beacon,
}

impl RateLimited {
    pub fn binding(self) -> &'static str {
        match self {
            RateLimited::Mail => "MAIL_LIMIT",
            RateLimited::Beacon => "BEACON_LIMIT",
        }
    }
}

/// Counts one more, or says that it is too much. Where nobody can tell who asks, nothing is limited.
pub async fn check<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    what: RateLimited,
) -> Result<(), AppError> {
    let Some(visitor) = visitor(request) else { return Ok(()) };
    if app.site.admits(what, visitor).await {
        return Ok(());
    }
    Err(AppError::new(
        ErrorKind::TooMany,
        "too_many_requests",
        "too many requests from this network; try again in a minute",
    ))
}

/// Whose network asks, as a hash under a key of ours; empty where nobody can tell.
pub fn requested_by<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> String {
    let keys = app.config.cookie_keys.as_ref().map(|keys| keys.derived("asked by")).unwrap_or_default();
    let (Some(key), Some(visitor)) = (keys.first(), visitor(request)) else { return String::new() };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(visitor.as_bytes());
    hex(&mac.finalize().into_bytes()[..8])
}

/// The visitor's address as Cloudflare saw it. Of IPv6 the network, since one visitor has all of its addresses.
fn visitor(request: &Request) -> Option<String> {
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
