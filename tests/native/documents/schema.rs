//! `program.schema.json` is what documents are: its keys and values are those of the types, a validator that knows
//! nothing of them agrees with the check about every value at every place, and its examples are accepted.

use super::places::{SCHEMA, Step, at, is_choice, places};
use super::{document, findings};
use crate::simulation::rng::Rng;
use jsonschema::Validator;
use manicule::base::decode;
use manicule::base::money::{Bps, CENTS_MAX};
use manicule::program::catalog::PRESETS;
use manicule::program::document::{Document, SIGNUPS_COUNTED_MAX};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&SCHEMA).expect("a schema of draft 2020-12"));

/// Keywords that refuse nothing.
const NOTES: &[&str] = &["$schema", "$defs", "title", "description", "examples", "default"];

/// A key or entry that no document has.
const UNKNOWN: &str = "~unknown";

/// A document as its type reads it, without the key that editors add.
fn decoded(document: &Value) -> Result<Document, decode::Mismatch> {
    let mut document = document.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("$schema");
    }
    decode::from_value(document)
}

/// What an error of the reader lists between backquotes after `expected one of`.
fn listed(why: &str) -> BTreeSet<String> {
    let (_, list) = why.split_once("; ").unwrap_or_else(|| panic!("a list: {why}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn valid(document: &Value) -> bool {
    VALIDATOR.is_valid(document)
}

/// What the schema refuses the check refuses, too; and what doesn't decode never gets as far.
pub fn agrees(document: &Value) {
    let found = findings(document);
    if !valid(document) || decoded(document).is_err() {
        assert!(!found.is_empty(), "{document} is accepted");
    }
    assert!(found.iter().all(|f| !f.rule.is_empty()), "{found:?}");
}

#[test]
fn the_keys_and_values_are_those_of_the_types() {
    let mut seen = (0, 0, 0);
    for place in places() {
        let expected = |found: Value| {
            let why = decoded(&found).expect_err("nobody knows it");
            assert!(why.path().starts_with(&place.path()), "{}: {why}", place.path());
            listed(why.why())
        };
        if let Some(all) = place.schema["enum"].as_array() {
            let names = all.iter().map(|name| name.as_str().expect("a name").to_owned()).collect();
            assert_eq!(expected(place.with(json!(UNKNOWN))), names, "{}", place.path());
            seen.0 += 1;
        } else if place.schema["type"] == "object" && !place.schema["additionalProperties"].is_object() {
            assert_eq!(place.schema["additionalProperties"], false, "{} is not closed", place.path());
            let keys = place.schema["properties"].as_object().into_iter().flat_map(Map::keys);
            let mut keys: BTreeSet<String> = keys.filter(|key| *key != "$schema").cloned().collect();
            if place.steps.len() > 2 && place.path().contains("any_of") {
                // The one thing that the schema knows and the type doesn't: an any_of has none in it.
                keys.extend(is_choice(&place.schema).then(|| "any_of".to_owned()));
            }
            let mut changed = place.document.clone();
            let here = at(&mut changed, &place.steps);
            if is_choice(&place.schema) {
                *here = json!({UNKNOWN: {}});
                seen.1 += 1;
            } else {
                here[UNKNOWN] = json!(1);
                seen.2 += 1;
            }
            assert_eq!(expected(changed), keys, "{}", place.path());
        }
    }
    assert!(seen.0 > 10 && seen.1 > 6 && seen.2 > 20, "{seen:?}");
}

#[test]
fn what_is_required_is_what_the_types_require() {
    for place in places() {
        let (Some(required), Some((Step::Key(key), above))) = (place.required, place.steps.split_last()) else {
            continue;
        };
        let mut without = place.document.clone();
        at(&mut without, above).as_object_mut().expect("an object").remove(key);
        assert_eq!(decoded(&without).is_err(), required, "{}", place.path());
        assert_eq!(findings(&without).iter().any(|f| f.path == place.path() && f.rule.contains("missing")), required);
    }
}

#[test]
fn every_key_has_a_description_and_examples_that_are_accepted() {
    for place in places().into_iter().filter(|place| place.is_key) {
        let (path, schema) = (place.path(), &place.schema);
        let described = schema["description"].as_str().unwrap_or_default();
        assert!(described.len() > 5 && described.ends_with('.'), "{path}: {described:?}");
        let examples = schema["examples"].as_array().unwrap_or_else(|| panic!("{path} has no example"));
        assert!(!examples.is_empty(), "{path} has no example");
        for example in examples.iter().chain(schema.get("default")) {
            let whole = place.with(example.clone());
            assert!(valid(&whole), "{path}: {example} in {whole}");
            let found = findings(&whole);
            let own =
                |at: &str| at == path || at.starts_with(&format!("{path}.")) || at.starts_with(&format!("{path}["));
            // A condition is refused if the rest makes no sense of it.
            let is_about_it = |rule: &str| !rule.starts_with("absent");
            assert!(!found.iter().any(|f| own(&f.path) && is_about_it(&f.rule)), "{path}: {example}: {found:?}");
        }
    }
    for whole in SCHEMA["examples"].as_array().expect("examples") {
        assert!(valid(whole));
        assert_eq!(findings(whole), []);
    }
}

/// Values that are wrong in most places and right in some.
fn values() -> Vec<Value> {
    let texts =
        ["", " ", "a", "A b", "usd", "USD", "invoice.paid", "hold", "a\nb", "PARTNER_", "ä", "2026-01-01T00:00:00Z"];
    let numbers =
        [-1, 0, 1, 2, 5, 6, 15, 16, 17, 32, 33, 64, 65, 120, 121, 200, 201, 400, 401, 1_000, 1_001, 1_200, 1_201];
    let more = [3_660, 3_661, Bps::ONE.0, Bps::ONE.0 + 1, 1_000_000, 1_000_001, CENTS_MAX, CENTS_MAX + 1, i64::MAX];
    let lengths = [32, 33, 64, 65, 200, 201, 1_000, 1_001].map(|n| json!("a".repeat(n)));
    let lists = [0, 1, 2, 32, 33].map(|n| json!(vec!["code"; n]));
    let others = [
        json!(null),
        json!(true),
        json!(1.5),
        json!(u64::MAX),
        json!({}),
        json!({"once": {}}),
        json!({"a": 1, "b": 2}),
    ];
    let numbers = numbers.into_iter().chain(more).map(Value::from);
    texts.into_iter().map(Value::from).chain(numbers).chain(lengths).chain(lists).chain(others).collect()
}

/// At every place, and each value: the validator, the check and the types' reader. The check alone reads instants and
/// sees that a required text is not blank; it refuses more by its rules, but never less.
#[test]
fn a_validator_agrees_at_every_place() {
    let (mut good, mut bad) = (0, 0);
    for place in places() {
        for value in values() {
            let whole = place.with(value.clone());
            agrees(&whole);
            let path = place.path();
            let text = value.to_string();
            let misfit = findings(&whole).into_iter().find(|f| f.path == path && f.value == text);
            if valid(&whole) {
                good += 1;
                let is_stricter = value == json!(" ") || place.schema["format"] == "date-time" || value == json!({});
                let is_rule = misfit.as_ref().is_some_and(|f| !f.rule.starts_with("a ") && !f.rule.starts_with("an "));
                assert!(misfit.is_none() || is_stricter || is_rule, "{path}: {value}: {misfit:?}");
            } else {
                bad += 1;
            }
        }
    }
    assert!(good > 500 && bad > 5_000, "{good} good, {bad} bad");
}

#[test]
fn presets_and_tried_documents_are_valid() {
    for (id, text) in PRESETS {
        let preset: Value = serde_json::from_str(text).expect("JSON");
        let errors: Vec<String> = VALIDATOR.iter_errors(&preset).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{id}");
    }
    assert!(valid(&document(|_| {})));
}

/// Everything in a document, by its steps.
fn steps_of(value: &Value, above: &[Step], found: &mut Vec<Vec<Step>>) {
    let mut add = |step: Step, part: &Value| {
        let steps: Vec<Step> = above.iter().cloned().chain([step]).collect();
        found.push(steps.clone());
        steps_of(part, &steps, found);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, part)| add(Step::Key(key.clone()), part)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, part)| add(Step::Entry(i), part)),
        _ => {}
    }
}

