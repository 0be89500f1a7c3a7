//! The saved versions of all programs, and which version is in force at an instant.

use crate::base::ids::ProgramId;
use crate::base::sort::sort_by;
use crate::base::time::UtcMillis;
use crate::program::document::Document;
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
    documents: Vec<Rc<Document>>,
}

impl Catalog {
    pub fn new(mut documents: Vec<Rc<Document>>) -> Catalog {
        sort_by(&mut documents, |a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        Catalog { documents }
    }

    /// The version of `program` in force at `at`: the newest whose effective date has come. Anything before the first
    /// version's date uses the first version.
    pub fn in_force(&self, program: &ProgramId, at: UtcMillis) -> Option<&Document> {
        let mut versions = self.all().filter(|d| d.id == *program);
        let first = versions.clone().next();
        versions.rfind(|d| d.effective_from <= at).or(first)
    }

    /// One document per program, in force at `at`, by id.
    pub fn all_in_force(&self, at: UtcMillis) -> Vec<&Document> {
        let mut ids: Vec<&ProgramId> = self.documents.iter().map(|d| &d.id).collect();
        ids.dedup();
        ids.into_iter().filter_map(|id| self.in_force(id, at)).collect()
    }

    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Document> + Clone {
        self.documents.iter().map(Rc::as_ref)
    }

    pub fn versions<'a>(&'a self, program: &'a ProgramId) -> impl Iterator<Item = &'a Document> {
        self.all().filter(move |d| d.id == *program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_takes_effect_from_its_date() {
        let base: Document = serde_json::from_str(PRESETS[0].1).unwrap();
        let at = |text: &str| UtcMillis::parse(text).unwrap();
        let version = |n, from: &str| Rc::new(Document { version: n, effective_from: at(from), ..base.clone() });
        let catalog = Catalog::new(vec![version(2, "2026-07-01T00:00:00Z"), version(1, "2020-01-01T00:00:00Z")]);
        for (when, want) in [
            ("2019-01-01T00:00:00Z", 1),
            ("2026-06-30T23:59:59.999Z", 1),
            ("2026-07-01T00:00:00Z", 2),
            ("2030-01-01T00:00:00Z", 2),
        ] {
            assert_eq!(catalog.in_force(&base.id, at(when)).unwrap().version, want, "{when}");
        }
        assert!(catalog.in_force(&"nobody".into(), at("2026-01-01T00:00:00Z")).is_none());
        assert_eq!(catalog.all_in_force(at("2027-01-01T00:00:00Z")).len(), 1);
    }
}
