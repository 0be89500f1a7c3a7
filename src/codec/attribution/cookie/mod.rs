//! The attribution cookie, which is also the attribution token that forms carry.
//!
//! In scope: the keys, signing and reading, the Set-Cookie header. Not in scope: what counts as a visit, which touch
//! wins. Source: section 3 of the design and the cookie rules of the security notes.
//!
//! `v1.<kid>.<payload>.<mac>`, with payload and MAC in base64url without padding. The MAC is HMAC-SHA-256 over
//! `v1.<kid>.<cookie name>.<payload>`, so that version, key and name can't be exchanged. What the payload says is in
//! `payload.rs`.

mod payload;

use crate::base::id::unhex;
use crate::base::time::UtcMillis;
pub use crate::codec::attribution::cookie::payload::{SignedCookie, fits};
use crate::codec::attribution::cookie::payload::{decode, encode};
use crate::codec::cookie_header;
use crate::engine::attribution::kept::{Kept, TouchTerms};
use crate::engine::attribution::touch::{TOUCH_AGE_MAX_DAYS, Touch};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The longest value that is read: browsers keep 4,096 bytes.
pub const VALUE_BYTES_MAX: usize = 4_096;

/// The longest value that is written. Name and attributes take up to 96 bytes of what browsers keep, and more if the
/// domain is long.
pub const WRITTEN_BYTES_MAX: usize = 4_000;

/// Browsers limit a cookie's age to 400 days: 34,560,000 s.
pub const MAX_AGE_SECONDS: i64 = 34_560_000;

/// The shortest key: the length of the hash that it keys.
const KEY_BYTES_MIN: usize = 32;

const PATH: &str = "; Path=/";
const DOMAIN: &str = "; Domain=";
const FLAGS: &str = "; Secure; HttpOnly; SameSite=Lax";

const HOST_NAME: &str = "__Host-manicule";
const DOMAIN_NAME: &str = "__Secure-manicule";

/// The keys that sign and verify, and the cookie's name, which the MAC covers.
#[derive(Clone)]
pub struct CookieKeys {
    /// The first key signs, all of them verify.
    keys: Vec<Key>,
    domain: Option<String>,
}

impl PartialEq for CookieKeys {
    fn eq(&self, other: &CookieKeys) -> bool {
        let same = |(a, b): (&Key, &Key)| a.kid == b.kid && a.secret == b.secret;
        self.domain == other.domain
            && self.keys.len() == other.keys.len()
            && self.keys.iter().zip(&other.keys).all(same)
    }
}

impl Eq for CookieKeys {}

#[derive(Clone)]
struct Key {
    kid: String,
    /// Kept to prepare the MAC again when the name changes.
    secret: Vec<u8>,
    /// HMAC that has already processed `v1.<kid>.<name>.`, so that requests need not repeat it.
    prepared: Hmac<Sha256>,
}

/// Why a list of keys is rejected. Reveals nothing about a key's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    Empty,
    /// Not `kid:hex`, or the kid is not 1 to 16 of `[A-Za-z0-9_-]`. Holds the key's position in the list, from 1.
    Form(usize),
    Short(String),
    Zero(String),
    DuplicateKid(String),
    /// Not a host name.
    Domain,
}

impl CookieKeys {
    /// Parses `k1:<hex>,k0:<hex>`. The cookie is bound to one host unless `with_domain` changes that.
    pub fn parse(text: &str) -> Result<CookieKeys, KeyError> {
        let mut keys: Vec<Key> = Vec::new();
        for (place, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            let (kid, secret) = part.split_once(':').ok_or(KeyError::Form(place + 1))?;
            if !is_kid(kid) {
                return Err(KeyError::Form(place + 1));
            }
            let secret = unhex(secret).ok_or(KeyError::Form(place + 1))?;
            if secret.len() < KEY_BYTES_MIN {
                return Err(KeyError::Short(kid.to_owned()));
            }
            if secret.iter().all(|byte| *byte == 0) {
                return Err(KeyError::Zero(kid.to_owned()));
            }
            if keys.iter().any(|key| key.kid == kid) {
                return Err(KeyError::DuplicateKid(kid.to_owned()));
            }
            let prepared = prepare(&secret, kid, HOST_NAME).ok_or(KeyError::Form(place + 1))?;
            keys.push(Key { kid: kid.to_owned(), secret, prepared });
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(CookieKeys { keys, domain: None }) }
    }

