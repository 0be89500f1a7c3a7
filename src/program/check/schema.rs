//! Holds a document to `program.schema.json`: lists every value that has another form or is out of range, at once.
//!
//! In scope: the part of JSON Schema that the file uses. What it says about several values at once (`oneOf`,
//! `dependentRequired`) are rules of the check, which give a reason.

use crate::base::time::UtcMillis;
use crate::program::check::checker::Checker;
use serde_json::{Map, Value};

/// The one description of documents, for editors and for this check. It is served as it is.
pub const TEXT: &str = include_str!("../program.schema.json");

/// A text without control characters.
const NO_CONTROLS: &str = r"^\P{Cc}*$";

/// Adds what doesn't fit. Unknown keys are removed, so that the rest can be read.
pub(super) fn check(c: &mut Checker, document: &mut Value) {
    match serde_json::from_str(TEXT) {
        Ok(root) => Form { root: &root, c }.value("", &root, document),
        Err(why) => c.rule("", "", false, &format!("a readable schema: {why}")),
    }
}

struct Form<'s, 'c> {
    root: &'s Value,
    c: &'c mut Checker,
}

impl Form<'_, '_> {
    fn value(&mut self, path: &str, schema: &Value, value: &mut Value) {
        let mut schema = schema;
        // What stands beside a reference are notes.
        while let Some(target) = schema["$ref"].as_str() {
            schema = self.root.pointer(target.trim_start_matches('#')).unwrap_or(&Value::Null);
        }
        let fits = match (schema["type"].as_str(), &mut *value) {
            (Some("object"), Value::Object(fields)) if is_choice(schema) => {
                fields.len() == 1 && fields.keys().all(|name| !schema["properties"][name].is_null())
            }
            (Some("object"), Value::Object(_)) | (Some("boolean"), Value::Bool(_)) => true,
            (Some("array"), Value::Array(items)) => schema["uniqueItems"] != true || is_unique(items),
            (Some("integer"), Value::Number(number)) => number.as_i64().is_some_and(|n| {
                in_bounds(schema, "minimum", "maximum", n) && schema["multipleOf"].as_i64().is_none_or(|of| n % of == 0)
            }),
            (Some("string"), Value::String(text)) => is_text(schema, text),
            _ => false,
        };
        self.c.rule(path, &*value, fits, &wanted(schema));
        match value {
            Value::Object(fields) if fits => self.object(path, schema, fields),
            // A list that is too long is not read, so that there are never too many findings.
            Value::Array(items) if fits && self.count(path, schema, ["minItems", "maxItems"], items.len()) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.value(&format!("{path}[{i}]"), &schema["items"], item);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, path: &str, schema: &Value, fields: &mut Map<String, Value>) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.c.rule(&below(name), "", fields.contains_key(name), "given: the key is missing");
        }
        let (known, others) = (&schema["properties"], &schema["additionalProperties"]);
        if others.is_object() && !self.count(path, schema, ["minProperties", "maxProperties"], fields.len()) {
            return;
        }
        fields.retain(|name, value| {
            let (path, part) = (below(name), known.get(name).or_else(|| others.is_object().then_some(others)));
            match part {
                Some(part) => self.value(&path, part, value),
                None => self.c.rule(&path, &*value, false, &format!("a known key: {}", listed(known))),
            }
            part.is_some()
        });
    }

    fn count(&mut self, path: &str, schema: &Value, [least, most]: [&str; 2], len: usize) -> bool {
        let fits = i64::try_from(len).is_ok_and(|len| in_bounds(schema, least, most, len));
        self.c.rule(path, len, fits, &format!("{} entries", range(schema, least, most)));
        fits
    }
}

/// An object with exactly one of its keys.
fn is_choice(schema: &Value) -> bool {
    schema["maxProperties"] == 1
}

fn is_unique(items: &[Value]) -> bool {
    items.iter().enumerate().all(|(at, item)| !items[..at].contains(item))
}

