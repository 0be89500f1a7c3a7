//! Fields of a parsed body: one way to read a text, an integer or an instant, with its limit, so that every source of
//! events has the same limits and the same errors.
//!
//! `null` counts as absent everywhere. Events of senders may have unknown fields, because senders add fields over time.
//! A request of an operator may not ([`Fields::closed`]): what nobody reads is a mistake that its author has to see.

use crate::base::domain;
use crate::base::ids::LinkCode;
use crate::base::time::UtcMillis;
use crate::codec::json::Invalid;
use crate::engine::event::{OCCURRED_AT_AHEAD_MAX_MS, OCCURRED_AT_MIN};
use crate::engine::link::campaign::campaign_of;
use crate::engine::link::code::is_choosable;
use crate::engine::link::pasted::code_of;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// What a text field may hold.
pub(crate) struct Form {
    /// Most characters.
    max: usize,
    holds: fn(&str) -> bool,
    /// Ends the sentence "field must …".
    must: &'static str,
    /// Whether an empty text counts as absent (an empty label) or is a mistake (an id).
    empty_is_absent: bool,
    /// Whether space around it is dropped, as it is from what people type.
    is_trimmed: bool,
}

impl Form {
    /// An address that a link leads to. Its content is checked elsewhere.
    pub const fn destination() -> Form {
        exact(crate::codec::link::destination::DESTINATION_BYTES_MAX, |_| true, "be at most 2048 characters")
    }

    /// Whether a text that we generated would be accepted.
    pub fn allows(&self, text: &str) -> bool {
        text.chars().count() <= self.max && (self.holds)(text)
    }
}

const fn exact(max: usize, holds: fn(&str) -> bool, must: &'static str) -> Form {
    Form { max, holds, must, empty_is_absent: false, is_trimmed: false }
}

const fn label(max: usize, must: &'static str) -> Form {
    Form { max, holds: has_no_control_character, must, empty_is_absent: true, is_trimmed: false }
}

const fn shown(max: usize, must: &'static str) -> Form {
    Form { max, holds: is_seen, must, empty_is_absent: true, is_trimmed: false }
}

/// Any id from the sender. 255 characters is what common senders and indexes allow.
pub(crate) const ID: Form = exact(255, is_printable, "be 1 to 255 printable ASCII characters without spaces");
/// An id that becomes part of a longer id of ours, which must itself fit [`ID`].
pub(crate) const PART_ID: Form = exact(128, is_printable, "be 1 to 128 printable ASCII characters without spaces");
/// An event's type.
pub(crate) const KIND: Form = exact(64, is_kind, "be 1 to 64 characters of a to z, 0 to 9, `_` and `.`");
/// 254 octets is the longest address that SMTP accepts (RFC 5321, erratum 1690).
pub(crate) const EMAIL: Form = Form {
    max: 254,
    holds: is_email,
    must: "be an email address of at most 254 bytes, with one @",
    empty_is_absent: true,
    is_trimmed: true,
};
/// 253 is the longest host name in DNS (RFC 1035).
pub(crate) const DOMAIN: Form =
    exact(253, is_domain, "be a host name such as example.com (without scheme, port or path)");
/// ISO 4217.
pub(crate) const CURRENCY: Form = exact(3, is_currency, "be a currency code of three letters such as usd");
/// A person's name.
pub(crate) const NAME: Form = label(200, "be at most 200 characters without control characters");
/// A name that others see, next to their own and in sentences: a partner's name, and the one on the leaderboard.
pub(crate) const SHOWN_NAME: Form =
    shown(200, "be at most 200 visible characters, without control characters or text-direction marks");
pub(crate) const SHOWN_NAME_SHORT: Form =
    shown(64, "be at most 64 visible characters, without control characters or text-direction marks");
/// A referral code, a visitor's id, a plan's name: far longer than any that we or common senders create.
pub(crate) const CODE: Form = label(128, "be at most 128 characters without control characters");
/// A code that somebody typed or pasted, perhaps a whole link, with whatever came along.
pub(crate) const GIVEN_CODE: Form =
    Form { max: 2_048, holds: |_| true, must: "be at most 2048 characters", empty_is_absent: true, is_trimmed: true };
/// A code that somebody chooses for a link.
pub(crate) const CHOSEN_CODE: Form = exact(64, is_choosable, "be 3 to 64 characters of A-Z, a-z, 0-9, _ and -");
/// What operators write down about a partner.
pub(crate) const NOTES: Form =
    Form { max: 2_000, holds: is_note, must: "be at most 2000 characters", empty_is_absent: true, is_trimmed: false };
/// A signed attribution token: no longer than a cookie may be.
pub(crate) const TOKEN: Form = label(4096, "be at most 4096 characters without control characters");
pub(crate) const CAMPAIGN: Form = label(64, "be at most 64 characters without control characters");

/// Longest name of an unknown field that is repeated to its sender.
const UNKNOWN_CHARS_MAX: usize = 64;

