//! Why a value does not have the requested form, in words for people who write JSON.

use serde::de::{Expected, Unexpected};
use std::fmt;

const UNKNOWN_FIELD: &str = "unknown field";

/// Why a value does not have the requested form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(Box<Inner>);

/// Boxed, because every reader of every type passes the error on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    path: String,
    why: String,
}

impl Mismatch {
    /// The path of the value; empty for the value as a whole.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// Whether the value has a field that its type doesn't know, at the path.
    pub fn is_unknown_field(&self) -> bool {
        self.0.why.starts_with(UNKNOWN_FIELD)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn of(why: String) -> Mismatch {
        Mismatch(Box::new(Inner { path: String::new(), why }))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn below(mut self, name: &str) -> Mismatch {
        let dot = if self.0.path.is_empty() || self.0.path.starts_with('[') { "" } else { "." };
        self.0.path = format!("{name}{dot}{}", self.0.path);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.path.is_empty() { f.write_str(&self.0.why) } else { write!(f, "{}: {}", self.0.path, self.0.why) }
    }
}

impl std::error::Error for Mismatch {}

impl serde::de::Error for Mismatch {
    fn custom<T: fmt::Display>(why: T) -> Mismatch {
        Mismatch::of(why.to_string())
    }

    // The default errors are formatted again in every reader that hits them, and they name Rust types to people who
    // write JSON.
    fn invalid_type(found: Unexpected, wanted: &dyn Expected) -> Mismatch {
        Mismatch::of(format!("expected {}, got {}", wanted_words(wanted), found_words(found)))
    }

    fn invalid_value(found: Unexpected, wanted: &dyn Expected) -> Mismatch {
        Mismatch::invalid_type(found, wanted)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Mismatch {
        Mismatch::of(format!("{UNKNOWN_FIELD} `{field}`; {}", listed(known)))
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Mismatch {
        Mismatch::of(format!("unknown value `{word}`; {}", listed(known)))
    }

    fn missing_field(field: &'static str) -> Mismatch {
        Mismatch::of(format!("missing field `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Mismatch {
        Mismatch::of(format!("duplicate field `{field}`"))
    }
}

fn listed(known: &[&str]) -> String {
    if known.is_empty() { "none is expected".to_owned() } else { format!("expected one of `{}`", known.join("`, `")) }
}

/// What a Rust type expects.
#[cold]
fn wanted_words(wanted: &dyn Expected) -> String {
    let name = wanted.to_string();
    let words = match name.split(' ').next().unwrap_or_default() {
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "u8" => "a whole number from 0 to 255",
        "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "struct" => "an object",
        "enum" => "a known word or an object with one field",
        _ => match name.as_str() {
            "a boolean" => "true or false",
            "a sequence" => "a list",
            "a map" => "an object",
            other => other,
        },
    };
    words.to_owned()
}

#[cold]
fn found_words(found: Unexpected) -> String {
    match found {
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        // Does not print the string: the input may be about people, and the error ends up in the log.
        Unexpected::Str(_) => "a string".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}
