//! Collects the errors in a document: each finding names the path, the value and the rule.

use crate::base::money::{Bps, CENTS_MAX, Cents};
use serde::Serialize;
use serde_json::Value;

/// One error in a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// `rewards[0].amount`.
    pub path: String,
    pub value: String,
    pub rule: String,
}

/// Longest span that a document may name, in days: ten years. A longer one is more likely a typo than a plan.
const DAYS_MAX: i64 = 3_660;

/// Most rewards, states or rules that one document may list, so that a decision about an event stays bounded.
const LIST_MAX: usize = 32;

#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) findings: Vec<Finding>,
}

impl Checker {
    pub(crate) fn rule(&mut self, path: &str, value: impl std::fmt::Display, holds: bool, rule: &str) {
        if !holds {
            self.findings.push(Finding { path: path.to_owned(), value: value.to_string(), rule: rule.to_owned() });
        }
    }

    pub(crate) fn name(&mut self, path: &str, value: &str) {
        let clean = !value.is_empty()
            && value.len() <= 64
            && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        self.rule(path, value, clean, "1 to 64 of a-z 0-9 - _");
    }

    /// A text that people read.
    pub(crate) fn label(&mut self, path: &str, text: &str) {
        let clean = !text.trim().is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
        self.rule(path, text, clean, "1 to 200 characters without control characters");
    }

    pub(crate) fn event(&mut self, path: &str, kind: &str) {
        let clean = !kind.is_empty()
            && kind.len() <= 64
            && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.'));
        self.rule(path, kind, clean, "an event type, such as invoice.paid");
    }

    pub(crate) fn days(&mut self, path: &str, days: i64, least: i64) {
        self.rule(path, days, (least..=DAYS_MAX).contains(&days), &format!("{least} to {DAYS_MAX} days"));
    }

    pub(crate) fn cents(&mut self, path: &str, cents: Cents, least: i64) {
        self.rule(path, cents.0, (least..=CENTS_MAX).contains(&cents.0), &format!("{least} to {CENTS_MAX} cents"));
    }

    pub(crate) fn rate(&mut self, path: &str, rate: Bps) {
        self.rule(path, rate.0, (1..=Bps::ONE.0).contains(&rate.0), "1 to 10000 basis points");
    }

    pub(crate) fn list(&mut self, path: &str, len: usize, least: usize) {
        self.rule(path, len, (least..=LIST_MAX).contains(&len), &format!("{least} to {LIST_MAX} entries"));
    }
}

/// The value at a path, `rewards[0].amount`.
pub(crate) fn value_at<'v>(whole: &'v Value, path: &str) -> Option<&'v Value> {
    let steps = path.split(['.', '[']).filter(|step| !step.is_empty());
    steps.into_iter().try_fold(whole, |at, step| match step.strip_suffix(']') {
        Some(index) => at.get(index.parse::<usize>().ok()?),
        None => at.get(step),
    })
}
