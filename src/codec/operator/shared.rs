//! Fields that several bodies share.

use crate::codec::fields::{Fields, ID, NAME};
use crate::codec::json::Invalid;

pub(super) fn reason(fields: &Fields) -> Result<String, Invalid> {
    fields.text("reason", &NAME)?.filter(|r| !r.trim().is_empty()).ok_or_else(|| fields.missing("reason"))
}

pub(super) const DESTINATION: crate::codec::fields::Form = crate::codec::fields::Form::destination();

pub(super) fn one_of(fields: &Fields, name: &str, allowed: &[&str]) -> Result<Option<String>, Invalid> {
    let text = fields.text(name, &ID)?;
    match text {
        Some(text) if !allowed.contains(&text.as_str()) => {
            Err(fields.invalid(name, "unsupported", &format!("be one of {}", allowed.join(", "))))
        }
        text => Ok(text),
    }
}

pub(super) fn country(fields: &Fields) -> Result<Option<String>, Invalid> {
    match fields.text("country", &ID)? {
        Some(c) if c.len() != 2 || !c.bytes().all(|b| b.is_ascii_alphabetic()) => {
            Err(fields.invalid("country", "malformed", "be a country code of two letters such as US"))
        }
        country => Ok(country.map(|c| c.to_ascii_uppercase())),
    }
}