    /// Makes the cookie available to every host under `domain`, with the name `__Secure-manicule`.
    pub fn with_domain(mut self, domain: &str) -> Result<CookieKeys, KeyError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        if domain.is_empty() || domain.len() > 253 || !domain.bytes().all(fits) || domain.starts_with('.') {
            return Err(KeyError::Domain);
        }
        for key in &mut self.keys {
            key.prepared = prepare(&key.secret, &key.kid, DOMAIN_NAME).ok_or(KeyError::Domain)?;
        }
        self.domain = Some(domain.to_owned());
        Ok(self)
    }

    /// Derives a key for another purpose from each of these, in their order. A signature with one does not verify with
    /// the other.
    pub fn derived(&self, purpose: &str) -> Vec<[u8; 32]> {
        let derive = |key: &Key| {
            let mut hmac = Hmac::<Sha256>::new_from_slice(&key.secret).ok()?;
            // No cookie's MAC starts like this.
            hmac.update(b"derive.");
            hmac.update(purpose.as_bytes());
            Some(hmac.finalize().into_bytes().into())
        };
        self.keys.iter().filter_map(derive).collect()
    }

    /// The longest payload, in bytes, with which name, value and attributes stay within what browsers keep.
    fn payload_max(&self) -> usize {
        let around = self.name().len() + "=; Max-Age=34560000".len() + PATH.len() + FLAGS.len();
        let domain = self.domain.as_ref().map_or(0, |domain| DOMAIN.len() + domain.len());
        let value = WRITTEN_BYTES_MAX.min(VALUE_BYTES_MAX - around - domain);
        let kid = self.keys.first().map_or(0, |key| key.kid.len());
        // The version, the dots and the MAC's 43 characters.
        (value - kid - "v1...".len() - 43) / 4 * 3
    }

    /// The domain whose hosts share the cookie.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// `__Host-manicule`, or `__Secure-manicule` if a domain is configured.
    pub fn name(&self) -> &'static str {
        if self.domain.is_some() { DOMAIN_NAME } else { HOST_NAME }
    }
}

/// Reads a Cookie header. Cookies with our name that do not verify are ignored, because a broken one must not hide a
/// good one. If several verify (an old one from another domain, or a planted one), the one with the newest touch
/// counts.
pub fn read(keys: &CookieKeys, header: &str) -> Option<SignedCookie> {
    let newest = |signed: &SignedCookie| signed.touchpoints.touches.iter().map(|touch| touch.at).max();
    let valid = cookie_header::all(header, keys.name()).filter_map(|value| read_value(keys, value));
    valid.reduce(|best, other| if newest(&other) > newest(&best) { other } else { best })
}

/// Reads one value: the cookie's, or a token from a form.
pub fn read_value(keys: &CookieKeys, value: &str) -> Option<SignedCookie> {
    if value.len() > VALUE_BYTES_MAX {
        return None;
    }
    let rest = value.strip_prefix("v1.")?;
    let (kid, rest) = rest.split_once('.')?;
    let (payload, mac) = rest.split_once('.')?;
    let key = keys.keys.iter().find(|key| key.kid == kid)?;
    let mut given = [0u8; 33];
    // The decoder rejects stray bits and padding, so a MAC has only one spelling.
    if URL_SAFE_NO_PAD.decode_slice(mac, &mut given).ok()? != 32 {
        return None;
    }
    let mut hmac = key.prepared.clone();
    hmac.update(payload.as_bytes());
    // Compares in constant time.
    hmac.verify_slice(&given[..32]).ok()?;
    decode(&URL_SAFE_NO_PAD.decode(payload).ok()?)
}

