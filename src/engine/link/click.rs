//! A click to be recorded: who, through which link, when. Recording is bookkeeping; the cookie carries the attribution.

use crate::base::id::hex;
use crate::base::time::{HOUR_MS, UtcMillis};
use crate::engine::link::LinkRecord;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::rc::Rc;

/// Bytes of a month's salt: as long as the hash it keys.
pub const SALT_BYTES: usize = 32;

/// Longest User-Agent that goes into a fingerprint, in bytes.
const USER_AGENT_MAX: usize = 256;

/// The part of a User-Agent that fingerprints are made of: the same for clicks, forms and beacons.
pub fn fingerprinted_part(user_agent: &str) -> &str {
    let end = (0..=user_agent.len().min(USER_AGENT_MAX)).rev().find(|end| user_agent.is_char_boundary(*end));
    &user_agent[..end.unwrap_or(0)]
}

#[derive(Clone, Debug, PartialEq)]
pub struct Click {
    /// Unique: a second attempt to write the same click does nothing.
    pub id: String,
    /// As it was at the click. Shared, not copied: thousands of clicks may wait for one link.
    pub link: Rc<LinkRecord>,
    /// The one the URL named, else the link's; empty where neither names one.
    pub campaign: String,
    pub visitor: Visitor,
    pub at: UtcMillis,
    pub bot: bool,
    /// ISO 3166 code of two letters, or whatever Cloudflare says for Tor (`T1`) and unknown (`XX`).
    pub country: Option<String>,
    pub utm_source: Option<String>,
    pub utm_medium: Option<String>,
    /// Host of the Referer; its path is nobody's business.
    pub referrer_host: Option<String>,
}

/// Who clicked, for counting one click per link, visitor and hour.
#[derive(Clone, PartialEq)]
pub enum Visitor {
    /// The server-given id of a valid cookie.
    Known(String),
    /// The same, where the program attributes by fingerprint, too: without it a visitor who loses the cookie would be
    /// known by the clicks before it alone, and the last partner forgotten.
    Followed { id: String, ip: String, user_agent: String },
    /// No cookie: a fingerprint is made of these when the click is recorded. They live in memory until then and are
    /// neither stored nor logged.
    Fingerprint { ip: String, user_agent: String },
    /// `Sec-GPC: 1` and no cookie: no fingerprint, each click stands for itself.
    Private,
}

impl Click {
    /// The clock hour, counted from 1970.
    pub fn hour(&self) -> i64 {
        self.at.0.div_euclid(HOUR_MS)
    }

    /// The visitor as it is stored.
    pub fn visitor_key(&self, salt: &Salt) -> String {
        match &self.visitor {
            Visitor::Known(id) | Visitor::Followed { id, .. } => id.clone(),
            Visitor::Fingerprint { ip, user_agent } => salt.fingerprint(ip, user_agent),
            Visitor::Private => self.id.clone(),
        }
    }

    /// What the visitor can be found by without a cookie, where the link's program attributes so.
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

    /// `fp_` and 32 hex digits: HMAC-SHA-256 of address and User-Agent, cut to 128 bits. An address holds no accrual
    /// feed, so no two pairs are the same input.
    pub fn fingerprint(&self, ip: &str, user_agent: &str) -> String {
        // An HMAC takes keys of any length, so there always is one.
        let Some(mut hmac) = self.0.clone() else { return "fp_none".to_owned() };
        for part in [ip, "\n", user_agent] {
            hmac.update(part.as_bytes());
        }
        let mut out = String::with_capacity(35);
        out.push_str("fp_");
        out.push_str(&hex(&hmac.finalize().into_bytes()[..16]));
        out
    }
}

/// Says that there is a fingerprint, never of what.
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
        let who = Visitor::Fingerprint { ip: "192.0.2.1".into(), user_agent: "Mozilla".into() };
        assert_eq!(format!("{who:?}"), "Fingerprint");
    }
}