/// One object of a body, or none.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    /// The object's path in the body; empty for the body itself.
    path: &'static str,
    map: Option<&'a Map<String, Value>>,
    /// Whether people typed the values into a form: surrounding space is dropped, and an empty value counts as absent.
    typed: bool,
    /// Every field that a closed object may have; `None`: others are ignored.
    known: Option<&'a [&'a str]>,
}

impl<'a> Fields<'a> {
    /// The body itself, which must be an object.
    pub fn of_body(body: &'a Value) -> Result<Fields<'a>, Invalid> {
        let map = body.as_object().ok_or_else(|| Invalid {
            field: String::new(),
            code: "wrong_type",
            detail: "the body must be a JSON object".to_owned(),
        })?;
        Ok(Fields { path: "", map: Some(map), typed: false, known: None })
    }

    /// The body itself, with no field but the `known` ones.
    pub fn closed(body: &'a Value, known: &'a [&'a str]) -> Result<Fields<'a>, Invalid> {
        Fields::closed_item(body, "", known)
    }

    /// The same for an object in a list at `path`.
    pub fn closed_item(item: &'a Value, path: &'static str, known: &'a [&'a str]) -> Result<Fields<'a>, Invalid> {
        let fields = Fields { path, known: Some(known), ..Fields::of_body(item)? };
        match fields.map.and_then(|map| map.keys().find(|name| !known.contains(&name.as_str()))) {
            Some(name) => Err(fields.unknown(name, known)),
            None => Ok(fields),
        }
    }

    /// Names the field, and the one that was probably meant.
    fn unknown(&self, name: &str, known: &[&str]) -> Invalid {
        let printable = |c: char| if c.is_ascii_graphic() { c } else { '?' };
        let name: String = name.chars().take(UNKNOWN_CHARS_MAX).map(printable).collect();
        let field = self.path_of(&name);
        let meant = known.iter().map(|known| (distance(&name, known), known)).min();
        let hint = match meant.filter(|(distance, _)| *distance <= 2) {
            Some((_, meant)) => format!("; did you mean {}?", self.path_of(meant)),
            None => String::new(),
        };
        let listed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Invalid {
            detail: format!("{field} is not a field of this request{hint} (its fields: {listed})"),
            field,
            code: "unknown_field",
        }
    }

    /// The object at `path` of the body; without fields if it is absent.
    pub fn object(&self, path: &'static str) -> Result<Fields<'a>, Invalid> {
        match self.get(path) {
            None => Ok(Fields { path, map: None, typed: self.typed, known: None }),
            Some(Value::Object(map)) => Ok(Fields { path, map: Some(map), typed: self.typed, known: None }),
            Some(_) => Err(self.invalid(path, "wrong_type", "be an object")),
        }
    }

    /// The same fields, read as typed input.
    pub fn typed(self) -> Fields<'a> {
        Fields { typed: true, ..self }
    }

    pub fn is_absent(&self) -> bool {
        self.map.is_none()
    }

    /// A text, as sent.
    pub fn text(&self, name: &str, form: &Form) -> Result<Option<String>, Invalid> {
        let text = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) if self.typed || form.is_trimmed => text.trim(),
            Some(Value::String(text)) => text.as_str(),
            Some(_) => return Err(self.invalid(name, "wrong_type", "be a string")),
        };
        if text.is_empty() && (form.empty_is_absent || self.typed) {
            return Ok(None);
        }
        if text.chars().count() > form.max {
            return Err(self.invalid(name, "too_long", form.must));
        }
        if !(form.holds)(text) {
            return Err(self.invalid(name, "malformed", form.must));
        }
        Ok(Some(text.to_owned()))
    }

    /// An email address, without the space around it. `Err`: something else. No event is refused for it, because what its
    /// sender says of the account counts all the same.
    pub fn email(&self, name: &str) -> Result<Option<String>, ()> {
        let text = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim_matches(is_blank),
            Some(_) => return Err(()),
        };
        match text {
            "" => Ok(None),
            _ if EMAIL.allows(text) => Ok(Some(text.to_owned())),
            _ => Err(()),
        }
    }

    pub fn required_text(&self, name: &str, form: &Form) -> Result<String, Invalid> {
        self.text(name, form)?.ok_or_else(|| self.missing(name))
    }

    /// The code in what somebody typed or pasted.
    pub fn given_code(&self, name: &str) -> Result<Option<LinkCode>, Invalid> {
        let text = self.text(name, &GIVEN_CODE)?;
        Ok(text.map(|text| LinkCode::from(&*code_of(&text))).filter(|code| !code.is_empty()))
    }

    /// A campaign's name, as it is kept.
    pub fn campaign(&self, name: &str, form: &Form) -> Result<Option<String>, Invalid> {
        Ok(self.text(name, form)?.as_deref().and_then(campaign_of).map(Cow::into_owned))
    }

    pub fn boolean(&self, name: &str) -> Result<Option<bool>, Invalid> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.invalid(name, "wrong_type", "be true or false")),
        }
    }

    /// An integer in `range`, written as one: `1e3`, `100.0` and `"100"` are rejected.
    pub fn integer(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Invalid> {
        let must =
            || format!("be an integer from {} to {}, without quotes, fraction or exponent", range.start(), range.end());
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number,
            Some(_) => return Err(self.invalid(name, "wrong_type", &must())),
        };
        if !number.is_i64() && !number.is_u64() {
            return Err(self.invalid(name, "not_an_integer", &must()));
        }
        match number.as_i64().filter(|n| range.contains(n)) {
            Some(integer) => Ok(Some(integer)),
            None => Err(self.invalid(name, "out_of_range", &must())),
        }
    }

    /// Rule 7: the instant of a fact, within the accepted range: from [`OCCURRED_AT_MIN`] to
    /// [`OCCURRED_AT_AHEAD_MAX_MS`] after `now`, both included.
    pub fn occurred_at(&self, name: &str, now: UtcMillis) -> Result<UtcMillis, Invalid> {
        let must = "be an RFC 3339 date and time such as 2026-05-10T00:00:00Z";
        let text = self.required_text(name, &exact(40, is_printable, must))?;
        let at = UtcMillis::parse(&text).ok_or_else(|| self.invalid(name, "malformed", must))?;
        if at < OCCURRED_AT_MIN {
            return Err(self.invalid(name, "too_early", &format!("not be before {}", OCCURRED_AT_MIN.to_rfc3339())));
        }
        if at > now.plus_ms(OCCURRED_AT_AHEAD_MAX_MS) {
            let must = format!(
                "not be more than {} seconds ahead of our clock, {}",
                OCCURRED_AT_AHEAD_MAX_MS / 1_000,
                now.to_rfc3339()
            );
            return Err(self.invalid(name, "too_far_ahead", &must));
        }
        Ok(at)
    }

    pub fn missing(&self, name: &str) -> Invalid {
        let field = self.path_of(name);
        Invalid { detail: format!("{field} is required"), field, code: "missing" }
    }

    /// "`field` must `must`".
    pub fn invalid(&self, name: &str, code: &'static str, must: &str) -> Invalid {
        let field = self.path_of(name);
        Invalid { detail: format!("{field} must {must}"), field, code }
    }

    /// Whether the field was sent, be it as `null`: of a change, that removes the value.
    pub fn is_given(&self, name: &str) -> bool {
        self.map.is_some_and(|map| map.contains_key(name))
    }

    /// A field as it was sent: what it may hold is checked elsewhere.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        debug_assert!(self.known.is_none_or(|known| known.contains(&name)), "{name} is read, but would be refused");
        self.map?.get(name).filter(|value| !value.is_null())
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// How many letters have to be added, dropped or replaced to make one text the other, whatever the case.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, b) in other.bytes().enumerate() {
            let (left, above) = (row[j], row[j + 1]);
            row[j + 1] = (diagonal + usize::from(!a.eq_ignore_ascii_case(&b))).min(left + 1).min(above + 1);
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Non-empty, and visible ASCII only.
pub(crate) fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn has_no_control_character(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn is_note(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Contains something visible, and nothing that hides or reverses the text around it.
fn is_seen(text: &str) -> bool {
    has_no_control_character(text)
        && !text.chars().any(turns_around)
        && (text.is_empty() || !text.chars().all(is_blank))
}

/// Embeddings, overrides and isolates of Unicode's bidirectional algorithm, and line and paragraph separators. They
/// change how the text after them is read.
pub fn turns_around(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters that show nothing: spaces, joiners, fillers.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
}

fn is_kind(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic())
}

/// One @ with something on both sides. Only sending an email shows whether the address receives any.
fn is_email(text: &str) -> bool {
    let no_space = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    text.len() <= EMAIL.max
        && no_space
        && text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// Two or more labels of letters, digits and inner hyphens, in any spelling that has a normal one. The last one is not a
/// number, so no IP address passes.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| !label.contains('_') && !label.starts_with('-') && !label.ends_with('-');
    let is_name = |last: &str| last.bytes().any(|b| b.is_ascii_alphabetic());
    domain::normal(text).is_some_and(|name| {
        name.split('.').all(is_label) && name.rsplit_once('.').is_some_and(|(_, last)| is_name(last))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_field_is_named_with_the_one_that_was_meant() {
        let detail = |body: Value| Fields::closed(&body, &["name", "amount_cents"]).map(|_| ()).map_err(|e| e.detail);
        assert_eq!(detail(json!({"name": 1, "amount_cents": 2})), Ok(()));
        let all = "(its fields: name, amount_cents)";
        for (sent, hint) in [
            ("amount_cent", "; did you mean amount_cents?"),
            ("Name", "; did you mean name?"),
            ("nmae", "; did you mean name?"),
            ("code", ""),
            ("", ""),
            ("\u{e9}\n", ""),
        ] {
            let shown = sent.replace(['\u{e9}', '\n'], "?");
            let want = format!("{shown} is not a field of this request{hint} {all}");
            assert_eq!(detail(json!({"name": 1, sent: null})), Err(want), "{sent}");
        }
        let long = Fields::closed(&json!({"x".repeat(9_000): 1}), &[]).map(|_| ()).unwrap_err();
        assert_eq!((long.field.len(), long.code), (UNKNOWN_CHARS_MAX, "unknown_field"));
    }
}
