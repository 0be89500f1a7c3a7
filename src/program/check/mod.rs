//! Reading and checking a document. Every error names the path, the value and the rule.

pub(in crate::program) mod checker;
mod measure;
mod parts;
mod rewards;
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

/// Reads a document, checks all of it, and makes it a program that can be run.
pub fn read(json: &str) -> Result<Program, Vec<Finding>> {
    let mut place = JsonPath::listing_repeated();
    let whole = json::tree(json, &mut place).map_err(|e| {
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
    let program = match decode::from_value(whole.clone()) {
        Ok(document) => Some(compile(&mut c, document)),
        Err(first) => {
            c.findings.extend(parts::misshapen(&whole, &first));
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

/// Checks all parts of a document, in their order. The program may be run if nothing was found.
fn compile(c: &mut Checker, document: Document) -> Program {
    let d = &document;
    c.name("id", &d.id);
    c.rule("title", &d.title, !d.title.trim().is_empty() && d.title.len() <= 200, "1 to 200 characters");
    c.rule("version", d.version, (1..=1_000_000).contains(&d.version), "1 or more");
    let currency = d.currency.len() == 3 && d.currency.bytes().all(|b| b.is_ascii_lowercase());
    c.rule("currency", &d.currency, currency, "three lowercase letters, as in ISO 4217");
    check_code(c, &d.code);
    check_attribution(c, &d.attribution);
    check_lifecycle(c, &d.lifecycle);
    let earnings = rewards::earnings(c, d);
    match &d.vesting.hold {
        Hold::None {} => {}
        Hold::DaysAfterFirstPayment { days, .. } => c.days("vesting.hold.days_after_first_payment.days", *days, 0),
        Hold::UntilState { state, churn_days } => {
            c.rule("vesting.hold.until_state.state", state, d.state(state).is_some(), "a state from the lifecycle");
            c.days("vesting.hold.until_state.churn_days", *churn_days, 0);
        }
    }
    settlement::check_settlement(c, d);
    c.list("risk", d.risk.len(), 0);
    for (i, rule) in d.risk.iter().enumerate() {
        if let Risk::SignupsInMonth { more_than } = rule.when {
            let path = format!("risk[{i}].when.signups_in_month.more_than");
            let rule = format!("1 to {SIGNUPS_COUNTED_MAX}");
            c.rule(&path, more_than, (1..=SIGNUPS_COUNTED_MAX).contains(&more_than), &rule);
        }
    }
    if let Some(funnel) = &d.funnel {
        measure::check_funnel(c, funnel);
    }
    if let Some(economics) = &d.economics {
        measure::check_economics(c, economics);
    }
    Program::new(document, earnings)
}

fn check_code(c: &mut Checker, code: &CodeFormat) {
    match &code.form {
        CodeForm::Base62 { length } => {
            c.rule(
                "code.form.base62.length",
                length,
                (6..=32).contains(length),
                "6 to 32 digits, so that codes can't be guessed",
            );
        }
        CodeForm::PrefixedHex { prefix, length } => {
            let clean = !prefix.is_empty() && prefix.len() <= 32 && prefix.bytes().all(is_code_byte);
            c.rule("code.form.prefixed_hex.prefix", prefix, clean, "1 to 32 of A-Z a-z 0-9 _ -");
            c.rule("code.form.prefixed_hex.length", length, (8..=64).contains(length), "8 to 64 digits");
        }
        CodeForm::Hex { length } => {
            c.rule(
                "code.form.hex.length",
                length,
                (16..=64).contains(length) && length % 2 == 0,
                "an even number, 16 to 64",
            );
        }
    }
    c.list("code.params", code.params.len(), 1);
}

fn check_attribution(c: &mut Checker, a: &AttributionTerms) {
    // A cookie lives at most 400 days.
    c.rule("attribution.window_days", a.window_days, (1..=400).contains(&a.window_days), "1 to 400 days");
    c.list("attribution.methods", a.methods.len(), 1);
    let distinct: HashSet<_> = a.methods.iter().map(|m| m.name()).collect();
    c.rule("attribution.methods", distinct.len(), distinct.len() == a.methods.len(), "no duplicate methods");
    if let Some(group) = &a.exclusive_group {
        c.name("attribution.exclusive_group", group);
    }
}

fn check_lifecycle(c: &mut Checker, lifecycle: &[LifecycleState]) {
    c.list("lifecycle", lifecycle.len(), 1);
    let mut seen = HashSet::new();
    for (i, state) in lifecycle.iter().enumerate() {
        c.name(&format!("lifecycle[{i}].state"), &state.state);
        c.rule(&format!("lifecycle[{i}].state"), &state.state, seen.insert(&state.state), "no duplicate states");
        c.list(&format!("lifecycle[{i}].when"), state.when.len(), 1);
        for (j, condition) in state.when.iter().enumerate() {
            check_condition(c, &format!("lifecycle[{i}].when[{j}]"), condition);
        }
    }
}

fn check_condition(c: &mut Checker, path: &str, condition: &Condition) {
    match condition {
        Condition::SignedUp {} | Condition::Paid {} => {}
        Condition::ActiveDays { days } => c.days(&format!("{path}.active_days.days"), *days, 0),
        Condition::PaidForDays { days } => c.days(&format!("{path}.paid_for_days.days"), *days, 0),
        Condition::AnyOf { conditions } => {
            c.list(&format!("{path}.any_of.conditions"), conditions.len(), 1);
            for (k, inner) in conditions.iter().enumerate() {
                let nested = matches!(inner, Condition::AnyOf { .. });
                c.rule(
                    &format!("{path}.any_of.conditions[{k}]"),
                    "any_of",
                    !nested,
                    "any_of can't contain another any_of",
                );
                if !nested {
                    check_condition(c, &format!("{path}.any_of.conditions[{k}]"), inner);
                }
            }
        }
        Condition::ApiCalls { at_least } => {
            c.rule(&format!("{path}.api_calls.at_least"), at_least, *at_least >= 1, "1 or more");
        }
        Condition::TeamLarger { than } => c.rule(&format!("{path}.team_larger.than"), than, *than >= 0, "0 or more"),
        Condition::ListingsViewed { distinct, within_days } => {
            let few = (1..=1_000).contains(distinct);
            c.rule(&format!("{path}.listings_viewed.distinct"), distinct, few, "1 to 1000");
            c.days(&format!("{path}.listings_viewed.within_days"), *within_days, 1);
        }
        Condition::Happened { event } => c.event(&format!("{path}.happened.event"), event),
    }
}

/// The bytes that codes consist of.
pub fn is_code_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
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
            ("/funnel/stages/2/band_bps/to", serde_json::json!(10001), "funnel.stages[2].band_bps"),
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
