//! What a new version may change of the versions before it. What was granted and reached is kept by the ids of rewards
//! and modifiers, so an id keeps its meaning.

use crate::program::check::checker::{Checker, Finding};
use crate::program::document::{Cadence, Document};

/// What is wrong with `new` as the version after `earlier`.
pub fn follow<'d>(new: &Document, earlier: impl Iterator<Item = &'d Document>) -> Vec<Finding> {
    let mut c = Checker::default();
    for old in earlier {
        let of = format!("version {}", old.version);
        for (i, reward) in new.rewards.iter().enumerate() {
            let path = |part: &str| format!("rewards[{i}].{part}");
            let kept = old.reward(&reward.id).is_none_or(|known| known.on == reward.on);
            let rule = format!("what it is in {of}, or another id: a reward that was granted is not granted again");
            c.rule(&path("on"), &reward.id, kept, &rule);
            let free = old.modifiers.iter().all(|m| m.id != reward.id);
            c.rule(&path("id"), &reward.id, free, &format!("another id, because it is a modifier's in {of}"));
        }
        for (i, modifier) in new.modifiers.iter().enumerate() {
            let path = |part: &str| format!("modifiers[{i}].{part}");
            let known = old.modifiers.iter().find(|m| m.id == modifier.id);
            let kept = known.is_none_or(|known| known.when_any == modifier.when_any);
            let rule = format!("what it is in {of}, or another id: partners keep what they reached under it");
            c.rule(&path("when_any"), &modifier.id, kept, &rule);
            let free = old.reward(&modifier.id).is_none();
            c.rule(&path("id"), &modifier.id, free, &format!("another id, because it is a reward's in {of}"));
        }
        let (cadence, was) = (new.settlement.cadence, old.settlement.cadence);
        let kept = (cadence == Cadence::Instant) == (was == Cadence::Instant);
        let rule =
            format!("{}, as in {of}: what is issued at once and what runs settle can't be told apart", was.name());
        c.rule("settlement.cadence", cadence.name(), kept, &rule);
        let rule = format!("{}, as in {of}: rewards that wait for a budget would wait for ever", old.settlement.budget);
        c.rule("settlement.budget", new.settlement.budget, new.settlement.budget == old.settlement.budget, &rule);
        let rule = format!("{}, as in {of}, because accounts are bound in it", old.group());
        c.rule("attribution.exclusive_group", new.group(), new.group() == old.group(), &rule);
    }
    // Each path once, by the latest version that it breaks with.
    c.findings.reverse();
    let mut findings: Vec<Finding> = Vec::new();
    for finding in c.findings {
        if findings.iter().all(|known| known.path != finding.path) {
            findings.push(finding);
        }
    }
    findings
}
