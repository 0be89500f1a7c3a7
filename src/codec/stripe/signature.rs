//! Verifies who sent a Stripe webhook: the header `Stripe-Signature`.
//!
//! In scope: scheme `v1`, HMAC-SHA256 over `t.body`, keyed with the literal text of the endpoint's secret, in lowercase
//! hex. Not in scope: `v0`, which Stripe uses for test tools; and whether the event was seen before. Source:
//! <https://docs.stripe.com/webhooks/signature>.

use crate::base::id;
use crate::base::time::{SECOND_MS, UtcMillis};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

/// How old or how far ahead a signature may be, in whole seconds, inclusive. Stripe signs each attempt again.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Prefix for a secret whose endpoint was created in live mode, for installations without an API key that shows the
/// mode.
pub const LIVE_PREFIX: &str = "live:";

/// Most signatures that are checked: one for each secret during a rotation, and a few more.
const SIGNATURES_MAX: usize = 16;

/// Why a delivery was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    MissingHeader,
    /// No `t=`, or not a number of seconds.
    Malformed,
    TooOld,
    TooFarAhead,
    NoMatchingSignature,
}

/// Which of `secrets` signed `body`, as its position in the list. Several are active during a rotation, and Stripe
/// signs with each of its own.
pub fn verify(secrets: &[String], header: Option<&str>, body: &[u8], now: UtcMillis) -> Result<usize, SignatureError> {
    let header = header.ok_or(SignatureError::MissingHeader)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let timestamp = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(SignatureError::Malformed)?;
    let age_seconds = now.0.div_euclid(SECOND_MS).saturating_sub(seconds(timestamp)?);
    if age_seconds > TOLERANCE_SECONDS {
        return Err(SignatureError::TooOld);
    }
    if age_seconds < -TOLERANCE_SECONDS {
        return Err(SignatureError::TooFarAhead);
    }
    let signatures: Vec<&str> =
        parts().filter(|(name, _)| *name == "v1").map(|(_, value)| value).take(SIGNATURES_MAX).collect();
    let mut matched = None;
    for (place, secret) in secrets.iter().enumerate() {
        let expected = sign(secret, timestamp, body).ok_or(SignatureError::NoMatchingSignature)?;
        for signature in &signatures {
            if bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
                matched = matched.or(Some(place));
            }
        }
    }
    matched.ok_or(SignatureError::NoMatchingSignature)
}

/// Whether a secret is marked as one whose endpoint was created in live mode.
pub fn is_live(secret: &str) -> bool {
    secret.starts_with(LIVE_PREFIX)
}

/// Lowercase hex of the HMAC over `timestamp.body`. The key is the secret's full text, including `whsec_`.
fn sign(secret: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let key = secret.strip_prefix(LIVE_PREFIX).unwrap_or(secret);
    // An HMAC accepts a key of any length.
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key.as_bytes()).ok()?;
    for part in [timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(id::hex(&mac.finalize().into_bytes()))
}

/// Seconds since 1970, digits only.
fn seconds(text: &str) -> Result<i64, SignatureError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or(SignatureError::Malformed)
}

