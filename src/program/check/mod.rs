//! Reading and checking a document. Every error names the path, the value and the rule.

pub(in crate::program) mod checker;
mod measure;
mod rewards;
pub mod schema;
mod settlement;
mod versions;

pub use crate::program::check::checker::Finding;
pub use crate::program::check::versions::follow;

use crate::base::decode;
use crate::base::json::{self, DEPTH_MAX, JsonPath};
use crate::program::check::checker::{Checker, value_at};
use crate::program::compiled::Program;
use crate::program::document::*;
use serde_json::Value;
use std::collections::HashSet;

/// Where editors are told a document's schema. It is no part of the program.
const SCHEMA_KEY: &str = "$schema";

/// Reads a document, checks all of it, and makes it a program that can be run.
pub fn read(json: &str) -> Result<Program, Vec<Finding>> {
    let mut place = JsonPath::listing_repeated();
    let mut whole = json::tree(json, &mut place).map_err(|e| {
        let rule = match place.refusal {
            Some(_) => format!("nested at most {DEPTH_MAX} levels deep"),
            None => format!("one JSON value: {e}"),
        };
        vec![Finding { path: place.path.clone(), value: String::new(), rule }]
    })?;
    let mut c = Checker::default();
    for path in place.repeated.unwrap_or_default() {
        let value = value_at(&whole, &path).map_or(String::new(), Value::to_string);
        c.rule(&path, value, false, "given once, because readers differ about which of two counts");
    }
    schema::check(&mut c, &mut whole);
    if let Some(fields) = whole.as_object_mut() {
        fields.remove(SCHEMA_KEY);
    }
    let program = match decode::from_value(whole) {
        Ok(document) => Some(compile(&mut c, document)),
        Err(first) => {
            // The schema has found it, and with it all the others.
            c.rule(first.path(), "", !c.findings.is_empty(), first.why());
            None
        }
    };
    program.filter(|_| c.findings.is_empty()).ok_or(c.findings)
}

/// Reads a stored document: what it says was checked when it was saved.
pub fn stored(json: &str) -> Result<Program, Finding> {
    let one = |path: &str, rule: String| Finding { path: path.to_owned(), value: String::new(), rule };
    let value: Value = serde_json::from_str(json).map_err(|e| one("", e.to_string()))?;
    let document: Document = decode::from_value(value).map_err(|e| one(e.path(), e.why().to_owned()))?;
    let mut c = Checker::default();
    let earnings = rewards::earnings(&mut c, &document);
    c.findings.into_iter().next().map_or_else(|| Ok(Program::new(document, earnings)), Err)
}

