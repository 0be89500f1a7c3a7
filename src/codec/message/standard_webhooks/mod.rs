//! Standard Webhooks: verifies who sent a body, and signs our messages.
//!
//! In scope: version 1 (symmetric) of <https://www.standardwebhooks.com>: `webhook-id`, `webhook-timestamp` (seconds)
//! and `webhook-signature`, HMAC-SHA256 over `id.timestamp.body`. Not in scope: whether the id was seen before (the
//! store decides that in the batch of the event's effect), and `v1a` (public keys).

#[cfg(test)]
mod tests;

use crate::base::time::{SECOND_MS, UtcMillis};
use crate::codec::fields::is_printable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// How old or how far ahead a signature may be, in whole seconds, inclusive. The public libraries use the same value:
/// enough for honest clocks and retries, short for a replay.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Longest `webhook-id`, in characters: it may serve as an event's id.
pub const ID_CHARS_MAX: usize = 255;

/// Bytes of a decoded secret, as the specification requires: 192 to 512 bits.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

const SECRET_PREFIX: &str = "whsec_";

/// A signing secret with its prepared HMAC key.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

/// Why a text is not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretError {
    Prefix,
    Base64,
    /// The number of bytes after decoding.
    Length(usize),
}

/// The three headers, each `None` if the request lacks it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `webhook-id`
    pub id: Option<&'a str>,
    /// `webhook-timestamp`
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`
    pub signature: Option<&'a str>,
}

/// Why a delivery was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// The header's name.
    MissingHeader(&'static str),
    MalformedId,
    MalformedTimestamp,
    TooOld,
    TooFarAhead,
    NoMatchingSignature,
}

/// Whether one of `secrets` signed `body` under these headers, within [`TOLERANCE_SECONDS`] of `now`. During a
/// rotation, several secrets are active, and a sender may sign with several; one matching pair is enough. Limit the
/// body's size before hashing it ([`crate::codec::BODY_BYTES_MAX`]).
pub fn verify(secrets: &[Secret], headers: &Headers<'_>, body: &[u8], now: UtcMillis) -> Result<(), SignatureError> {
    // Reads all three before checking any, so that a sender who forgot one learns of that first.
    let id = headers.id.ok_or(SignatureError::MissingHeader("webhook-id"))?;
    let timestamp = headers.timestamp.ok_or(SignatureError::MissingHeader("webhook-timestamp"))?;
    let signatures = headers.signature.ok_or(SignatureError::MissingHeader("webhook-signature"))?;
    if !is_printable(id) || id.contains('.') || id.len() > ID_CHARS_MAX {
        return Err(SignatureError::MalformedId);
    }
    let age_seconds = now.0.div_euclid(SECOND_MS).saturating_sub(seconds(timestamp)?);
    if age_seconds > TOLERANCE_SECONDS {
        return Err(SignatureError::TooOld);
    }
    if age_seconds < -TOLERANCE_SECONDS {
        return Err(SignatureError::TooFarAhead);
    }
    let mut found = Choice::from(0);
    for secret in secrets {
        let expected = secret.signature(id, timestamp, body);
        for signature in signatures.split(' ').filter_map(|entry| entry.strip_prefix("v1,")) {
            found |= expected.as_bytes().ct_eq(signature.as_bytes());
        }
    }
    if found.into() { Ok(()) } else { Err(SignatureError::NoMatchingSignature) }
}

/// The `webhook-signature` header of our messages: `v1,<base64>`. `timestamp` is in seconds and is sent as
/// `webhook-timestamp`; `id` must not contain a dot.
pub fn sign(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    format!("v1,{}", secret.signature(id, &timestamp.to_string(), body))
}

impl Secret {
    /// Reads `whsec_` and the base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Secret, SecretError> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            return Err(SecretError::Length(bytes.len()));
        }
        Hmac::new_from_slice(&bytes).map(Secret).map_err(|_| SecretError::Length(bytes.len()))
    }

    /// Base64 of the HMAC over `id.timestamp.body`.
    fn signature(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// Seconds since 1970, digits only.
fn seconds(text: &str) -> Result<i64, SignatureError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or(SignatureError::MalformedTimestamp)
}

impl SignatureError {
    /// A stable code in snake_case.
    pub fn code(self) -> &'static str {
        match self {
            SignatureError::MissingHeader(_) => "webhook_header_missing",
            SignatureError::MalformedId => "webhook_id_malformed",
            SignatureError::MalformedTimestamp => "webhook_timestamp_malformed",
            SignatureError::TooOld => "webhook_timestamp_too_old",
            SignatureError::TooFarAhead => "webhook_timestamp_too_far_ahead",
            SignatureError::NoMatchingSignature => "webhook_signature_mismatch",
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignatureError::MissingHeader(name) => write!(f, "the {name} header is required"),
            SignatureError::MalformedId => {
                write!(f, "webhook-id must be 1 to {ID_CHARS_MAX} printable ASCII characters without spaces or dots")
            }
            SignatureError::MalformedTimestamp => {
                f.write_str("webhook-timestamp must be whole seconds since 1970, in digits")
            }
            SignatureError::TooOld => write!(f, "webhook-timestamp is more than {TOLERANCE_SECONDS} seconds old"),
            SignatureError::TooFarAhead => {
                write!(f, "webhook-timestamp is more than {TOLERANCE_SECONDS} seconds ahead of our clock")
            }
            SignatureError::NoMatchingSignature => {
                f.write_str("no v1 signature in webhook-signature matches the body under an active secret")
            }
        }
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretError::Prefix => write!(f, "a webhook secret must start with {SECRET_PREFIX}"),
            SecretError::Base64 => write!(f, "a webhook secret must be padded base64 after {SECRET_PREFIX}"),
            SecretError::Length(bytes) => write!(
                f,
                "a webhook secret is {} to {} bytes before base64, this one {bytes}",
                SECRET_BYTES.start(),
                SECRET_BYTES.end()
            ),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
