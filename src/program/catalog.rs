//! The saved versions of all programs, and which version is in force at an instant.

use crate::base::ids::ProgramId;
use crate::base::sort::sort_by;
use crate::base::time::UtcMillis;
use crate::program::compiled::Program;
use crate::program::document::{Document, Modifier};
use crate::program::usage::UsageQuestions;
use std::rc::Rc;

/// The documents that ship with the product, by id.
pub const PRESETS: &[(&str, &str)] = &[
    ("user-referral", include_str!("presets/user-referral.json")),
    ("agency-partner", include_str!("presets/agency-partner.json")),
    ("tiered-credits", include_str!("presets/tiered-credits.json")),
    ("partner-funnel", include_str!("presets/partner-funnel.json")),
    ("developer-affiliate", include_str!("presets/developer-affiliate.json")),
];

/// Every version of every program.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// By id, then version.
    programs: Vec<Rc<Program>>,
    /// What they ask about usage.
    usage: Rc<UsageQuestions>,
    usage_digest: Rc<str>,
}

impl Catalog {
    pub fn new(mut programs: Vec<Rc<Program>>) -> Catalog {
        sort_by(&mut programs, |a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        let usage = UsageQuestions::of(programs.iter().map(Rc::as_ref));
        let usage_digest = usage.digest().into();
        Catalog { programs, usage: Rc::new(usage), usage_digest }
    }

    /// The version of `program` in force at `at`: the newest whose effective date has come. Before the first version's
    /// date there is none: no link, no binding, no accrual. `store::program::in_force` says the same in SQL.
    pub fn in_force(&self, program: &ProgramId, at: UtcMillis) -> Option<&Program> {
        self.all().filter(|p| p.id == *program).rfind(|p| p.effective_from <= at)
    }

    /// The versions of `program`, each with the span in which it is in force.
    pub fn spans(&self, program: &ProgramId) -> Vec<(&Program, UtcMillis, UtcMillis)> {
        let versions: Vec<&Program> = self.all().filter(|p| p.id == *program).collect();
        let ends = versions.iter().skip(1).map(|next| next.effective_from).chain([UtcMillis(i64::MAX)]);
        versions.iter().zip(ends).map(|(version, end)| (*version, version.effective_from, end)).collect()
    }

    pub fn version(&self, program: &ProgramId, version: i64) -> Option<&Program> {
        self.all().find(|p| p.id == *program && p.version == version)
    }

    /// The document that people see and prepare at `at`: the one in force, otherwise the first, which is still to begin.
    pub fn current(&self, program: &ProgramId, at: UtcMillis) -> Option<&Document> {
        self.in_force(program, at).or_else(|| self.versions(program).next()).map(Program::document)
    }

    /// One version per program, in force at `at`, by id.
    pub fn all_in_force(&self, at: UtcMillis) -> Vec<&Program> {
        self.ids().into_iter().filter_map(|id| self.in_force(id, at)).collect()
    }

    /// One document per program, that people see at `at`, by id.
    pub fn all_current(&self, at: UtcMillis) -> Vec<&Document> {
        self.ids().into_iter().filter_map(|id| self.current(id, at)).collect()
    }

    fn ids(&self) -> Vec<&ProgramId> {
        let mut ids: Vec<&ProgramId> = self.programs.iter().map(|p| &p.id).collect();
        ids.dedup();
        ids
    }

    /// Rule 14: the modifiers of all versions that have begun, each as its newest version has it. An older version's
    /// still apply to what was paid under it.
    pub fn modifiers(&self, program: &ProgramId, at: UtcMillis) -> Vec<&Modifier> {
        let begun = self.all().filter(|p| p.id == *program && p.effective_from <= at);
        let mut found: Vec<&Modifier> = Vec::new();
        for modifier in begun.rev().flat_map(|p| &p.modifiers) {
            if !found.iter().any(|newer| newer.id == modifier.id) {
                found.push(modifier);
            }
        }
        found
    }

    /// The same for the same questions.
    pub fn usage_digest(&self) -> &str {
        &self.usage_digest
    }

    pub fn usage(&self) -> &UsageQuestions {
        &self.usage
    }

    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Program> + Clone {
        self.programs.iter().map(Rc::as_ref)
    }

    pub fn versions<'a>(&'a self, program: &ProgramId) -> impl Iterator<Item = &'a Program> {
        let program = program.clone();
        self.all().filter(move |p| p.id == program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::check;

    #[test]
    fn a_version_takes_effect_from_its_date() {
        let mut base: serde_json::Value = serde_json::from_str(PRESETS[0].1).unwrap();
        let at = |text: &str| UtcMillis::parse(text).unwrap();
        let mut version = |n: i64, from: &str| {
            base["version"] = n.into();
            base["effective_from"] = from.into();
            Rc::new(check::read(&base.to_string()).unwrap())
        };
        let catalog = Catalog::new(vec![version(2, "2026-07-01T00:00:00Z"), version(1, "2020-01-01T00:00:00Z")]);
        let id = ProgramId::from(PRESETS[0].0);
        for (when, in_force, current) in [
            ("2019-12-31T23:59:59.999Z", None, 1),
            ("2020-01-01T00:00:00Z", Some(1), 1),
            ("2026-06-30T23:59:59.999Z", Some(1), 1),
            ("2026-07-01T00:00:00Z", Some(2), 2),
            ("2030-01-01T00:00:00Z", Some(2), 2),
        ] {
            assert_eq!(catalog.in_force(&id, at(when)).map(|p| p.version), in_force, "{when}");
            assert_eq!(catalog.current(&id, at(when)).map(|p| p.version), Some(current), "{when}");
        }
        assert!(catalog.in_force(&"nobody".into(), at("2026-01-01T00:00:00Z")).is_none());
        assert_eq!(catalog.all_in_force(at("2027-01-01T00:00:00Z")).len(), 1);
        assert_eq!(catalog.all_in_force(at("2019-01-01T00:00:00Z")).len(), 0);
    }
}
