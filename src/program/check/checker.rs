//! Collects the errors in a document: each finding names the path, the value and the rule.

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

/// Most findings of one document. Whoever has mended these saves again and sees the rest.
const FINDINGS_MAX: usize = 100;

/// Longest value that a finding quotes, in characters.
const VALUE_MAX: usize = 200;

#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) findings: Vec<Finding>,
}

impl Checker {
    pub(crate) fn rule(&mut self, path: &str, value: impl std::fmt::Display, holds: bool, rule: &str) {
        let count = self.findings.len();
        if holds || count > FINDINGS_MAX {
            return;
        }
        self.findings.push(if count == FINDINGS_MAX {
            let rule = format!("at most {FINDINGS_MAX} problems: there are more than these");
            Finding { path: String::new(), value: String::new(), rule }
        } else {
            let mut value = value.to_string();
            if let Some((end, _)) = value.char_indices().nth(VALUE_MAX) {
                value.truncate(end);
                value.push('…');
            }
            Finding { path: path.to_owned(), value, rule: rule.to_owned() }
        });
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
