//! A click to record: who, through which link, when. The record is for counting; the cookie carries the attribution.

use crate::base::id::hex;
use crate::base::network::network;
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

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Click {
    /// Unique: a second attempt to write the same click has no effect.
    pub id: String,
    /// The link at the time of the click. Shared, not copied: thousands of clicks may wait for one link.
    pub link: Rc<LinkRecord>,
    /// The campaign from the URL, else the link's; empty if neither names one.
    pub campaign: String,
    pub visitor: Visitor,
    pub address: Address,
    pub at: UtcMillis,
    /// By a program: counted, and not stored.
    pub bot: bool,
    /// ISO 3166 code of two letters, or Cloudflare's codes for Tor (`T1`) and unknown (`XX`).
    pub country: Option<String>,
    pub utm_source: Option<String>,
    pub utm_medium: Option<String>,
    /// Host of the Referer. Its path is dropped for privacy.
    pub referrer_host: Option<String>,
}

/// Who clicked. Clicks are counted once per link, visitor and hour.
#[derive(Clone, Default, PartialEq)]
pub enum Visitor {
    /// The server-assigned id from a valid cookie.
    Known(String),
    /// The same, where the program also attributes by fingerprint. Without the fingerprint, a visitor who loses the
    /// cookie would only be found through the clicks before it, and the last partner would be lost.
    Followed { id: String, user_agent: String },
    /// No cookie: a fingerprint is made from this and the address when the click is recorded. Until then it stays in memory;
    /// it is never stored or logged.
    Fingerprint { user_agent: String },
    /// `Sec-GPC: 1` and no cookie: no fingerprint, and each click counts separately.
    #[default]
    Private,
}

/// The address that a click came from. It stays in memory until the click is recorded: for the fingerprint, and for the
/// limit of what is stored of one network. It is never stored or logged.
#[derive(Clone, Default, PartialEq)]
pub struct Address(String);

impl Click {
    /// The clock hour, counted from 1970.
    pub fn hour(&self) -> i64 {
        self.at.0.div_euclid(HOUR_MS)
    }

    /// The visitor as stored.
    pub fn visitor_key(&self, salt: &Salt) -> String {
        match &self.visitor {
            Visitor::Known(id) | Visitor::Followed { id, .. } => id.clone(),
            Visitor::Fingerprint { user_agent } => salt.fingerprint(&self.address.0, user_agent),
            Visitor::Private => self.id.clone(),
        }
    }

    /// The key that finds the visitor without a cookie, if the link's program attributes that way. `key`: the visitor as
    /// stored, which without a cookie is the fingerprint.
    pub fn fingerprint(&self, salt: &Salt, key: &str) -> Option<String> {
        let made = match &self.visitor {
            _ if !self.link.fingerprinted => return None,
            Visitor::Followed { user_agent, .. } => salt.fingerprint(&self.address.0, user_agent),
            Visitor::Fingerprint { .. } => key.to_owned(),
            Visitor::Known(_) | Visitor::Private => return None,
        };
        Some(made)
    }
}

impl Address {
    /// As Cloudflare tells it; empty if it does not.
    pub fn new(ip: &str) -> Address {
        Address(ip.to_owned())
    }

    /// What limits count as its network; empty if it is unknown.
    pub fn network(&self) -> String {
        network(&self.0).unwrap_or_default()
    }
}

/// Shows that there is one.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address")
    }
}

/// What a month's fingerprints begin with, so that they are found when its salt is removed: `fp_202606`.
pub fn fingerprint_prefix(month: &str) -> String {
    let mut prefix = "fp_".to_owned();
    prefix.extend(month.chars().filter(char::is_ascii_digit));
    prefix
}

/// The salt of a month, as a keyed hash ready for use.
#[derive(Clone)]
pub struct Salt {
    key: Option<Hmac<Sha256>>,
    prefix: String,
}

impl Salt {
    /// `month` is written as 2026-06.
    pub fn new(month: &str, salt: &[u8]) -> Salt {
        Salt { key: Hmac::new_from_slice(salt).ok(), prefix: fingerprint_prefix(month) }
    }

    /// For clicks that need none.
    pub fn none() -> Salt {
        Salt { key: None, prefix: String::new() }
    }

    /// The month's prefix and 32 hex digits: HMAC-SHA-256 of network and User-Agent, cut to 128 bits. An address contains no
    /// line feed, so two different pairs never give the same input.
    pub fn fingerprint(&self, ip: &str, user_agent: &str) -> String {
        // An HMAC accepts keys of any length, so this never fails.
        let Some(mut hmac) = self.key.clone() else { return "fp_none".to_owned() };
        for part in [&*visiting_network(ip), "\n", user_agent] {
            hmac.update(part.as_bytes());
        }
        let mut out = String::with_capacity(self.prefix.len() + 32);
        out.push_str(&self.prefix);
        out.push_str(&hex(&hmac.finalize().into_bytes()[..16]));
        out
    }
}

/// What stays of an address for the time of a visit: of IPv6 the first 64 bits, since devices change the others daily, and
/// IPv4 in its own form. Limits count by less of it ([`network`]).
fn visiting_network(ip: &str) -> Cow<'_, str> {
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
        let one = Salt::new("2026-06", &[1; 32]).fingerprint("192.0.2.1", "Mozilla");
        assert_eq!(one.len(), 41);
        assert!(one.starts_with(&fingerprint_prefix("2026-06")));
        assert!(!one.contains("192"));
        assert_eq!(one, Salt::new("2026-06", &[1; 32]).fingerprint("192.0.2.1", "Mozilla"));
        assert_ne!(one, Salt::new("2026-06", &[2; 32]).fingerprint("192.0.2.1", "Mozilla"));
        assert_ne!(one, Salt::new("2026-06", &[1; 32]).fingerprint("192.0.2.2", "Mozilla"));
        assert_ne!(one, Salt::new("2026-06", &[1; 32]).fingerprint("192.0.2.1", "Mozill"));
        let of = |ip: &str| Salt::new("2026-06", &[1; 32]).fingerprint(ip, "Mozilla");
        assert_eq!(of("2001:db8:1:2::1"), of("2001:0db8:0001:0002:abcd:ef01:2345:6789"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        let who = Visitor::Fingerprint { user_agent: "Mozilla".into() };
        assert_eq!(format!("{who:?} {:?}", Address::new("192.0.2.1")), "Fingerprint Address");
    }
}
