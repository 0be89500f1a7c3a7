//! Finds all values of a wrong form. A reader stops at the first one, so the parts of a document are read one by one.

use crate::base::decode::{self, Mismatch};
use crate::base::time::UtcMillis;
use crate::program::check::checker::{Finding, value_at};
use crate::program::document::*;
use crate::program::measure::{Economics, Funnel};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a part; `None`: it has its form.
type Read = fn(Value) -> Option<Mismatch>;

/// The parts of a document: where, and whether it must be there. `[]` stands for the entries of a list.
const PARTS: &[(&str, bool, Read)] = &[
    ("id", true, of::<String>),
    ("title", true, of::<String>),
    ("version", true, of::<i64>),
    ("effective_from", true, of::<Instant>),
    ("currency", true, of::<String>),
    ("source", true, of::<String>),
    ("code", true, of::<CodeFormat>),
    ("requires_disclosure", false, of::<bool>),
    ("attribution", true, of::<AttributionTerms>),
    ("lifecycle[]", true, of::<LifecycleState>),
    ("rewards[].amount", false, of::<RewardAmount>),
    ("rewards[].on", false, of::<Trigger>),
    ("rewards[].span", false, of::<Span>),
    ("rewards[].when", false, of::<RewardConditions>),
    ("rewards[]", true, of::<Reward>),
    ("modifiers[]", false, of::<Modifier>),
    ("caps[]", false, of::<Cap>),
    ("vesting", true, of::<Vesting>),
    ("settlement", true, of::<Settlement>),
    ("risk[]", false, of::<RiskRule>),
    ("benefit", false, of::<Option<Benefit>>),
    ("funnel", false, of::<Option<Funnel>>),
    ("economics", false, of::<Option<Economics>>),
];

fn of<T: DeserializeOwned>(value: Value) -> Option<Mismatch> {
    decode::from_value::<T>(value).err()
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Instant {
    #[serde(with = "instant")]
    _at: UtcMillis,
}

/// All values of a wrong form in a document that is known to have `first`.
pub(super) fn misshapen(whole: &Value, first: &Mismatch) -> Vec<Finding> {
    let mut found = Found { whole, findings: Vec::new() };
    let name = |pattern: &'static str| pattern.split(['[', '.']).next().unwrap_or_default();
    for key in whole.as_object().into_iter().flat_map(serde_json::Map::keys) {
        if !PARTS.iter().any(|(pattern, ..)| name(pattern) == key) {
            found.add(key, "a known key; this one has no meaning");
        }
    }
    for (pattern, required, read) in PARTS {
        match (whole.get(name(pattern)), pattern.split_once("[]")) {
            (None, _) if *required && whole.is_object() => found.add(name(pattern), "given; the key is missing"),
            (None, _) => {}
            (Some(value), None) => found.read(pattern, value, *read),
            (Some(Value::Array(entries)), Some((list, below))) => {
                for (i, entry) in entries.iter().enumerate() {
                    let below = below.trim_start_matches('.');
                    let part = if below.is_empty() { Some(entry) } else { entry.get(below) };
                    let dot = if below.is_empty() { "" } else { "." };
                    if let Some(part) = part {
                        found.read(&format!("{list}[{i}]{dot}{below}"), part, *read);
                    }
                }
            }
            (Some(_), Some((list, _))) => found.add(list, "a list"),
        }
    }
    if found.findings.is_empty() {
        found.add(first.path(), first.why());
    }
    found.findings
}

struct Found<'v> {
    whole: &'v Value,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn add(&mut self, path: &str, rule: &str) {
        // A list that is none is found once for each of its parts, a reward's amount also with the reward.
        if !self.findings.iter().any(|f| f.path == path) {
            let value = value_at(self.whole, path).map_or(String::new(), Value::to_string);
            self.findings.push(Finding { path: path.to_owned(), value, rule: rule.to_owned() });
        }
    }

    /// Adds what is wrong with a part. After an unknown key, the rest is read without it.
    fn read(&mut self, path: &str, part: &Value, read: Read) {
        let mut part = part.clone();
        while let Some(wrong) = read(part.clone()) {
            let dot = if wrong.path().is_empty() || wrong.path().starts_with('[') { "" } else { "." };
            self.add(&format!("{path}{dot}{}", wrong.path()), wrong.why());
            if !wrong.is_unknown_field() || !remove(&mut part, wrong.path()) {
                break;
            }
        }
    }
}

/// Removes the key at a path, `rewards[0].colour`.
fn remove(whole: &mut Value, path: &str) -> bool {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let steps = parent.split(['.', '[']).filter(|step| !step.is_empty());
    let holder = steps.into_iter().try_fold(whole, |at, step| match step.strip_suffix(']') {
        Some(index) => at.get_mut(index.parse::<usize>().ok()?),
        None => at.get_mut(step),
    });
    holder.and_then(Value::as_object_mut).is_some_and(|fields| fields.remove(key).is_some())
}
