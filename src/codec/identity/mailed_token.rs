//! The token of an emailed link: a random secret, and a check by which we know our own without a look into the database.
//!
//! Without it every wrong link would cost a read, and a limit of those would keep out everybody in the network of somebody
//! who guesses. The check is a part of HMAC-SHA-256 under a key derived from the cookie's, over the purpose and the
//! secret. It proves nothing by itself: what the link is good for is in the database, under the token's hash.

use crate::base::id::{hex, unhex};
use crate::codec::attribution::cookie::CookieKeys;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Enough that a flood of guesses leads to no read in years.
const CHECK_BYTES: usize = 8;

/// A token for this purpose. Without a key it is the secret alone. The first key signs.
pub fn write(keys: Option<&CookieKeys>, purpose: &str, secret: String) -> String {
    let check = keys.and_then(|keys| mac(derived(keys).first()?, purpose, &secret));
    match check {
        Some(check) => secret + &hex(&check.finalize().into_bytes()[..CHECK_BYTES]),
        None => secret,
    }
}

/// Whether we wrote this token for this purpose, under one of the keys.
pub fn is_ours(keys: &CookieKeys, purpose: &str, token: &str) -> bool {
    let parts = token.len().checked_sub(2 * CHECK_BYTES).and_then(|end| token.split_at_checked(end));
    // There is one spelling: each other one would be looked up as another token.
    let parts = parts.filter(|(_, check)| !check.bytes().any(|byte| byte.is_ascii_uppercase()));
    let Some((secret, Some(check))) = parts.map(|(secret, check)| (secret, unhex(check))) else { return false };
    // Compares in constant time. The hash of another spelling would not be found.
    derived(keys)
        .iter()
        .filter_map(|key| mac(key, purpose, secret))
        .any(|mac| mac.verify_truncated_left(&check).is_ok())
}

fn derived(keys: &CookieKeys) -> Vec<[u8; 32]> {
    keys.derived("emailed link")
}

fn mac(key: &[u8; 32], purpose: &str, secret: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    // No purpose contains a line feed.
    for part in [purpose, "\n", secret] {
        mac.update(part.as_bytes());
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "k1:517bd8823e6ea4497977a22a9a0761f3176c639de5b0828c788e7c345d4d08b0";
    const TWO: &str = "k2:9d2c6e0f54a1b7380c2e9f4716d8a35be07fc2914b6a8d03e5f17c29b4608ade";

    fn keys(text: &str) -> CookieKeys {
        CookieKeys::parse(text).expect("keys")
    }

    #[test]
    fn we_know_our_own() {
        let token = write(Some(&keys(ONE)), "join", "5ec2e7".repeat(8));
        assert_eq!(token.len(), 48 + 16);
        assert!(is_ours(&keys(ONE), "join", &token) && is_ours(&keys(&format!("{TWO},{ONE}")), "join", &token));
        assert!(!is_ours(&keys(TWO), "join", &token) && !is_ours(&keys(ONE), "sign_in", &token));
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("a text");
            assert!(!is_ours(&keys(ONE), "join", &changed), "{changed}");
        }
        for wrong in ["", "0", "0123456789abcdef", "é23456789abcdef", "x23456789abcdefg", &token[1..], &token[..63]] {
            assert!(!is_ours(&keys(ONE), "join", wrong), "{wrong}");
        }
        let (secret, check) = token.split_at(48);
        assert!(check.bytes().any(|byte| byte.is_ascii_lowercase()), "{check}");
        assert!(!is_ours(&keys(ONE), "join", &format!("{secret}{}", check.to_ascii_uppercase())));
        assert_eq!(write(None, "join", "secret".to_owned()), "secret");
    }
}