/// Checks what the parts of a document, each of which fits the schema, say together. The program may be run if nothing
/// was found.
fn compile(c: &mut Checker, document: Document) -> Program {
    let d = &document;
    let mut seen = HashSet::new();
    for (i, state) in d.lifecycle.iter().enumerate() {
        c.rule(&format!("lifecycle[{i}].state"), &state.state, seen.insert(&state.state), "no duplicate states");
    }
    let earnings = rewards::earnings(c, d);
    if let Hold::UntilState { state, .. } = &d.vesting.hold {
        c.rule("vesting.hold.until_state.state", state, d.state(state).is_some(), "a state from the lifecycle");
    }
    settlement::check_settlement(c, d);
    if let Some(funnel) = &d.funnel {
        measure::check_funnel(c, funnel);
    }
    if let Some(economics) = &d.economics {
        measure::check_economics(c, economics);
    }
    Program::new(document, earnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::catalog::PRESETS;

    fn preset(name: &str) -> serde_json::Value {
        let text = PRESETS.iter().find(|(id, _)| *id == name).unwrap().1;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn presets_pass_and_round_trip() {
        for (id, text) in PRESETS {
            let document = read(text).unwrap_or_else(|f| panic!("{id}: {f:?}"));
            assert_eq!(document.id, *id);
            let again = serde_json::to_string(document.document()).unwrap();
            assert_eq!(read(&again), Ok(document));
        }
    }

    #[test]
    fn funnels_are_checked() {
        for (pointer, value, path) in [
            ("/funnel/sample_min", serde_json::json!(0), "funnel.sample_min"),
            ("/funnel/stages", serde_json::json!([]), "funnel.stages"),
            ("/funnel/stages/2/id", serde_json::json!("click"), "funnel.stages[2].id"),
            ("/funnel/stages/2/events", serde_json::json!(["page.viewed"]), "funnel.stages[2].events"),
            ("/funnel/stages/2/band_bps", serde_json::json!({"from": 2, "to": 1}), "funnel.stages[2].band_bps"),
            ("/funnel/stages/2/band_bps/to", serde_json::json!(10001), "funnel.stages[2].band_bps.to"),
            ("/funnel/stages/0/band_bps", serde_json::json!({"from": 1, "to": 2}), "funnel.stages[0].band_bps"),
            ("/funnel/promises/1/campaign", serde_json::json!("content-qa-checklist"), "funnel.promises[1].campaign"),
            ("/funnel/promises/1/promise", serde_json::json!("two\nlines"), "funnel.promises[1].promise"),
            (
                "/economics",
                serde_json::json!({"paid_channels": [{"channel": " ", "cost_cents": 1}]}),
                "economics.paid_channels[0].channel",
            ),
            (
                "/economics",
                serde_json::json!({"paid_channels": [{"channel": "Ads", "cost_cents": 0}]}),
                "economics.paid_channels[0].cost_cents",
            ),
        ] {
            let mut document = preset("partner-funnel");
            match document.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => {
                    let (parent, name) = pointer.rsplit_once('/').unwrap();
                    let parent = document.pointer_mut(parent).unwrap();
                    parent[name] = value.clone();
                }
            }
            let findings = read(&document.to_string()).expect_err(pointer);
            assert!(findings.iter().any(|f| f.path == path), "{pointer} = {value}: {findings:?}");
        }
    }

    #[test]
    fn errors_name_path_value_and_rule() {
        for (pointer, value, path) in [
            ("/id", serde_json::json!("User Referral"), "id"),
            ("/currency", serde_json::json!("USD"), "currency"),
            ("/attribution/window_days", serde_json::json!(0), "attribution.window_days"),
            ("/attribution/window_days", serde_json::json!(401), "attribution.window_days"),
            ("/rewards/0/amount/flat_cents", serde_json::json!(0), "rewards[0].amount.flat_cents"),
            ("/rewards/0/amount", serde_json::json!({"rate_bps": 100}), "rewards[0].amount"),
            ("/rewards/0/on/state", serde_json::json!("sustained"), "rewards[0].on.state"),
            ("/rewards/0/amount/flat_cents", serde_json::json!(49.99), "rewards[0].amount.flat_cents"),
            ("/benefit/rate_bps", serde_json::json!(10001), "benefit.rate_bps"),
            ("/settlement", serde_json::json!({"cadence": "hourly"}), "settlement.cadence"),
            ("/settlement/delivery", serde_json::json!("pigeon"), "settlement.delivery"),
            ("/effective_from", serde_json::json!("soon"), "effective_from"),
            ("/vesting", serde_json::json!({"hold": {"none": {}}, "extra": 1}), "vesting.extra"),
        ] {
            let mut document = preset("user-referral");
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            match document.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => document.pointer_mut(parent).unwrap()[name] = value.clone(),
            }
            let findings = read(&document.to_string()).expect_err(pointer);
            assert!(findings.iter().any(|f| f.path == path), "{pointer} = {value}: {findings:?}");
            assert!(findings.iter().all(|f| !f.rule.is_empty()));
        }
    }

    proptest::proptest! {
        #[test]
        fn mutated_documents_never_panic(which in 0usize..PRESETS.len(), at in proptest::prelude::any::<proptest::sample::Index>(), byte in 0u8..128) {
            let mut text = PRESETS[which].1.as_bytes().to_vec();
            let at = at.index(text.len());
            text[at] = byte;
            if let Ok(text) = std::str::from_utf8(&text) {
                let _ = read(text);
            }
        }
    }
}
