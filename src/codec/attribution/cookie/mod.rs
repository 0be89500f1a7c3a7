//! The attribution cookie, which is also the attribution token that forms carry.
//!
//! In scope: the keys, signing and reading, the Set-Cookie header. Not in scope: what counts as a visit, which touch
//! wins. Source: section 3 of the design and the cookie rules of the security notes.
//!
//! `v1.<kid>.<payload>.<mac>`, with payload and MAC in base64url without padding. The MAC is HMAC-SHA-256 over
//! `v1.<kid>.<cookie name>.<payload>`, so that version, key and name can't be exchanged. The payload is text: a line
//! `visitor<TAB>until` and one line `program<TAB>code<TAB>campaign<TAB>click id<TAB>at` per touch, with times in UTC
//! milliseconds. No field may contain a control character, so no two touch histories have the same encoding.

use crate::base::id::unhex;
use crate::base::time::{DAY_MS, UtcMillis};
use crate::codec::cookie_header;
use crate::engine::attribution::touch::{TOUCHES_MAX, Touch, TouchHistory};
use crate::engine::link::campaign::is_campaign;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The longest value that is read. Browsers keep 4,096 bytes of name and value; eight touches with the longest fields
/// stay below 3,500.
pub const VALUE_BYTES_MAX: usize = 4_096;

/// Browsers limit a cookie's age to 400 days: 34,560,000 s.
pub const MAX_AGE_SECONDS: i64 = 34_560_000;

/// The shortest key: the length of the hash that it keys.
const KEY_BYTES_MIN: usize = 32;

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

/// A touch history and the instant at which its last window closes, which the cookie must outlive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCookie {
    pub touchpoints: TouchHistory,
    pub until: UtcMillis,
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
    push_number(&mut header, left.clamp(1, MAX_AGE_SECONDS));
    header.push_str("; Path=/");
    if let Some(domain) = &keys.domain {
        header.push_str("; Domain=");
        header.push_str(domain);
    }
    header.push_str("; Secure; HttpOnly; SameSite=Lax");
    header
}

impl SignedCookie {
    /// A visitor without touches.
    pub fn new(visitor: String) -> SignedCookie {
        SignedCookie { touchpoints: TouchHistory { visitor, touches: Vec::new() }, until: UtcMillis(0) }
    }

    /// The touch history with a touch of a program whose window is `window_days`.
    pub fn with_touch(self, touch: Touch, window_days: i64) -> SignedCookie {
        let closes = touch.at.plus_days(window_days.clamp(1, MAX_AGE_SECONDS * 1_000 / DAY_MS));
        let until = self.until.max(closes);
        SignedCookie { touchpoints: self.touchpoints.with_touch(touch), until }
    }
}

/// Whether every field has a length and characters that reading accepts.
pub fn fits(touchpoints: &TouchHistory) -> bool {
    is_word(&touchpoints.visitor, 1, 40)
        && touchpoints.touches.len() <= TOUCHES_MAX
        && touchpoints.touches.iter().all(|touch| {
            is_word(&touch.program, 1, 64)
                && is_word(&touch.code, 1, 128)
                && (touch.campaign.is_empty() || is_campaign(&touch.campaign))
                && is_word(&touch.click_id, 1, 40)
                && is_instant(touch.at)
        })
}

/// Without the formatting machinery, because this runs on every redirect.
fn encode(signed: &SignedCookie) -> String {
    let mut out = String::with_capacity(256);
    out.push_str(&signed.touchpoints.visitor);
    out.push('\t');
    push_number(&mut out, signed.until.0);
    for touch in &signed.touchpoints.touches {
        let mut separator = '\n';
        for field in [touch.program.as_str(), &touch.code, &touch.campaign, &touch.click_id] {
            out.push(separator);
            out.push_str(field);
            separator = '\t';
        }
        out.push('\t');
        push_number(&mut out, touch.at.0);
    }
    out
}

/// A negative number could not be read back, so nothing is written.
fn push_number(out: &mut String, number: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = u64::try_from(number).unwrap_or_default();
    while number >= 0 && (rest > 0 || at == digits.len()) {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(digits[at..].iter().copied().map(char::from));
}

fn decode(bytes: &[u8]) -> Option<SignedCookie> {
    let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
    let (visitor, until) = lines.next()?.split_once('\t')?;
    let mut touches = Vec::with_capacity(TOUCHES_MAX);
    for line in lines {
        let mut fields = line.split('\t');
        let mut field = || fields.next().map(str::to_owned);
        let touch = Touch {
            program: field()?.into(),
            code: field()?.into(),
            campaign: field()?,
            click_id: field()?,
            at: instant(fields.next()?)?,
        };
        if fields.next().is_some() || touches.len() == TOUCHES_MAX {
            return None;
        }
        touches.push(touch);
    }
    let signed =
        SignedCookie { touchpoints: TouchHistory { visitor: visitor.to_owned(), touches }, until: instant(until)? };
    fits(&signed.touchpoints).then_some(signed)
}

fn prepare(secret: &[u8], kid: &str, name: &str) -> Option<Hmac<Sha256>> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    for part in ["v1.", kid, ".", name, "."] {
        hmac.update(part.as_bytes());
    }
    Some(hmac)
}

/// Digits without sign or leading zeros, so that an instant has only one spelling.
fn instant(text: &str) -> Option<UtcMillis> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    (canonical && digits).then(|| text.parse().ok().map(UtcMillis)).flatten()
}

fn is_instant(at: UtcMillis) -> bool {
    (0..1_000_000_000_000_000).contains(&at.0)
}

fn is_kid(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn is_word(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
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
