//! What programs ask about usage: the thresholds and types of events that some version names. Everything else that usage
//! events say decides nothing.

use crate::base::id;
use crate::base::sort::distinct;
use crate::base::time::UtcMillis;
use crate::program::compiled::Program;
use crate::program::document::Condition;
use std::collections::{BTreeMap, BTreeSet};

/// The questions of every version of every program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuestions {
    /// Running totals of API calls, from which on they count.
    pub api_calls: BTreeSet<i64>,
    /// Sizes of teams, above which they count.
    pub team_sizes: BTreeSet<i64>,
    /// How many distinct listings, within how many days.
    pub listings: BTreeSet<(i64, i64)>,
    /// Types of events, with the beginnings of the versions that name them.
    pub kinds: BTreeMap<String, BTreeSet<UtcMillis>>,
}

impl UsageQuestions {
    pub fn of<'p>(programs: impl Iterator<Item = &'p Program>) -> UsageQuestions {
        let mut questions = UsageQuestions::default();
        for program in programs {
            program.lifecycle.iter().flat_map(|s| &s.when).for_each(|c| questions.ask(c, program.effective_from));
            for (_, per) in program.per_event() {
                questions.kinds.entry(per.kind().to_owned()).or_default().insert(program.effective_from);
            }
        }
        questions
    }

    fn ask(&mut self, condition: &Condition, since: UtcMillis) {
        match condition {
            Condition::ApiCalls { at_least } => drop(self.api_calls.insert(*at_least)),
            Condition::TeamLarger { than } => drop(self.team_sizes.insert(*than)),
            Condition::ListingsViewed { distinct, within_days } => {
                self.listings.insert((*distinct, *within_days));
            }
            Condition::Happened { event } => drop(self.kinds.entry(event.clone()).or_default().insert(since)),
            Condition::AnyOf { conditions } => conditions.iter().for_each(|c| self.ask(c, since)),
            Condition::SignedUp {}
            | Condition::Paid {}
            | Condition::ActiveDays { .. }
            | Condition::PaidForDays { .. } => {}
        }
    }

    /// The same for the same questions.
    pub fn digest(&self) -> String {
        let numbers = |set: &BTreeSet<i64>| set.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let listings: Vec<String> = self.listings.iter().map(|(count, days)| format!("{count}/{days}")).collect();
        let mut parts = vec![numbers(&self.api_calls), numbers(&self.team_sizes), listings.join(",")];
        for (kind, since) in &self.kinds {
            parts.extend([kind.clone(), numbers(&distinct(since.iter().map(|at| at.0)))]);
        }
        id::derived("ask", &parts.iter().map(String::as_str).collect::<Vec<_>>())
    }
}
