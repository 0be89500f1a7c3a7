//! Stripe's objects, filled from the type declarations of three API versions: every field at random as its declaration
//! allows, then those with a meaning as the story says. A field that a version does not declare cannot be set.

use crate::simulation::rng::Rng;
use serde_json::{Map, Value, json};

/// The objects of one API version, as `tests/support/stripe/declarations/extract.mjs` reads them.
pub struct Declarations {
    pub version: String,
    types: Map<String, Value>,
}

/// Objects inside of objects are filled to this depth.
const DEPTH_MAX: u32 = 2;

impl Declarations {
    /// Before 2025-03-31, in between, and the pinned version.
    pub fn all() -> [Declarations; 3] {
        [
            include_str!("../../../support/stripe/declarations/2025-02-24.acacia.json"),
            include_str!("../../../support/stripe/declarations/2025-09-30.clover.json"),
            include_str!("../../../support/stripe/declarations/2026-10-28.endive.json"),
        ]
        .map(|text| {
            let read: Value = serde_json::from_str(text).expect("JSON");
            let types = read["types"].as_object().expect("types").clone();
            Declarations { version: read["api_version"].as_str().expect("a version").to_owned(), types }
        })
    }

    /// An object with every field at random.
    pub fn object(&self, name: &str, rng: &mut Rng) -> Object<'_> {
        Object { of: self, name: name.to_owned(), value: self.fill(name, 0, rng) }
    }

    /// The declaration of a field, and whether it may be absent.
    fn field(&self, name: &str, field: &str) -> Option<(&str, bool)> {
        let fields = self.types.get(name)?;
        let required = fields.get(field).map(|text| (text, false));
        let (text, optional) = required.or_else(|| fields.get(format!("{field}?")).map(|text| (text, true)))?;
        Some((text.as_str()?, optional))
    }

    fn fill(&self, name: &str, depth: u32, rng: &mut Rng) -> Value {
        let mut filled = Map::new();
        let fields = self.types.get(name).and_then(Value::as_object).unwrap_or_else(|| panic!("no type {name}"));
        for (field, text) in fields {
            let plain = field.trim_end_matches('?');
            if plain != field && rng.percent(50) {
                continue;
            }
            let value = self.any(plain, text.as_str().expect("a declaration"), depth, rng);
            filled.insert(plain.to_owned(), value);
        }
        Value::Object(filled)
    }

    /// A value that a declaration allows.
    fn any(&self, field: &str, text: &str, depth: u32, rng: &mut Rng) -> Value {
        let choice = rng.pick(&alternatives(text));
        if let Some(inner) = list_of(choice) {
            let count = if depth >= DEPTH_MAX { 0 } else { rng.within(0, 3) };
            let items: Vec<Value> = (0..count).map(|_| self.any(field, inner, depth + 1, rng)).collect();
            let is_api_list = choice.starts_with("ApiList");
            return if is_api_list { list(items) } else { json!(items) };
        }
        match choice {
            "null" => Value::Null,
            "boolean" => json!(rng.percent(50)),
            "number" => json!(rng.within(0, 1_000_000)),
            "string" if field.ends_with("_decimal") => json!(rng.within(0, 100_000).to_string()),
            "string" if field == "currency" => json!(rng.pick(&["usd", "eur", "jpy"])),
            "string" => json!(format!("{field}_{}", rng.within(0, 1_000_000))),
            "Metadata" => rng.pick(&[json!({}), json!({"order": "6735"})]),
            "{}" => json!({}),
            "Expanded" => json!({"id": format!("{field}_{}", rng.within(0, 1_000_000)), "object": field}),
            _ if choice.starts_with('\'') => json!(choice.trim_matches('\'')),
            _ if depth >= DEPTH_MAX => json!({"id": format!("{field}_{}", rng.within(0, 1_000_000))}),
            name => self.fill(name, depth + 1, rng),
        }
    }
}

