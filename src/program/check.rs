//! Reading and checking a document. Every error names the path, the value and the rule.

use super::document::*;
use crate::base::money::{Bps, CENTS_MAX, Cents};
use serde::Serialize;
use std::collections::HashSet;

/// One thing wrong with a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// `rewards[0].amount`.
    pub path: String,
    pub value: String,
    pub rule: String,
}

/// Longest span a document may name, in days: ten years. Beyond it a typing error is likelier than a plan.
const DAYS_MAX: i64 = 3_660;

/// Most rewards, states or rules one document may list, so that deciding on an event stays bounded.
const LIST_MAX: usize = 32;

/// Reads a document and checks all of it.
pub fn read(json: &str) -> Result<Document, Vec<Finding>> {
    let document = parse(json).map_err(|finding| vec![finding])?;
    let findings = check(&document);
    if findings.is_empty() { Ok(document) } else { Err(findings) }
}

/// Reads a document without checking it: one that was checked when it was saved.
pub fn parse(json: &str) -> Result<Document, Finding> {
    let finding = |path: String, rule: String| Finding { path, value: String::new(), rule };
    let mut reader = serde_json::Deserializer::from_str(json);
    let document = serde_path_to_error::deserialize(&mut reader)
        .map_err(|e| finding(e.path().to_string(), e.inner().to_string()))?;
    reader.end().map_err(|e| finding(String::new(), e.to_string()))?;
    Ok(document)
}

/// Everything wrong with a document, in the order of its parts.
pub fn check(d: &Document) -> Vec<Finding> {
    let mut c = Checker::default();
    c.name("id", &d.id);
    c.rule("title", &d.title, !d.title.trim().is_empty() && d.title.len() <= 200, "1 to 200 characters");
    c.rule("version", d.version, (1..=1_000_000).contains(&d.version), "1 or more");
    let currency = d.currency.len() == 3 && d.currency.bytes().all(|b| b.is_ascii_lowercase());
    c.rule("currency", &d.currency, currency, "three lower-case letters, as in ISO 4217");
    check_code(&mut c, &d.code);
    check_attribution(&mut c, &d.attribution);
    check_lifecycle(&mut c, &d.lifecycle);
    check_rewards(&mut c, d);
    match &d.vesting.hold {
        Hold::None {} => {}
        Hold::DaysAfterFirstPayment { days, .. } => c.days("vesting.hold.days_after_first_payment.days", *days, 0),
    }
    c.cents("settlement.minimum_cents", d.settlement.minimum_cents, 0);
    c.days("settlement.delay_days", d.settlement.delay_days, 0);
    c.list("risk", d.risk.len(), 0);
    if let Some(benefit) = &d.benefit {
        c.rate("benefit.rate_bps", benefit.rate_bps);
        c.rule("benefit.months", benefit.months, (1..=120).contains(&benefit.months), "1 to 120");
    }
    c.findings
}

fn check_code(c: &mut Checker, code: &CodeTerms) {
    match &code.form {
        CodeForm::Base62 { length } => {
            c.rule(
                "code.form.length",
                length,
                (6..=32).contains(length),
                "6 to 32 digits, so that codes are not guessed",
            );
        }
        CodeForm::PrefixedHex { prefix, length } => {
            let clean = !prefix.is_empty() && prefix.len() <= 32 && prefix.bytes().all(is_code_byte);
            c.rule("code.form.prefix", prefix, clean, "1 to 32 of A-Z a-z 0-9 _ -");
            c.rule("code.form.length", length, (8..=64).contains(length), "8 to 64 digits");
        }
        CodeForm::Hex { length } => {
            c.rule(
                "code.form.length",
                length,
                (16..=64).contains(length) && length % 2 == 0,
                "an even number, 16 to 64",
            );
        }
    }
    c.list("code.params", code.params.len(), 1);
}

fn check_attribution(c: &mut Checker, a: &AttributionTerms) {
    // A cookie lives 400 days at most.
    c.rule("attribution.window_days", a.window_days, (1..=400).contains(&a.window_days), "1 to 400 days");
    c.list("attribution.methods", a.methods.len(), 1);
    let distinct: HashSet<_> = a.methods.iter().map(|m| m.name()).collect();
    c.rule("attribution.methods", distinct.len(), distinct.len() == a.methods.len(), "each method once");
    if let Some(group) = &a.exclusive_group {
        c.name("attribution.exclusive_group", group);
    }
}

