//! A click to record: who, through which link, when. The record is for counting; the cookie carries the attribution.

use crate::base::id::hex;
use crate::base::time::{HOUR_MS, UtcMillis};
use crate::engine::link::LinkRecord;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::rc::Rc;

/// Bytes of a month's salt: the length of the hash that it keys.
pub const SALT_BYTES: usize = 32;

/// Longest part of a User-Agent that goes into a fingerprint, in bytes.
const USER_AGENT_MAX: usize = 256;

/// The part of a User-Agent that fingerprints use: the same for clicks, forms and beacons.
pub fn fingerprinted_part(user_agent: &str) -> &str {
    let end = (0..=user_agent.len().min(USER_AGENT_MAX)).rev().find(|end| user_agent.is_char_boundary(*end));
    &user_agent[..end.unwrap_or(0)]
}

#[derive(Clone, Debug, PartialEq)]
pub struct Click {
    /// Unique: a second attempt to write the same click has no effect.
    pub id: String,
    /// The link at the time of the click. Shared, not copied: thousands of clicks may wait for one link.
    pub link: Rc<LinkRecord>,
    /// The campaign from the URL, else the link's; empty if neither names one.
    pub campaign: String,
    pub visitor: Visitor,
    pub at: UtcMillis,
    pub bot: bool,
    /// ISO 3166 code of two letters, or Cloudflare's codes for Tor (`T1`) and unknown (`XX`).
    pub country: Option<String>,
    pub utm_source: Option<String>,
    pub utm_medium: Option<String>,
    /// Host of the Referer. Its path is dropped for privacy.
    pub referrer_host: Option<String>,
}

/// Who clicked. Clicks are counted once per link, visitor and hour.
#[derive(Clone, PartialEq)]
pub enum Visitor {
    /// The server-assigned id from a valid cookie.
    Known(String),
    /// The same, where the program also attributes by fingerprint. Without the fingerprint, a visitor who loses the
    /// cookie would only be found through the clicks before it, and the last partner would be lost.
    Followed { id: String, ip: String, user_agent: String },
    /// No cookie: a fingerprint is made from these when the click is recorded. Until then they stay in memory; they are
    /// never stored or logged.
    Fingerprint { ip: String, user_agent: String },
    /// `Sec-GPC: 1` and no cookie: no fingerprint, and each click counts separately.
    Private,
}

impl Click {
    /// The clock hour, counted from 1970.
    pub fn hour(&self) -> i64 {
        self.at.0.div_euclid(HOUR_MS)
    }

    /// The visitor as stored.
    pub fn visitor_key(&self, salt: &Salt) -> String {
        match &self.visitor {
            Visitor::Known(id) | Visitor::Followed { id, .. } => id.clone(),
            Visitor::Fingerprint { ip, user_agent } => salt.fingerprint(ip, user_agent),
            Visitor::Private => self.id.clone(),
        }
    }

    /// The key that finds the visitor without a cookie, if the link's program attributes that way.
    pub fn fingerprint(&self, salt: &Salt) -> Option<String> {
        match &self.visitor {
            Visitor::Followed { ip, user_agent, .. } | Visitor::Fingerprint { ip, user_agent } => {
                self.link.fingerprinted.then(|| salt.fingerprint(ip, user_agent))
            }
            Visitor::Known(_) | Visitor::Private => None,
        }
    }
}

/// The salt of a month, as a keyed hash ready for use.
#[derive(Clone)]
pub struct Salt(Option<Hmac<Sha256>>);

impl Salt {
    pub fn new(salt: &[u8]) -> Salt {
        Salt(Hmac::new_from_slice(salt).ok())
    }

    /// `fp_` and 32 hex digits: HMAC-SHA-256 of network and User-Agent, cut to 128 bits. An address contains no line
    /// feed, so two different pairs never give the same input.
    pub fn fingerprint(&self, ip: &str, user_agent: &str) -> String {
        // An HMAC accepts keys of any length, so this never fails.
        let Some(mut hmac) = self.0.clone() else { return "fp_none".to_owned() };
        for part in [&*network_of(ip), "\n", user_agent] {
            hmac.update(part.as_bytes());
        }
        let mut out = String::with_capacity(35);
        out.push_str("fp_");
        out.push_str(&hex(&hmac.finalize().into_bytes()[..16]));
        out
    }
}

/// What stays of an address for the time of a visit: of IPv6 the first 64 bits, since devices change the others daily, and
/// IPv4 in its own form.
fn network_of(ip: &str) -> Cow<'_, str> {
    let Ok(address) = ip.trim().parse::<Ipv6Addr>() else { return Cow::Borrowed(ip) };
    if let Some(mapped) = address.to_ipv4_mapped() {
        return Cow::Owned(mapped.to_string());
    }
    let network = u128::from(address) >> 64;
    Cow::Owned(format!("{network:x}/64"))
}

/// Shows that there is a fingerprint, but not its source.
impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Visitor::Known(id) => write!(f, "Known({id})"),
            Visitor::Followed { id, .. } => write!(f, "Followed({id})"),
            Visitor::Fingerprint { .. } => write!(f, "Fingerprint"),
            Visitor::Private => write!(f, "Private"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_depend_on_every_part_and_hide_them() {
        let one = Salt::new(&[1; 32]).fingerprint("192.0.2.1", "Mozilla");
        assert_eq!(one.len(), 35);
        assert!(!one.contains("192"));
        assert_eq!(one, Salt::new(&[1; 32]).fingerprint("192.0.2.1", "Mozilla"));
        assert_ne!(one, Salt::new(&[2; 32]).fingerprint("192.0.2.1", "Mozilla"));
        assert_ne!(one, Salt::new(&[1; 32]).fingerprint("192.0.2.2", "Mozilla"));
        assert_ne!(one, Salt::new(&[1; 32]).fingerprint("192.0.2.1", "Mozill"));
        let of = |ip: &str| Salt::new(&[1; 32]).fingerprint(ip, "Mozilla");
        assert_eq!(of("2001:db8:1:2::1"), of("2001:0db8:0001:0002:abcd:ef01:2345:6789"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        let who = Visitor::Fingerprint { ip: "192.0.2.1".into(), user_agent: "Mozilla".into() };
        assert_eq!(format!("{who:?}"), "Fingerprint");
    }
}
