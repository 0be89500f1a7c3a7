//! Reads values from Stripe's objects: what they may contain, and the error that names the field.
//!
//! Bodies are read by field name from the tree, not into structures: we use five of an object's hundred fields, and
//! formats differ between API versions.

use crate::base::money::CENTS_MAX;
use crate::base::time::{SECOND_MS, UtcMillis};
use crate::codec::Invalid;
use crate::codec::fields::{CURRENCY, ID, is_printable};
use crate::engine::event::{OCCURRED_AT_AHEAD_MAX_MS, OCCURRED_AT_MIN};
use serde_json::Value;

/// An id, whether the object is expanded or only its id is given.
pub fn id(object: &Value, name: &str) -> Option<String> {
    let value = object.get(name)?;
    let text = value.as_str().or_else(|| value.get("id")?.as_str())?;
    (is_printable(text) && ID.allows(text)).then(|| text.to_owned())
}

pub fn required_id(object: &Value, name: &str) -> Result<String, Invalid> {
    id(object, name).ok_or_else(|| missing(name))
}

/// Its customer. Since 2025-09-30 a customer can be an account, and only some objects name both.
pub fn customer(object: &Value) -> Option<String> {
    id(object, "customer").or_else(|| id(object, "customer_account"))
}

/// A text that is not empty.
pub fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}

pub fn flag(object: &Value, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// An integer, if there is one.
pub fn integer(object: &Value, name: &str) -> Option<i64> {
    object.get(name)?.as_i64()
}

/// An amount in minor units; `None` if it is absent or null.
pub fn cents(object: &Value, name: &str) -> Result<Option<i64>, Invalid> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64().filter(|n| (-CENTS_MAX..=CENTS_MAX).contains(n)) {
            Some(cents) => Ok(Some(cents)),
            None => Err(invalid(name, "out_of_range", "be an integer of at most 10^12 minor units")),
        },
    }
}

pub fn required_cents(object: &Value, name: &str) -> Result<i64, Invalid> {
    cents(object, name)?.filter(|cents| *cents >= 0).ok_or_else(|| missing(name))
}

/// The sum of an amount over the items of a list; `None` if there is no list.
pub fn sum(object: &Value, list: &str, name: &str) -> Result<Option<i64>, Invalid> {
    let Some(items) = object.get(list).and_then(Value::as_array) else { return Ok(None) };
    let mut sum = 0i64;
    for item in items {
        sum = sum.saturating_add(cents(item, name)?.unwrap_or(0));
    }
    Ok(Some(sum))
}

/// The items of a list object, `{data: […]}`.
pub fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(|list| list.get("data")).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// ISO 4217, in lower case.
pub fn currency(object: &Value) -> Result<String, Invalid> {
    let currency = text(object, "currency").ok_or_else(|| missing("currency"))?;
    if CURRENCY.allows(currency) {
        Ok(currency.to_ascii_lowercase())
    } else {
        Err(invalid("currency", "malformed", "be a currency code of three letters"))
    }
}

/// An email address in lower case, if it is valid. It is compared with the addresses that accounts named.
pub fn email(object: &Value, name: &str) -> Option<String> {
    let text = text(object, name)?.trim();
    crate::codec::fields::EMAIL.allows(text).then(|| text.to_ascii_lowercase())
}

/// Seconds since 1970 as an instant.
pub fn instant(object: &Value, name: &str) -> Option<UtcMillis> {
    integer(object, name)?.checked_mul(SECOND_MS).map(UtcMillis)
}

/// The instant of an event, within the accepted range.
pub fn created(object: &Value, now: UtcMillis) -> Result<UtcMillis, Invalid> {
    let at = instant(object, "created").ok_or_else(|| missing("created"))?;
    if at < OCCURRED_AT_MIN {
        return Err(invalid("created", "too_early", "not be before 2020"));
    }
    if at > now.plus_ms(OCCURRED_AT_AHEAD_MAX_MS) {
        return Err(invalid("created", "too_far_ahead", "not be more than 300 seconds ahead of our clock"));
    }
    Ok(at)
}

pub fn missing(name: &str) -> Invalid {
    Invalid { field: name.to_owned(), code: "missing", detail: format!("{name} is required") }
}

/// "`name` must `must`".
pub fn invalid(name: &str, code: &'static str, must: &str) -> Invalid {
    Invalid { field: name.to_owned(), code, detail: format!("{name} must {must}") }
}