fn check_lifecycle(c: &mut Checker, lifecycle: &[State]) {
    c.list("lifecycle", lifecycle.len(), 1);
    let mut seen = HashSet::new();
    for (i, state) in lifecycle.iter().enumerate() {
        c.name(&format!("lifecycle[{i}].state"), &state.state);
        c.rule(&format!("lifecycle[{i}].state"), &state.state, seen.insert(&state.state), "each state once");
        c.list(&format!("lifecycle[{i}].when"), state.when.len(), 1);
        for (j, condition) in state.when.iter().enumerate() {
            let path = format!("lifecycle[{i}].when[{j}]");
            match condition {
                Condition::SignedUp {} | Condition::Paid {} => {}
                Condition::ActiveDays { days } => c.days(&format!("{path}.active_days.days"), *days, 0),
                Condition::PaidForDays { days } => c.days(&format!("{path}.paid_for_days.days"), *days, 0),
            }
        }
    }
}

fn check_rewards(c: &mut Checker, d: &Document) {
    c.list("rewards", d.rewards.len(), 0);
    let mut seen = HashSet::new();
    for (i, reward) in d.rewards.iter().enumerate() {
        let path = |part: &str| format!("rewards[{i}].{part}");
        c.name(&path("id"), &reward.id);
        c.rule(&path("id"), &reward.id, seen.insert(&reward.id), "each reward once");
        match &reward.amount {
            RewardAmount::FlatCents(cents) => c.cents(&path("amount.flat_cents"), *cents, 1),
            RewardAmount::RateBps(rate) => c.rate(&path("amount.rate_bps"), *rate),
        }
        match &reward.on {
            Trigger::State(state) => {
                c.rule(&path("on.state"), state, d.state(state).is_some(), "a state of the lifecycle");
                let flat = matches!(reward.amount, RewardAmount::FlatCents(_));
                c.rule(&path("amount"), "rate_bps", flat, "a state has no amount to take a share of: flat_cents");
                let once = matches!(reward.span, Span::Once {});
                c.rule(&path("span"), "months", once, "a state is reached once: {\"once\":{}}");
            }
            Trigger::Event(EventTrigger::InvoicePaid) => {}
        }
        if let Span::Months { from, to } = &reward.span {
            let ordered = *from >= 0 && to.is_none_or(|to| to > *from && to <= 1_200);
            c.rule(&path("span.months"), format!("[{from}, {to:?})"), ordered, "0 <= from < to <= 1200 months");
        }
    }
}

/// The bytes of which codes are made.
pub fn is_code_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[derive(Default)]
struct Checker {
    findings: Vec<Finding>,
}

impl Checker {
    fn rule(&mut self, path: &str, value: impl std::fmt::Display, holds: bool, rule: &str) {
        if !holds {
            self.findings.push(Finding { path: path.to_owned(), value: value.to_string(), rule: rule.to_owned() });
        }
    }

    fn name(&mut self, path: &str, value: &str) {
        let clean = !value.is_empty()
            && value.len() <= 64
            && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        self.rule(path, value, clean, "1 to 64 of a-z 0-9 - _");
    }

    fn days(&mut self, path: &str, days: i64, least: i64) {
        self.rule(path, days, (least..=DAYS_MAX).contains(&days), &format!("{least} to {DAYS_MAX} days"));
    }

    fn cents(&mut self, path: &str, cents: Cents, least: i64) {
        self.rule(path, cents.0, (least..=CENTS_MAX).contains(&cents.0), &format!("{least} to {CENTS_MAX} cents"));
    }

    fn rate(&mut self, path: &str, rate: Bps) {
        self.rule(path, rate.0, (1..=Bps::ONE.0).contains(&rate.0), "1 to 10000 basis points");
    }

    fn list(&mut self, path: &str, len: usize, least: usize) {
        self.rule(path, len, (least..=LIST_MAX).contains(&len), &format!("{least} to {LIST_MAX} entries"));
    }
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
            let again = serde_json::to_string(&document).unwrap();
            assert_eq!(read(&again), Ok(document));
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
            ("/effective_from", serde_json::json!("soon"), "effective_from"),
            ("/vesting", serde_json::json!({"hold": {"none": {}}, "extra": 1}), "vesting.extra"),
        ] {
            let mut document = preset("user-referral");
            *document.pointer_mut(pointer).unwrap() = value.clone();
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
