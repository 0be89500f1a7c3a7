//! The public suffix list: under which names anybody may register one.

use super::table::contains;

/// Rules by their labels from the last to the first; `_` stands for any label, and `~` ends an exception.
const RULES: &str = include_str!("suffixes.txt");
/// The most labels of a rule.
const DEPTH: usize = 10;

/// The part of a domain that somebody registered: its public suffix and one label. `None` if the domain is a public suffix
/// itself. The domain must be [normal](super::normal).
pub fn registrable(domain: &str) -> Option<&str> {
    // Without a rule, the last label is the suffix.
    let mut suffix = 1;
    let mut key = String::new();
    for (place, label) in domain.rsplit('.').enumerate().take(DEPTH) {
        if place > 0 {
            if contains(RULES, &format!("{key}._")) {
                suffix = place + 1;
            }
            key.push('.');
        }
        key.push_str(label);
        if contains(RULES, &format!("{key}~")) {
            suffix = place;
            break;
        }
        if contains(RULES, &key) {
            suffix = place + 1;
        }
    }
    let start = domain.rmatch_indices('.').nth(suffix).map_or(0, |(at, _)| at + 1);
    (domain.split('.').count() > suffix).then(|| &domain[start..])
}

#[cfg(test)]
mod tests {
    use super::super::{normal, table};
    use super::{DEPTH, RULES, registrable};

    #[test]
    fn every_rule_is_found_and_nothing_else() {
        table::tests::is_exact(RULES);
        let deepest = table::tests::names(RULES).iter().map(|rule| rule.split('.').count()).max();
        assert_eq!(deepest, Some(DEPTH));
    }

    /// The vectors of publicsuffix.org (`tests/test_psl.txt`, public domain), and the hosts of several users.
    #[test]
    fn names_are_cut_as_the_lists_vectors_say() {
        let vectors = include_str!("vectors.txt").lines().filter(|line| !line.starts_with("//") && !line.is_empty());
        let mut count = 0;
        for line in vectors {
            let (given, want) = line.split_once(' ').expect("two words");
            let name = normal(given);
            let found = name.as_deref().and_then(registrable);
            let want = Some(want).filter(|want| *want != "null").and_then(normal);
            assert_eq!(found, want.as_deref(), "{given}");
            count += 1;
        }
        assert!(count > 90, "{count} vectors");
    }
}
