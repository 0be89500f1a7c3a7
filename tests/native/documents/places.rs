//! Every place of documents, as `program.schema.json` has it, each with a document that has it.

use super::findings;
use manicule::program::check::schema::TEXT;
use serde_json::{Value, json};
use std::sync::LazyLock;

pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(TEXT).expect("JSON"));

/// One step down a document.
#[derive(Clone, Debug)]
pub enum Step {
    Key(String),
    Entry(usize),
}

/// A place in documents: what the schema says there, and a document that has it.
pub struct Place {
    pub steps: Vec<Step>,
    pub schema: Value,
    pub document: Value,
    /// It is a value of a key, so that it needs a description and an example.
    pub is_key: bool,
    /// Whether what it is in must have it; `None` where that is a matter of choice.
    pub required: Option<bool>,
}

impl Place {
    /// As findings name it: `rewards[0].amount`.
    pub fn path(&self) -> String {
        self.named(|entry| format!("[{entry}]"))
    }

    /// As the manual names it: `rewards[].amount`.
    pub fn key(&self) -> String {
        self.named(|_| "[]".to_owned()).replace(".first-year", ".{reward}")
    }

    fn named(&self, entry: impl Fn(usize) -> String) -> String {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => path.push_str(&format!(".{key}")),
                Step::Entry(index) => path.push_str(&entry(*index)),
            }
        }
        path
    }

    /// Its document with another value there.
    pub fn with(&self, value: Value) -> Value {
        let mut changed = self.document.clone();
        *at(&mut changed, &self.steps) = value;
        changed
    }

    /// What the manual says about it: what fits, in the words of findings, and what it means.
    pub fn about(&self) -> String {
        let found = findings(&self.with(json!(null)));
        let rule = &found.iter().find(|f| f.path == self.path()).expect("null fits nowhere").rule;
        let names: Vec<&str> =
            self.schema["items"]["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let entries = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        let required = if self.required == Some(true) { "; required" } else { "" };
        let example = &self.schema["examples"][0];
        let example = if example.is_object() || example.is_array() {
            String::new()
        } else {
            format!(" For example `{example}`.")
        };
        format!("{rule}{entries}{required}. {}{example}", self.schema["description"].as_str().expect("a description"))
    }
}

pub fn at<'v>(document: &'v mut Value, steps: &[Step]) -> &'v mut Value {
    steps.iter().fold(document, |value, step| match step {
        Step::Key(key) => &mut value[key],
        Step::Entry(index) => &mut value[*index],
    })
}

/// A schema with what it refers to: the target's keywords, then its own.
fn resolved(schema: &Value) -> Value {
    let Some(target) = schema["$ref"].as_str() else { return schema.clone() };
    let mut whole = resolved(SCHEMA.pointer(&target[1..]).unwrap_or_else(|| panic!("{target} leads nowhere")));
    let own = schema.as_object().expect("a schema").clone();
    whole.as_object_mut().expect("a schema").extend(own.into_iter().filter(|(keyword, _)| keyword != "$ref"));
    whole
}

/// A value that fits: the example.
fn sample(schema: &Value) -> Value {
    resolved(schema)["examples"][0].clone()
}

/// Every place of documents, the document itself first.
pub fn places() -> Vec<Place> {
    let mut found = Vec::new();
    let whole = SCHEMA["examples"][0].clone();
    walk(
        Place { steps: Vec::new(), schema: SCHEMA.clone(), document: whole, is_key: false, required: None },
        &mut found,
    );
    found
}

fn walk(place: Place, found: &mut Vec<Place>) {
    let below = |step: Step, schema: &Value, is_key: bool| {
        let mut document = place.document.clone();
        let here = at(&mut document, &place.steps);
        match &step {
            Step::Key(key) if is_choice(&place.schema) => *here = json!({key.as_str(): sample(schema)}),
            Step::Key(key) => {
                let others = place.schema["oneOf"].as_array().into_iter().flatten();
                let others: Vec<String> =
                    others.map(|one| one["required"][0].as_str().unwrap_or("").to_owned()).collect();
                if others.contains(key) {
                    here.as_object_mut().expect("an object").retain(|name, _| !others.contains(name));
                }
                here[key] = sample(schema);
            }
            Step::Entry(_) => {}
        }
        let named = place.schema["required"].as_array();
        let required = match &step {
            Step::Key(key) if !is_choice(&place.schema) && place.schema["additionalProperties"] == false => {
                Some(named.is_some_and(|all| all.contains(&json!(key))))
            }
            _ => None,
        };
        let steps = place.steps.iter().cloned().chain([step]).collect();
        Place { steps, schema: resolved(schema), document, is_key, required }
    };
    let mut next = Vec::new();
    for (key, schema) in place.schema["properties"].as_object().into_iter().flatten() {
        next.push(below(Step::Key(key.clone()), schema, true));
    }
    if place.schema["additionalProperties"].is_object() {
        // The reward of the root's example.
        next.push(below(Step::Key("first-year".to_owned()), &place.schema["additionalProperties"], true));
    }
    if place.schema["items"].is_object() {
        // The last entry: the first may be special.
        let count = place.schema["examples"][0].as_array().expect("a list").len();
        next.push(below(Step::Entry(count - 1), &place.schema["items"], false));
    }
    found.push(place);
    next.into_iter().for_each(|place| walk(place, found));
}

pub fn is_choice(schema: &Value) -> bool {
    schema["maxProperties"] == 1
}