pub fn list(items: Vec<Value>) -> Value {
    json!({"object": "list", "data": items, "has_more": false, "url": "/v1/list"})
}

/// One of Stripe's objects.
pub struct Object<'a> {
    of: &'a Declarations,
    name: String,
    pub value: Value,
}

impl<'a> Object<'a> {
    pub fn declares(&self, field: &str) -> bool {
        self.of.field(&self.name, field).is_some()
    }

    /// Sets a field by its path. The declarations must have it, with a value of this type.
    pub fn set(&mut self, path: &str, value: Value) {
        let (name, text, _) = self.declared(path);
        assert!(permits(text, &value), "{name} of {} permits no {value}: {text}", self.of.version);
        *self.place(path) = value;
    }

    /// The same if this version has the field.
    pub fn set_if_declared(&mut self, field: &str, value: Value) {
        if self.declares(field) {
            self.set(field, value);
        }
    }

    /// Sets a field to nothing, in a way that is declared: absent or null.
    pub fn nothing(&mut self, field: &str, rng: &mut Rng) {
        let (name, text, optional) = self.declared(field);
        let nullable = alternatives(text).contains(&"null");
        assert!(optional || nullable, "{name} of {} is always there", self.of.version);
        if nullable && (!optional || rng.percent(50)) {
            *self.place(field) = Value::Null;
        } else {
            self.value.as_object_mut().expect("an object").remove(field);
        }
    }

    pub fn nothing_if_declared(&mut self, field: &str, rng: &mut Rng) {
        if self.declares(field) {
            self.nothing(field, rng);
        }
    }

    /// Sets a reference to another object: its id or, where that is declared, the whole object.
    pub fn refer(&mut self, path: &str, id: &str, rng: &mut Rng) {
        let (_, text, _) = self.declared(path);
        let objects: Vec<&str> = alternatives(text).into_iter().filter(|a| !matches!(*a, "null" | "string")).collect();
        *self.place(path) = if !objects.is_empty() && rng.percent(40) {
            let mut whole = self.of.any(path, rng.pick(&objects), DEPTH_MAX - 1, rng);
            whole["id"] = json!(id);
            whole
        } else {
            json!(id)
        };
    }

    /// The name of the type around a field, its declaration, and whether it may be absent.
    fn declared(&self, path: &str) -> (String, &'a str, bool) {
        let mut name = self.name.clone();
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            let (text, optional) =
                self.of.field(&name, part).unwrap_or_else(|| panic!("{name} of {} has no {part}", self.of.version));
            if parts.peek().is_none() {
                return (format!("{name}.{part}"), text, optional);
            }
            let inner = alternatives(text).into_iter().find(|a| self.of.types.contains_key(*a));
            name = inner.unwrap_or_else(|| panic!("{name}.{part} is no object: {text}")).to_owned();
        }
        unreachable!("a path has a part")
    }

    fn place(&mut self, path: &str) -> &mut Value {
        let mut place = &mut self.value;
        for part in path.split('.') {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[part];
        }
        place
    }
}

fn list_of(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("ApiList<").or_else(|| text.strip_prefix("Array<"))?;
    inner.strip_suffix('>')
}

/// The alternatives of a union.
fn alternatives(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            '|' if depth == 0 => {
                found.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(text[from..].trim());
    found
}

fn permits(text: &str, value: &Value) -> bool {
    alternatives(text).into_iter().any(|choice| match value {
        Value::Null => choice == "null",
        Value::Bool(_) => choice == "boolean",
        Value::Number(_) => choice == "number",
        Value::String(text) => choice == "string" || choice.trim_matches('\'') == text,
        Value::Array(_) => choice.starts_with("Array<"),
        Value::Object(map) => {
            let is_list = map.contains_key("has_more");
            choice.starts_with("ApiList<") == is_list && !matches!(choice, "string" | "number" | "boolean" | "null")
        }
    })
}