fn in_bounds(schema: &Value, least: &str, most: &str, value: i64) -> bool {
    schema[least].as_i64().is_none_or(|least| least <= value) && schema[most].as_i64().is_none_or(|most| value <= most)
}

fn is_text(schema: &Value, text: &str) -> bool {
    let pattern = match schema["pattern"].as_str() {
        None => true,
        Some(NO_CONTROLS) => !text.chars().any(char::is_control),
        Some(pattern) => class_of(pattern).is_some_and(|(class, least, most)| {
            (least..=most).contains(&text.chars().count()) && text.chars().all(|c| is_of(class, c))
        }),
    };
    let listed = schema["enum"].as_array().is_none_or(|all| all.iter().any(|one| one == text));
    let instant = schema["format"] != "date-time" || UtcMillis::parse(text).is_some();
    // What is required must not be blank either.
    let required = schema["minLength"].is_null() || !text.trim().is_empty();
    let short = i64::try_from(text.chars().count()).is_ok_and(|n| in_bounds(schema, "minLength", "maxLength", n));
    pattern && listed && instant && required && short
}

/// The class of characters and the length of a pattern such as `^[a-z0-9_-]{1,64}$`. No other pattern is understood, so
/// nothing fits it.
fn class_of(pattern: &str) -> Option<(&str, usize, usize)> {
    let (class, count) = pattern.strip_prefix("^[")?.strip_suffix("}$")?.split_once("]{")?;
    let (least, most) = count.split_once(',').unwrap_or((count, count));
    Some((class, least.parse().ok()?, most.parse().ok()?))
}

/// The ranges of a class: of `a-z_`, a to z and _ to _.
fn ranges(class: &str) -> Vec<(char, char)> {
    let (mut rest, mut found) = (class.chars(), Vec::new());
    while let Some(from) = rest.next() {
        let mut after = rest.clone();
        let to = (after.next() == Some('-')).then(|| after.next()).flatten();
        if to.is_some() {
            rest = after;
        }
        found.push((from, to.unwrap_or(from)));
    }
    found
}

fn is_of(class: &str, c: char) -> bool {
    ranges(class).iter().any(|(from, to)| (*from..=*to).contains(&c))
}

/// What fits, in words.
fn wanted(schema: &Value) -> String {
    match schema["type"].as_str() {
        Some("object") if is_choice(schema) => format!("an object with one key: {}", listed(&schema["properties"])),
        Some("object") => "an object".to_owned(),
        Some("array") => {
            let unique = if schema["uniqueItems"] == true { " without duplicates" } else { "" };
            format!("a list of {} entries{unique}", range(schema, "minItems", "maxItems"))
        }
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => {
            let step = schema["multipleOf"].as_i64().map_or(String::new(), |of| format!(", a multiple of {of}"));
            format!("a whole number, {}{step}", range(schema, "minimum", "maximum"))
        }
        _ => text_wanted(schema),
    }
}

fn text_wanted(schema: &Value) -> String {
    if let Some(all) = schema["enum"].as_array() {
        let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", all.join(", "));
    }
    if schema["format"] == "date-time" {
        return "an RFC 3339 date and time, such as 2026-01-01T00:00:00Z".to_owned();
    }
    match schema["pattern"].as_str().and_then(class_of) {
        Some((class, least, most)) => {
            let length = if least == most { most.to_string() } else { format!("{least} to {most}") };
            let of = ranges(class).into_iter().map(|(a, z)| if a == z { a.to_string() } else { format!("{a}-{z}") });
            format!("a text of {length} of {}", of.collect::<Vec<_>>().join(" "))
        }
        None => {
            let controls = if schema["pattern"].is_null() { "" } else { " without control characters" };
            format!("a text of {} characters{controls}", range(schema, "minLength", "maxLength"))
        }
    }
}

fn range(schema: &Value, least: &str, most: &str) -> String {
    format!("{} to {}", schema[least].as_i64().unwrap_or(0), schema[most])
}

fn listed(properties: &Value) -> String {
    let names: Vec<&str> = properties.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    if names.is_empty() { "there is none here".to_owned() } else { names.join(", ") }
}
