//! A secret that a caller presents unchanged: a bearer token, or one in a URL.
//!
//! Both sides are hashed before the comparison, and every active secret is compared, so that the time taken reveals
//! neither how much of a guess was right nor how long the secret is.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Whether `presented` is one of the active secrets. An empty secret never matches, so an unset variable allows
/// nothing.
pub fn matches(presented: &str, active: &[impl AsRef<str>]) -> bool {
    let presented_hash = Sha256::digest(presented.as_bytes());
    let mut found = Choice::from(0);
    for secret in active.iter().map(AsRef::as_ref) {
        let usable = Choice::from(u8::from(!secret.is_empty()));
        found |= usable & Sha256::digest(secret.as_bytes()).as_slice().ct_eq(presented_hash.as_slice());
    }
    found.into()
}

/// The token of an `Authorization: Bearer <token>` header (RFC 6750; the scheme in any case).
pub fn token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim_start();
    let is_token = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_active_secret_matches() {
        let active = ["old-secret", "new-secret", ""];
        for (presented, want) in [
            ("old-secret", true),
            ("new-secret", true),
            ("", false),
            ("new-secre", false),
            ("new-secret ", false),
            ("New-secret", false),
            ("old-secretnew-secret", false),
        ] {
            assert_eq!(matches(presented, &active), want, "{presented}");
        }
        assert!(!matches("a", &[] as &[&str]));
        assert!(!matches("", &[String::new()]));
    }

    #[test]
    fn the_header_is_read_strictly() {
        for (header, want) in [
            ("Bearer abc", Some("abc")),
            ("bearer   abc ", Some("abc")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic abc", None),
            ("Bearer a b", None),
            ("Bearer é", None),
            ("", None),
        ] {
            assert_eq!(token(header), want, "{header}");
        }
    }
}
