//! Reads a JSON text into a tree, with limits: how deep it may be, and that no object has a key twice.
//!
//! The RFC (8259) does not define the meaning of a repeated key, so two readers of one text could disagree about money.

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt::{self, Write as _};

/// Deepest nesting of objects and arrays, where the text itself counts as one level. An event needs three; the rest is
/// for the sender's own fields. Each level is a stack frame, and the WASM stack is small.
pub const DEPTH_MAX: usize = 16;

/// Most repeated keys that are listed: people mend the first ones first.
const REPEATED_MAX: usize = 32;

/// The reader's current path. It keeps the place where reading failed.
#[derive(Default)]
pub struct JsonPath {
    pub path: String,
    depth: usize,
    pub refusal: Option<JsonError>,
    /// The paths of repeated keys, if reading goes on after one. The last value counts.
    pub repeated: Option<Vec<String>>,
}

#[derive(Clone, Copy)]
pub enum JsonError {
    TooDeep,
    Duplicate,
}

/// A JSON text with a line for each value, for people. Serializing with line breaks would be compiled for each type.
pub fn indented(text: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::with_capacity(text.len() * 2), 0, false, false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let closes = |next: Option<&char>| matches!(next, Some('}' | ']'));
        let is_break = !quoted && (c == ',' || (matches!(c, '{' | '[') && !closes(characters.peek())));
        let is_end = !quoted && matches!(c, '}' | ']') && !out.ends_with(['{', '[']);
        depth += usize::from(is_break && c != ',');
        if is_end {
            depth -= 1;
            new_line(&mut out, depth);
        }
        out.push(c);
        if is_break {
            new_line(&mut out, depth);
        } else if c == ':' && !quoted {
            out.push(' ');
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Reads one value. If it fails, `place` has the path and the refusal.
pub fn tree(text: &str, place: &mut JsonPath) -> serde_json::Result<Value> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Node(place).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value))
}

impl JsonPath {
    /// Reading goes on after a repeated key.
    pub fn listing_repeated() -> JsonPath {
        JsonPath { repeated: Some(Vec::new()), ..JsonPath::default() }
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.refuse(JsonError::TooDeep)) } else { Ok(()) }
    }

    fn refuse<E: serde::de::Error>(&mut self, refusal: JsonError) -> E {
        self.refusal = Some(refusal);
        E::custom("refused")
    }

    fn push_key(&mut self, key: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }

    fn push_index(&mut self, index: usize) {
        // Writing to a String can't fail.
        let _ = write!(self.path, "[{index}]");
    }

    fn repeat<E: serde::de::Error>(&mut self) -> Result<(), E> {
        let Some(repeated) = &mut self.repeated else { return Err(self.refuse(JsonError::Duplicate)) };
        if repeated.len() < REPEATED_MAX {
            repeated.push(self.path.clone());
        }
        Ok(())
    }
}

/// Reads any value and checks depth and keys.
struct Node<'p>(&'p mut JsonPath);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    /// Kept so that it can be rejected where an integer is required.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let (mut list, start) = (Vec::new(), self.0.path.len());
        loop {
            self.0.push_index(list.len());
            let item = items.next_element_seed(Node(&mut *self.0))?;
            self.0.path.truncate(start);
            match item {
                Some(value) => list.push(value),
                None => break,
            }
        }
        self.0.depth -= 1;
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let (mut map, start) = (Map::new(), self.0.path.len());
        while let Some(key) = entries.next_key::<String>()? {
            self.0.push_key(&key);
            if map.contains_key(&key) {
                self.0.repeat()?;
            }
            let value = entries.next_value_seed(Node(&mut *self.0))?;
            map.insert(key, value);
            self.0.path.truncate(start);
        }
        self.0.depth -= 1;
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::indented;
    use serde_json::{Value, json};

    #[test]
    fn indented_is_what_serde_writes() {
        let text = "a\\\"b: {[,]}";
        for value in [
            json!({"a": [], "b": {}, "c": [1, [2.5, null], {"d": true}], text: text}),
            json!([]),
            json!([{}, [], "", [[]]]),
            json!("x"),
        ] {
            let compact = Value::to_string(&value);
            assert_eq!(indented(&compact), serde_json::to_string_pretty(&value).expect("text"));
        }
    }
}