/// Presets with a few parts removed, replaced, moved or added.
#[test]
fn broken_documents_are_refused_wherever_the_schema_refuses_them() {
    let (mut refused, mut rng) = (0, Rng::new(17));
    for round in 0..2_000 {
        let mut whole: Value = serde_json::from_str(PRESETS[round % PRESETS.len()].1).expect("JSON");
        for _ in 0..rng.within(1, 4) {
            let mut all = Vec::new();
            steps_of(&whole, &[], &mut all);
            if all.is_empty() {
                break;
            }
            let steps = rng.pick(&all);
            let from = rng.pick(&all);
            let moved = at(&mut whole, &from).clone();
            let here = at(&mut whole, &steps);
            match (rng.within(0, 4), here) {
                (0, Value::Object(fields)) => {
                    drop(fields.remove(fields.keys().next().cloned().unwrap_or_default().as_str()))
                }
                (1, Value::Object(fields)) => drop(fields.insert(UNKNOWN.to_owned(), json!(1))),
                (2, here) => *here = moved,
                (_, here) => *here = rng.pick(&values()),
            }
        }
        agrees(&whole);
        refused += usize::from(!valid(&whole));
    }
    assert!((800..2_000).contains(&refused), "{refused}");
}

/// Nothing in the schema is written in vain: each keyword is one that the check reads, a note, or one whose rule the
/// check has in its own words.
#[test]
fn the_check_knows_every_keyword() {
    const READ: &[&str] = &[
        "$ref",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "minProperties",
        "maxProperties",
        "items",
        "minItems",
        "maxItems",
        "uniqueItems",
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "format",
        "minimum",
        "maximum",
        "multipleOf",
    ];
    const RULES: &[&str] = &["oneOf", "dependentRequired"];
    fn look(schema: &Value, keywords: &mut HashSet<String>) {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            keywords.insert(keyword.clone());
            let is_note = keyword == "$ref" || NOTES.contains(&keyword.as_str());
            assert!(schema["$ref"].is_null() || is_note, "{keyword} stands beside a reference: {schema}");
            match keyword.as_str() {
                "properties" | "$defs" => value.as_object().into_iter().flatten().for_each(|(_, s)| look(s, keywords)),
                "items" | "additionalProperties" => look(value, keywords),
                _ => {}
            }
        }
    }
    let mut keywords = HashSet::new();
    look(&SCHEMA, &mut keywords);
    let known: HashSet<String> = [READ, NOTES, RULES].concat().into_iter().map(str::to_owned).collect();
    assert_eq!(keywords, known);
    let formats: Vec<Value> =
        places().into_iter().map(|p| p.schema["format"].clone()).filter(|f| !f.is_null()).collect();
    assert!(formats.iter().all(|f| f == "date-time"), "{formats:?}");
    for pattern in places().iter().filter_map(|place| place.schema["pattern"].as_str().map(str::to_owned)) {
        let is_class = pattern.starts_with("^[") && pattern.ends_with("}$");
        assert!(is_class || pattern == r"^\P{Cc}*$", "{pattern}");
    }
}

#[test]
fn limits_are_those_of_the_code() {
    let all = places();
    let most = |path: &str| {
        let place = all.iter().find(|place| place.path() == path).unwrap_or_else(|| panic!("{path}"));
        place.schema["maximum"].as_i64()
    };
    assert_eq!(most("rewards[0].amount.flat_cents"), Some(CENTS_MAX));
    assert_eq!(most("settlement.minimum_cents"), Some(CENTS_MAX));
    assert_eq!(most("rewards[0].amount.rate_bps"), Some(Bps::ONE.0));
    assert_eq!(most("risk[0].when.signups_in_month.more_than"), Some(SIGNUPS_COUNTED_MAX));
    // Every number and every list has a limit.
    for place in &all {
        let limit = match place.schema["type"].as_str() {
            Some("integer") => "maximum",
            Some("array") => "maxItems",
            _ => continue,
        };
        assert!(place.schema[limit].is_i64(), "{} has no {limit}", place.path());
    }
}
