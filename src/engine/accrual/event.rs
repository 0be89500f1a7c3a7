//! What events other than payments earn: for each earning the first one since the binding started that meets its
//! conditions, by the version in force when it happened.

use crate::base::ids::RewardId;
use crate::base::money::Cents;
use crate::engine::account::fact::Fact;
use crate::engine::accrual::hold;
use crate::engine::accrual::invoice::{ReferredAccount, judge_flat};
use crate::engine::accrual::source::AccrualSource;
use crate::engine::accrual::{Accrual, AccrualCause};
use crate::engine::event::Payload;
use crate::program::compiled::Program;
use crate::program::reward::PerEvent;
use std::collections::HashSet;

/// The accruals of a program that settles by runs: derived from the facts each time.
pub fn derived(b: &ReferredAccount) -> Vec<Accrual> {
    let mut accruals = earned(b, false, |_| false);
    accruals.retain(|accrual| accrual.gross_cents > Cents::ZERO);
    for accrual in &mut accruals {
        if let Some(program) = b.catalog.in_force(&b.binding.program, accrual.at_ms) {
            judge_flat(accrual, &b.grounds(program));
        }
        hold::review(accrual, b.standing);
        hold::suspend(accrual, b.suspensions, b.kept);
    }
    accruals
}

/// The first event of each earning that is not granted yet. With `marks`, one in another currency than the program's
/// earns zero, and no later one does: rule 18.
pub fn earned(b: &ReferredAccount, marks: bool, is_granted: impl Fn(&RewardId) -> bool) -> Vec<Accrual> {
    let (mut accruals, mut done) = (Vec::new(), HashSet::new());
    for fact in b.timeline.facts.iter().filter(|f| !b.timeline.is_repeated_signup(f)) {
        if !b.counts(b.timeline.signup.position_of(fact)) {
            continue;
        }
        let Some(program) = b.catalog.in_force(&b.binding.program, fact.at) else { continue };
        let is_own = fact.payload.is_in(&program.currency);
        for (earning, per) in program.per_event().filter(|(_, per)| per.kind() == fact.kind) {
            let waits = !is_granted(&earning.id) && !done.contains(&earning.id);
            if !waits || !b.is_brought(&earning.sources) || !(is_own || marks) {
                continue;
            }
            let Some(cents) = cents_of(per, fact) else { continue };
            done.insert(&earning.id);
            accruals.push(accrual(b, program, &earning.id, fact, if is_own { cents } else { Cents::ZERO }));
        }
    }
    accruals
}

/// Rule 17: what an event of the right type earns; `None`: it doesn't meet the conditions.
fn cents_of(per: &PerEvent, fact: &Fact) -> Option<Cents> {
    match (per, &fact.payload) {
        (PerEvent::Named { cents, .. }, _) => Some(*cents),
        (PerEvent::PurchaseShare { rate, cap }, Payload::Purchase { amount, .. }) => {
            let share = rate.of(amount.cents)?;
            Some(cap.map_or(share, |cap| share.min(cap)))
        }
        (
            PerEvent::Subscription { annual_at_least, cents, .. },
            Payload::SubscriptionStarted(s) | Payload::SubscriptionUpdated(s),
        ) => s.annual_value_cents.filter(|annual| annual >= annual_at_least).map(|_| *cents),
        _ => None,
    }
}

fn accrual(b: &ReferredAccount, program: &Program, reward: &RewardId, fact: &Fact, cents: Cents) -> Accrual {
    let ground = AccrualCause {
        rule: reward,
        source: AccrualSource::event(&fact.kind),
        event: &fact.event_id,
        at: fact.at,
        reason: format!("{} was taken in", fact.kind),
    };
    Accrual::new(program, &b.binding.partner, b.account, ground, cents)
}
