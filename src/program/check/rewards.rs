//! Makes typed earnings of a program's rewards, modifiers and caps, and refuses what can't be one.

use crate::program::check::checker::Checker;
use crate::program::document::{Document, Hold};
use crate::program::modifier::{apply_caps, apply_modifiers};
use crate::program::reward;
use crate::program::reward::{ADJUSTMENT, Earning, RewardContext};
use crate::program::settlement::Cadence;
use std::collections::HashSet;

/// The earnings of a document whose findings are empty afterward.
pub(crate) fn earnings(c: &mut Checker, d: &Document) -> Vec<Earning> {
    let states = d.lifecycle.iter().map(|s| s.state.as_str()).collect();
    let context = RewardContext { states, is_budgeted: d.settlement.budget };
    let mut seen = HashSet::new();
    let mut earnings = Vec::new();
    for (i, one) in d.rewards.iter().enumerate() {
        let path = format!("rewards[{i}]");
        c.rule(&format!("{path}.id"), &one.id, seen.insert(&one.id), "no duplicate rewards");
        c.rule(
            &format!("{path}.id"),
            &one.id,
            one.id != ADJUSTMENT,
            "another name: operators' adjustments have this one",
        );
        earnings.extend(reward::earning(c, &path, &context, one));
    }
    apply_modifiers(c, &d.modifiers, &d.rewards, &mut earnings);
    apply_caps(c, &d.caps, &mut earnings);
    check_cadence(c, d);
    earnings
}

/// Refuses terms that only runs apply where there are none.
fn check_cadence(c: &mut Checker, d: &Document) {
    let s = &d.settlement;
    let instant = s.cadence == Cadence::Instant;
    let by_runs = "absent if rewards are issued instantly, because runs find them: settle weekly or monthly";
    c.rule("modifiers", d.modifiers.len(), !instant || d.modifiers.is_empty(), by_runs);
    c.rule("caps", d.caps.len(), !instant || d.caps.is_empty(), by_runs);
    let pays = s.cadence != Cadence::None || d.rewards.is_empty();
    c.rule("settlement.cadence", s.cadence.name(), pays, "instant, weekly or monthly, because the program has rewards");
    let held = !matches!(d.vesting.hold, Hold::None {});
    c.rule("vesting.hold", "a hold", !(instant && held), "none if rewards are issued instantly");
}