impl SignatureError {
    /// A stable code in snake_case.
    pub fn code(self) -> &'static str {
        match self {
            SignatureError::MissingHeader => "webhook_header_missing",
            SignatureError::Malformed => "webhook_timestamp_malformed",
            SignatureError::TooOld => "webhook_timestamp_too_old",
            SignatureError::TooFarAhead => "webhook_timestamp_too_far_ahead",
            SignatureError::NoMatchingSignature => "webhook_signature_mismatch",
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignatureError::MissingHeader => f.write_str("the Stripe-Signature header is required"),
            SignatureError::Malformed => {
                f.write_str("Stripe-Signature must hold t=, whole seconds since 1970 in digits")
            }
            SignatureError::TooOld => write!(f, "the signature is more than {TOLERANCE_SECONDS} seconds old"),
            SignatureError::TooFarAhead => write!(f, "the signature is more than {TOLERANCE_SECONDS} seconds ahead"),
            SignatureError::NoMatchingSignature => {
                f.write_str("no v1 signature in Stripe-Signature matches the body under an active secret")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UtcMillis = UtcMillis(1_700_000_000_999);
    const SECONDS: i64 = 1_700_000_000;

    fn secrets() -> Vec<String> {
        vec!["whsec_first".to_owned(), "live:whsec_second".to_owned()]
    }

    fn header(secret: &str, seconds: i64, body: &[u8]) -> String {
        format!("t={seconds},v1={}", sign(secret, &seconds.to_string(), body).unwrap())
    }

    #[test]
    fn a_known_signature() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_first
        let want = "t=1700000000,v1=455a4acf33c4b98b4cd175b4b19e08f9357ca269474116e3c55f48cfcd4e8337";
        assert_eq!(header("whsec_first", SECONDS, b"{}"), want);
        assert_eq!(sign("whsec_first", "1", b"x"), sign("live:whsec_first", "1", b"x"), "the mark is not the key's");
    }

    #[test]
    fn any_active_secret_will_do() {
        for (place, secret) in ["whsec_first", "whsec_second"].iter().enumerate() {
            let own = header(secret, SECONDS, b"{}");
            assert_eq!(verify(&secrets(), Some(&own), b"{}", NOW), Ok(place));
            let several = format!("{own},v1={},v0=x", "0".repeat(64));
            assert_eq!(verify(&secrets(), Some(&several), b"{}", NOW), Ok(place));
            let spaced = own.replace(',', ", ");
            assert_eq!(verify(&secrets(), Some(&spaced), b"{}", NOW), Ok(place));
        }
        assert!(is_live(&secrets()[1]) && !is_live(&secrets()[0]));
    }

    #[test]
    fn the_clock_bounds_it_on_both_sides() {
        for (seconds, want) in [
            (SECONDS - 300, Ok(0)),
            (SECONDS - 301, Err(SignatureError::TooOld)),
            (SECONDS + 300, Ok(0)),
            (SECONDS + 301, Err(SignatureError::TooFarAhead)),
        ] {
            let header = header("whsec_first", seconds, b"{}");
            assert_eq!(verify(&secrets(), Some(&header), b"{}", NOW), want, "{seconds}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let good = header("whsec_first", SECONDS, b"{}");
        let v0 = good.replace("v1=", "v0=");
        let other = header("whsec_other", SECONDS, b"{}");
        let upper = format!("t={SECONDS},v1={}", good.split("v1=").nth(1).unwrap().to_uppercase());
        for (header, want) in [
            (None, SignatureError::MissingHeader),
            (Some(""), SignatureError::Malformed),
            (Some("v1=abc"), SignatureError::Malformed),
            (Some("t=,v1=abc"), SignatureError::Malformed),
            (Some("t=-1,v1=abc"), SignatureError::Malformed),
            (Some("t=99999999999999999999,v1=abc"), SignatureError::Malformed),
            (Some("t=0,v1=abc"), SignatureError::TooOld),
            (Some("t=1700000000"), SignatureError::NoMatchingSignature),
            (Some("t=1700000000,v1="), SignatureError::NoMatchingSignature),
            (Some(v0.as_str()), SignatureError::NoMatchingSignature),
            (Some(other.as_str()), SignatureError::NoMatchingSignature),
            (Some(upper.as_str()), SignatureError::NoMatchingSignature),
        ] {
            assert_eq!(verify(&secrets(), header, b"{}", NOW), Err(want), "{header:?}");
        }
        assert_eq!(verify(&secrets(), Some(&good), b"{ }", NOW), Err(SignatureError::NoMatchingSignature));
        assert_eq!(verify(&[], Some(&good), b"{}", NOW), Err(SignatureError::NoMatchingSignature));
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "\\PC*", body in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = verify(&secrets(), Some(&header), &body, NOW);
        }
    }
}
