//! What a form, an event or a checkout carries to say who referred its visitor: the cookie's value, or a short reference.

use crate::codec::attribution::cookie::CookieKeys;
use crate::codec::attribution::{cookie, reference};
use crate::engine::attribution::touch::TouchHistory;

/// The longest that is read, in characters.
pub const TOKEN_CHARS_MAX: usize = cookie::VALUE_BYTES_MAX;

/// Whether a text wants to be one of ours, rather than a code or the host's own id.
pub fn is_token(text: &str) -> bool {
    text.len() <= TOKEN_CHARS_MAX && (text.starts_with("v1.") || text.starts_with(reference::PREFIX))
}

/// The touches of the first valid one of those that a space separates. Those of a reference still need their programs' names (`reference::name_programs`).
pub fn read(keys: &CookieKeys, text: &str) -> Option<TouchHistory> {
    text.split(' ').find_map(|text| match text.starts_with(reference::PREFIX) {
        true => reference::read(keys, text),
        false => cookie::read_value(keys, text).map(|signed| signed.touchpoints),
    })
}
