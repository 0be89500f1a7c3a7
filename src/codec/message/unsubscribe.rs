//! The link that stops a type of message without signing in.
//!
//! In scope: signing the link's query and reading it again. Not in scope: what the link does. The query names the type
//! and the hash of the address, never the address. Its MAC is HMAC-SHA-256 under a key derived from the cookie's. The
//! link is valid as long as the key is kept.

use crate::codec::attribution::cookie::CookieKeys;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The path that the link leads to.
pub const PATH: &str = "/unsubscribe";

/// The first key signs, all of them verify.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UnsubscribeKeys(Vec<[u8; 32]>);

impl UnsubscribeKeys {
    pub fn of(keys: &CookieKeys) -> UnsubscribeKeys {
        UnsubscribeKeys(keys.derived("unsubscribe"))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `/unsubscribe?type=…&to=…&mac=…`; `None` without a key.
    pub fn link(&self, address_sha256: &str, kind: &str) -> Option<String> {
        let mac = self.0.first().and_then(|key| mac(key, address_sha256, kind))?;
        let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        Some(format!("{PATH}?type={kind}&to={address_sha256}&mac={mac}"))
    }

    /// Whether we signed a link with these parts.
    pub fn verify(&self, address_sha256: &str, kind: &str, given: &str) -> bool {
        let mut bytes = [0; 33];
        let Ok(32) = URL_SAFE_NO_PAD.decode_slice(given, &mut bytes) else { return false };
        // Compares in constant time.
        self.0.iter().filter_map(|key| mac(key, address_sha256, kind)).any(|mac| mac.verify_slice(&bytes[..32]).is_ok())
    }
}

/// Hex SHA-256 of an address, ignoring its case.
pub fn address_sha256(address: &str) -> String {
    crate::base::id::hex(&Sha256::digest(address.trim().to_lowercase().as_bytes()))
}

fn mac(key: &[u8; 32], address_sha256: &str, kind: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    // Neither part of a signed link contains a line feed.
    for part in [kind, "\n", address_sha256] {
        mac.update(part.as_bytes());
    }
    Some(mac)
}

/// Keys are never printed.
impl std::fmt::Debug for UnsubscribeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UnsubscribeKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> UnsubscribeKeys {
        UnsubscribeKeys::of(&CookieKeys::parse(text).unwrap())
    }

    #[test]
    fn a_link_is_good_for_its_address_and_kind_alone() {
        let (old, new) = (format!("k1:{}", "01".repeat(32)), format!("k2:{}", "02".repeat(32)));
        let (first, rotated) = (keys(&old), keys(&format!("{new},{old}")));
        let ann = address_sha256(" Ann@Example.com ");
        assert_eq!(ann, address_sha256("ann@example.com"));
        let link = first.link(&ann, "referral.joined").unwrap();
        let mac = link.rsplit_once("mac=").unwrap().1;
        assert!(first.verify(&ann, "referral.joined", mac) && rotated.verify(&ann, "referral.joined", mac));
        assert!(!keys(&new).verify(&ann, "referral.joined", mac), "a key that is gone");
        assert!(!first.verify(&ann, "report.funnel", mac));
        assert!(!first.verify(&address_sha256("bob@example.com"), "referral.joined", mac));
        for broken in ["", "A", &mac[1..], &format!("{mac}A"), &mac.replace(&mac[..1], "!")] {
            assert!(!first.verify(&ann, "referral.joined", broken), "{broken}");
        }
        assert_eq!(UnsubscribeKeys::default().link(&ann, "referral.joined"), None);
        assert!(!UnsubscribeKeys::default().verify(&ann, "referral.joined", mac));
    }
}
