//! `openapi.json` for tests: its operations, and whether a response matches its description.
//!
//! Supports the part of JSON Schema that the file uses. Stricter than the standard in one way: a property that a schema
//! does not name is an error unless the schema says `additionalProperties`, so that no response outgrows its
//! description.

#![allow(dead_code)]

use manicule::engine::attribution::reason::LossReason;
use manicule::engine::ledger::seal::SealFault;
use manicule::engine::message::MessageType;
use serde_json::{Map, Value, json};

/// The description as it is served: `scripts/assets.mjs` fills in the names of enums that the file only refers to.
pub fn document() -> Value {
    let mut document = serde_json::from_str(include_str!("../../src/http/openapi.json")).expect("openapi.json is JSON");
    fill(&mut document);
    document
}

fn fill(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(fill),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().filter(|_| key == "enum") {
                    Some("src/engine/message.rs MessageType") => *value = json!(MessageType::ALL),
                    Some("src/engine/attribution/reason.rs LossReason") => *value = json!(LossReason::ALL),
                    Some("src/engine/ledger/seal.rs SealFault") => *value = json!(SealFault::ALL),
                    Some(other) => panic!("{other} is filled in by nothing"),
                    None => fill(value),
                }
            }
        }
        _ => {}
    }
}

/// The target of a `$ref`, or the value itself.
pub fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(path) = value["$ref"].as_str() else { return value };
    let pointer = path.strip_prefix('#').unwrap_or_else(|| panic!("{path} leads out of the document"));
    document.pointer(pointer).unwrap_or_else(|| panic!("{path} leads nowhere"))
}

/// All differences between a response and its operation. Empty if it matches.
pub fn faults(document: &Value, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
    let operation = &document["paths"][path][method.to_ascii_lowercase()];
    let answer = resolve(document, &operation["responses"][status.to_string()]);
    if answer.is_null() {
        return vec![format!("{method} {path} does not say that it answers {status}")];
    }
    let Some(content) = answer["content"].as_object().and_then(|kinds| kinds.values().next()) else {
        return vec![format!("{method} {path} does not describe the body of {status}")];
    };
    let mut found = Vec::new();
    check(document, &content["schema"], body, "$", &mut found);
    found
}

/// Checks a value against a schema. Differences are added to `found` with their location.
pub fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolve(document, schema);
    if schema == &Value::Bool(true) {
        return;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut faults = Vec::new();
            check(document, choice, value, at, &mut faults);
            faults.is_empty()
        };
        let count = choices.iter().filter(fits).count();
        if count != 1 {
            found.push(format!("{at} fits {count} of its forms: {value}"));
        }
        return;
    }
    if !types(schema).is_empty() && !types(schema).iter().any(|name| is(value, name)) {
        found.push(format!("{at} is not {}: {value}", types(schema).join(" or ")));
        return;
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        found.push(format!("{at} is none of {}: {value}", schema["enum"]));
    }
    if schema["format"] == "date-time" && value.as_str().is_some_and(|text| !is_instant(text)) {
        found.push(format!("{at} is no instant: {value}"));
    }
    if let Some(object) = value.as_object() {
        check_object(document, schema, object, at, found);
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{at}[{place}]"), found);
    }
}

fn check_object(document: &Value, schema: &Value, object: &Map<String, Value>, at: &str, found: &mut Vec<String>) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            found.push(format!("{at}.{name} is missing"));
        }
    }
    for (name, value) in object {
        let at = format!("{at}.{name}");
        match (&schema["properties"][name.as_str()], &schema["additionalProperties"]) {
            (Value::Null, Value::Null | Value::Bool(false)) => found.push(format!("{at} is not described")),
            (Value::Null, other) => check(document, other, value, &at, found),
            (described, _) => check(document, described, value, &at, found),
        }
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the schema speaks of {other}"),
    }
}

fn is_instant(text: &str) -> bool {
    manicule::base::time::UtcMillis::parse(text).is_some()
}