/// Signs a touch history: the cookie's value, and the token. A touch history whose fields do not fit (see `fits`) gives
/// a value that `read_value` rejects, never one that reads as another touch history.
pub fn write(keys: &CookieKeys, signed: &SignedCookie) -> String {
    let mut value = String::with_capacity(512);
    write_into(&mut value, keys, signed);
    value
}

fn write_into(out: &mut String, keys: &CookieKeys, signed: &SignedCookie) {
    let Some(key) = keys.keys.first() else { return };
    out.push_str("v1.");
    out.push_str(&key.kid);
    out.push('.');
    let start = out.len();
    URL_SAFE_NO_PAD.encode_string(encode(signed), out);
    let mut hmac = key.prepared.clone();
    hmac.update(&out.as_bytes()[start..]);
    out.push('.');
    URL_SAFE_NO_PAD.encode_string(hmac.finalize().into_bytes(), out);
}

/// The whole Set-Cookie header. The cookie lives until the last window closes, at least a second and at most 400 days.
pub fn set_cookie(keys: &CookieKeys, signed: &SignedCookie, now: UtcMillis) -> String {
    let left = signed.until.0.saturating_sub(now.0).div_euclid(1_000);
    let mut header = String::with_capacity(640);
    header.push_str(keys.name());
    header.push('=');
    write_into(&mut header, keys, signed);
    header.push_str("; Max-Age=");
    push_seconds(&mut header, left.clamp(1, MAX_AGE_SECONDS));
    header.push_str(PATH);
    if let Some(domain) = &keys.domain {
        header.push_str(DOMAIN);
        header.push_str(domain);
    }
    header.push_str(FLAGS);
    header
}

/// The Set-Cookie header that deletes the cookie.
pub fn deletion(keys: &CookieKeys) -> String {
    let domain = keys.domain.as_ref().map(|domain| format!("{DOMAIN}{domain}")).unwrap_or_default();
    format!("{}=; Max-Age=0{PATH}{domain}{FLAGS}", keys.name())
}

impl SignedCookie {
    /// The touch history with a touch, and without what a cookie of these keys then has no room for.
    pub fn with_touch(mut self, touch: Touch, mut terms: TouchTerms, keys: &CookieKeys) -> SignedCookie {
        terms.window_days = terms.window_days.clamp(1, TOUCH_AGE_MAX_DAYS);
        self.until = self.until.max(touch.at.plus_days(terms.window_days));
        let room = keys.payload_max().saturating_sub(payload::head(&self));
        let kept = Kept { touches: &mut self.touchpoints.touches, terms: &mut self.terms };
        kept.add(touch, terms, room, payload::cost);
        self
    }
}

/// Without the formatting machinery, because this runs on every redirect.
fn push_seconds(out: &mut String, seconds: i64) {
    let mut digits = [0u8; 8];
    let mut rest = seconds;
    for digit in digits.iter_mut().rev() {
        (*digit, rest) = (b'0' + (rest % 10) as u8, rest / 10);
    }
    let start = digits.iter().position(|digit| *digit != b'0').unwrap_or(7);
    out.extend(digits[start..].iter().copied().map(char::from));
}

fn prepare(secret: &[u8], kid: &str, name: &str) -> Option<Hmac<Sha256>> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    for part in ["v1.", kid, ".", name, "."] {
        hmac.update(part.as_bytes());
    }
    Some(hmac)
}

fn is_kid(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyError::Empty => write!(f, "no cookie key: expected k1:<64 hex digits>, the newest first"),
            KeyError::Form(place) => write!(f, "cookie key {place} is not <kid>:<hex>"),
            KeyError::Short(kid) => write!(f, "cookie key {kid} is shorter than {KEY_BYTES_MIN} bytes"),
            KeyError::Zero(kid) => write!(f, "cookie key {kid} is all zeros"),
            KeyError::DuplicateKid(kid) => write!(f, "two cookie keys have the id {kid}"),
            KeyError::Domain => write!(f, "the cookie's domain is not a host name"),
        }
    }
}

/// Keys are never printed.
impl std::fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.kid)).finish()
    }
}

#[cfg(test)]
mod tests;
