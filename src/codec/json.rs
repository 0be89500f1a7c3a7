//! Reads a body that a stranger may have made: limited in size and depth, and with only one meaning.
//!
//! In scope: JSON (RFC 8259) into a tree, and the error that names the place where it failed. Not in scope: what the
//! fields mean (`fields`, `envelope`, `emdash`). The RFC does not define the meaning of a repeated key. It is rejected
//! here, because two readers of one body could otherwise disagree about money.

use crate::base::json::{self, DEPTH_MAX, JsonError, JsonPath};
use serde_json::Value;
use std::fmt;

/// Largest body that is read, in bytes: hundreds of times the size of an ordinary event, and small enough to hash and
/// parse within a Worker's CPU limit.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Longest path that is printed: keys come from the sender and may be long.
const PATH_CHARS_MAX: usize = 100;

/// Why a body was rejected, in words for its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The path in the body, `data.invoice_id`; empty for the body as a whole.
    pub field: String,
    /// What is wrong: a stable code in snake_case.
    pub code: &'static str,
    /// A sentence: what to send instead.
    pub detail: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Reads one JSON text of at most [`BODY_BYTES_MAX`] bytes and [`DEPTH_MAX`] levels, with no key twice in an object.
pub(crate) fn read(body: &[u8]) -> Result<Value, Invalid> {
    read_up_to(body, BODY_BYTES_MAX)
}

/// The same with a limit of its own.
pub(crate) fn read_up_to(body: &[u8], bytes_max: usize) -> Result<Value, Invalid> {
    let whole = |code, detail| Invalid { field: String::new(), code, detail };
    if body.len() > bytes_max {
        return Err(whole("body_too_large", format!("the body must not exceed {bytes_max} bytes")));
    }
    let text = std::str::from_utf8(body)
        .map_err(|e| whole("invalid_utf8", format!("the body must be UTF-8; byte {} is not", e.valid_up_to())))?;
    let mut place = JsonPath::default();
    json::tree(text, &mut place).map_err(|error| invalid(&place, &error))
}

fn invalid(place: &JsonPath, error: &serde_json::Error) -> Invalid {
    let printable = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    let field: String = place.path.chars().take(PATH_CHARS_MAX).map(printable).collect();
    match place.refusal {
        Some(JsonError::TooDeep) => {
            let detail = format!("{field} is nested too deeply; the limit is {DEPTH_MAX} levels");
            Invalid { field, code: "too_deep", detail }
        }
        Some(JsonError::Duplicate) => {
            let detail = format!("{field} appears twice in its object; send it once");
            Invalid { field, code: "duplicate_field", detail }
        }
        None => Invalid { field, code: "invalid_json", detail: format!("the body must be one JSON value: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(body: impl AsRef<[u8]>) -> (String, &'static str) {
        let invalid = read(body.as_ref()).unwrap_err();
        assert!(invalid.detail.len() > 10, "{invalid:?}");
        (invalid.field, invalid.code)
    }

    fn nested(levels: usize, open: &str, close: &str) -> String {
        format!("{}1{}", open.repeat(levels), close.repeat(levels))
    }

    #[test]
    fn size_at_the_limit() {
        let sized = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
        assert!(read(sized(65_535).as_bytes()).is_ok());
        assert!(read(sized(65_536).as_bytes()).is_ok());
        assert_eq!(refused(sized(65_537)), (String::new(), "body_too_large"));
        assert_eq!(refused(vec![b'['; 10_000_000]).1, "body_too_large");
    }

    #[test]
    fn depth_at_the_limit() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            assert!(read(nested(15, open, close).as_bytes()).is_ok());
            assert!(read(nested(16, open, close).as_bytes()).is_ok());
            assert_eq!(refused(nested(17, open, close)).1, "too_deep");
        }
        assert_eq!(refused("[".repeat(BODY_BYTES_MAX)).1, "too_deep");
        assert_eq!(refused("{\"a\":".repeat(BODY_BYTES_MAX / 5)).0, ["a"; 16].join("."));
        assert!(read(format!("[{}[1]]", "[1],".repeat(9_000)).as_bytes()).is_ok(), "width is not depth");
    }

    #[test]
    fn broken_bodies_name_the_place() {
        for (body, field, code) in [
            ("", "", "invalid_json"),
            ("{", "", "invalid_json"),
            ("{\"id\":\"a\"} x", "", "invalid_json"),
            ("{\"id\":\"a\"}{}", "", "invalid_json"),
            ("\u{feff}{}", "", "invalid_json"),
            ("{\"id\":'a'}", "id", "invalid_json"),
            ("{\"id\":\"a", "id", "invalid_json"),
            ("{\"id\":\"\\ud800\"}", "id", "invalid_json"),
            ("{\"id\":\"a\nb\"}", "id", "invalid_json"),
            ("{\"amount\":{\"cents\":1e999}}", "amount.cents", "invalid_json"),
            ("{\"amount\":{\"cents\":NaN}}", "amount.cents", "invalid_json"),
            ("{\"data\":[1,{\"x\":tru}]}", "data[1].x", "invalid_json"),
            ("{\"a\":1,\"a\":1}", "a", "duplicate_field"),
            ("{\"data\":{\"x\":[{\"k\":1,\"\\u006b\":2}]}}", "data.x[0].k", "duplicate_field"),
            ("{\"\\n\u{e9}\":}", "??", "invalid_json"),
        ] {
            assert_eq!(refused(body), (field.to_owned(), code), "{body}");
        }
        assert_eq!(refused(b"{\"id\":\"\xff\"}").1, "invalid_utf8");
        assert_eq!(refused(b"{\"id\":\"\xed\xa0\x80\"}").1, "invalid_utf8");
        assert_eq!(refused(format!("{{\"{}\":}}", "k".repeat(60_000))).0.len(), PATH_CHARS_MAX);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..6).prop_map(|m| m.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_prints_is_read_back(value in any_json()) {
            prop_assert_eq!(read(value.to_string().as_bytes()), Ok(value));
        }

        /// The second reader is lenient about repeated keys and depth, and about nothing else.
        #[test]
        fn agrees_with_serde_json(body in "[\\[\\]{}:,\"a-c0-9.eE+\\-\\\\ntrufals ]{0,40}") {
            let ours = read(body.as_bytes());
            match serde_json::from_str::<Value>(&body) {
                Ok(theirs) => match ours {
                    Ok(value) => prop_assert_eq!(value, theirs),
                    Err(invalid) => prop_assert!(matches!(invalid.code, "duplicate_field" | "too_deep")),
                },
                Err(_) => prop_assert!(ours.is_err()),
            }
        }
    }
}
