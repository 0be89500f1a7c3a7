//! Rewards that are granted once and kept: milestone rewards as of a run, and all rewards of programs that settle
//! instantly. Rules 5, 6, 13 and 18 of the design.

use crate::base::ids::{EventId, ProgramId, RewardId};
use crate::base::money::Cents;
use crate::base::sort::sort_by;
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::account::lifecycle;
use crate::engine::accrual::event;
use crate::engine::accrual::hold;
use crate::engine::accrual::hold::HoldContext;
use crate::engine::accrual::invoice::{ReferredAccount, judge_flat};
use crate::engine::accrual::source::{AccrualOrigin, AccrualSource};
use crate::engine::accrual::{Accrual, AccrualCause, AccrualState, Balance, accrual_id};
use crate::program::compiled::Program;
use crate::program::reward::{Earning, PerMilestone};
use serde::Deserialize;

/// The amount in a program's budget, in cents, and whether rewards wait for it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct RewardBudget {
    pub program_id: ProgramId,
    pub balance_cents: i64,
    pub waiting: i64,
}

impl RewardBudget {
    /// Draws from the budget, or queues behind the rewards that wait for it.
    fn covers(&mut self, amount: Cents) -> bool {
        let covered = self.waiting == 0 && amount.0 <= self.balance_cents;
        if covered {
            self.balance_cents -= amount.0;
        } else {
            self.waiting += 1;
        }
        covered
    }
}

/// Rules 5 and 13: the milestone rewards that a run at `as_of` owes, judged on the facts before it (which `b` holds).
pub fn due(b: &ReferredAccount, document: &Program, standing_accruals: &[Accrual], as_of: UtcMillis) -> Vec<Accrual> {
    let mut accruals = Vec::new();
    for (earning, per) in open_milestones(b, document, standing_accruals) {
        if !document.state(&per.state).is_some_and(|s| lifecycle::holds(document, s, b.timeline, as_of)) {
            continue;
        }
        let ground = state_ground(&earning.id, &per.state, &b.binding.event, as_of);
        let mut accrual = Accrual::new(document, &b.binding.partner, b.account, ground, per.cents);
        settle(&mut accrual, b, document);
        hold::vest_at_grant(&mut accrual, as_of);
        // A void reward is not granted; facts that arrive later may still make it due.
        if !accrual.is_over() {
            accruals.push(accrual);
        }
    }
    accruals
}

/// The milestones that are not granted yet to an account that was brought in a way that earns them.
fn open_milestones<'d>(
    b: &ReferredAccount,
    document: &'d Program,
    standing_accruals: &[Accrual],
) -> Vec<(&'d Earning, &'d PerMilestone)> {
    let is_open =
        |earning: &Earning| !is_granted(document, &earning.id, standing_accruals) && b.is_brought(&earning.sources);
    document.per_milestone().filter(|(earning, _)| is_open(earning)).collect()
}

/// When a run may find the next milestone reward: of the version in force at `now`, or of a later one. `None`: nothing
/// to grant.
pub fn next_due(
    b: &ReferredAccount,
    program: &ProgramId,
    standing_accruals: &[Accrual],
    now: UtcMillis,
) -> Option<UtcMillis> {
    let mut due = Vec::new();
    for (version, from, to) in b.catalog.spans(program).into_iter().filter(|(.., to)| *to > now) {
        for (_, per) in open_milestones(b, version, standing_accruals) {
            let span = (from, UtcMillis(to.0 - 1));
            due.extend(
                version.state(&per.state).and_then(|s| lifecycle::first_held_within(version, s, b.timeline, span)),
            );
        }
    }
    due.into_iter().min()
}

/// Rule 18: the rewards that the facts call for immediately, in the order of (occurred_at, event id), where a program
/// settles instantly. If the budget can't cover a reward, that reward and every later one wait.
pub fn instant(
    b: &ReferredAccount,
    document: &Program,
    standing_accruals: &[Accrual],
    now: UtcMillis,
    budget: &mut RewardBudget,
) -> Vec<Accrual> {
    if !document.is_instant() {
        return Vec::new();
    }
    let mut accruals = instant_milestones(b, &document.id, standing_accruals, now);
    // A reward of zero is kept too: it marks the first event that was received.
    accruals.extend(event::earned(b, true, |reward| is_granted(document, reward, standing_accruals)));
    accruals.iter_mut().for_each(|accrual| settle(accrual, b, version_of(b, accrual, document)));
    let kind = |l: &Accrual| b.timeline.facts.iter().find(|f| f.event_id == l.event_id).map(|f| f.payload.fact_kind());
    let place = |l: &Accrual| (l.at_ms, kind(l));
    sort_by(&mut accruals, |a, b| {
        place(a).cmp(&place(b)).then_with(|| (&a.event_id, &a.reward_id).cmp(&(&b.event_id, &b.reward_id)))
    });
    for accrual in accruals.iter_mut().filter(|l| document.settlement.budget && !l.is_over()) {
        if !budget.covers(accrual.net_cents) {
            wait(accrual);
        }
    }
    accruals
}

/// Each state is judged by the version in force: one that held before it counts from its beginning.
fn instant_milestones(
    b: &ReferredAccount,
    program: &ProgramId,
    standing_accruals: &[Accrual],
    now: UtcMillis,
) -> Vec<Accrual> {
    // A fact counts as of the next millisecond, and may be dated slightly ahead of our clock.
    let latest = UtcMillis(now.0 + DAY_MS / 288 + 1);
    let mut accruals: Vec<Accrual> = Vec::new();
    for (version, from, to) in b.catalog.spans(program) {
        for (earning, per) in open_milestones(b, version, standing_accruals) {
            if accruals.iter().any(|earlier| earlier.reward_id == earning.id) {
                continue;
            }
            let state = version.state(&per.state);
            let held = state
                .and_then(|s| lifecycle::first_held_within(version, s, b.timeline, (from.plus_ms(1), to.min(latest))));
            let Some(at) = held else { continue };
            let own = UtcMillis(at.0 - 1);
            let event = b.timeline.facts.iter().rev().find(|f| f.at == own).map_or(&b.binding.event, |f| &f.event_id);
            let ground = state_ground(&earning.id, &per.state, event, own);
            accruals.push(Accrual::new(version, &b.binding.partner, b.account, ground, per.cents));
        }
    }
    accruals
}

/// The version that an accrual was granted under. A draft has one for all: `otherwise`.
fn version_of<'a>(b: &'a ReferredAccount, accrual: &Accrual, otherwise: &'a Program) -> &'a Program {
    b.catalog.version(&accrual.program_id, accrual.program_version).unwrap_or(otherwise)
}

/// Granted rewards are kept and only move with their binding. A reward that returns to a binding after no binding had
/// it draws from the budget again.
pub fn kept(
    b: &ReferredAccount,
    document: &Program,
    standing_accruals: &[Accrual],
    budget: &mut RewardBudget,
) -> Vec<Accrual> {
    let mut kept: Vec<Accrual> = Vec::new();
    let mut old: Vec<&Accrual> =
        standing_accruals.iter().filter(|l| l.program_id == document.id && is_kept(document, l)).collect();
    // A reward that moved before has one accrual for each partner it was with; the one that holds money counts.
    // Returning rewards draw from the budget in the order of (occurred_at, event id).
    let place = |l: &Accrual| (l.net_cents == l.adjusted_cents, l.state != AccrualState::Waiting, l.at_ms);
    let elsewhere = |l: &Accrual| l.partner_id != b.binding.partner;
    sort_by(&mut old, |a, b| {
        place(a).cmp(&place(b)).then_with(|| (&a.event_id, elsewhere(a)).cmp(&(&b.event_id, elsewhere(b))))
    });
    for stored in old {
        if kept.iter().any(|k| k.reward_id == stored.reward_id && k.source == stored.source) {
            continue;
        }
        let mut accrual = stored.clone();
        accrual.id = accrual_id(&document.id, &b.binding.partner, &accrual.reward_id, b.account, &accrual.source);
        accrual.postings = 0;
        accrual.partner_id = b.binding.partner.clone();
        if accrual.state == AccrualState::Waiting {
            // What waits is voided like the rest: a rejected review or a ban leaves nothing to release.
            let mut judged = Accrual { net_cents: accrual.kept(), state: AccrualState::Available, ..accrual.clone() };
            settle(&mut judged, b, version_of(b, &accrual, document));
            kept.push(if judged.is_over() { judged } else { accrual });
            continue;
        }
        accrual.net_cents = accrual.kept();
        accrual.adjusted_cents = Cents::ZERO;
        accrual.state =
            if accrual.balance == Balance::Available { AccrualState::Available } else { AccrualState::Pending };
        accrual.reason = reason_of(&accrual.source);
        let version = version_of(b, &accrual, document);
        settle(&mut accrual, b, version);
        // What adjustments took did not go back to the budget, so only a reward that moves draws it again.
        let adjusted = if accrual.id == stored.id { stored.adjusted_cents.0 } else { 0 };
        let drawn = Cents(accrual.net_cents.0 - (stored.net_cents.0 - adjusted));
        if document.settlement.budget && drawn > Cents::ZERO && !budget.covers(drawn) {
            wait(&mut accrual);
        }
        kept.push(accrual);
    }
    kept
}

/// Marks a reward that the budget can't cover: it is in no balance.
pub fn wait(accrual: &mut Accrual) {
    accrual.net_cents = Cents::ZERO;
    accrual.state = AccrualState::Waiting;
    accrual.reason = "waits for the program's budget to be funded".to_owned();
}

pub fn reason_of(source: &AccrualSource) -> String {
    match source.origin() {
        AccrualOrigin::Milestone(state) => format!("reached the state {state}"),
        AccrualOrigin::Event(kind) | AccrualOrigin::Invoice(kind) => format!("{kind} was taken in"),
        AccrualOrigin::Adjustment(text) | AccrualOrigin::Unknown(text) => text.to_owned(),
    }
}

/// Whether an accrual is kept once it is granted.
fn is_kept(document: &Program, accrual: &Accrual) -> bool {
    match accrual.source.origin() {
        AccrualOrigin::Milestone(_) => true,
        AccrualOrigin::Event(_) => document.is_instant(),
        AccrualOrigin::Invoice(_) | AccrualOrigin::Adjustment(_) | AccrualOrigin::Unknown(_) => false,
    }
}

fn is_granted(document: &Program, reward: &RewardId, standing_accruals: &[Accrual]) -> bool {
    let mut own = standing_accruals.iter().filter(|l| l.program_id == document.id && l.reward_id == *reward);
    own.any(|l| is_kept(document, l))
}

/// Applies the hold and the reviews to a granted accrual.
fn settle(accrual: &mut Accrual, b: &ReferredAccount, document: &Program) {
    if accrual.gross_cents == Cents::ZERO {
        return accrual.void(format!("{}: it earns nothing, and no later one does", accrual.reason));
    }
    judge_flat(accrual, &HoldContext { document, timeline: b.timeline });
    if !accrual.is_over() {
        hold::review(accrual, b.standing);
    }
    hold::suspend(accrual, b.suspensions, b.kept);
    // A released accrual is in pending, and where a program has no runs, nothing else would move it on.
    if document.is_instant() && accrual.state == AccrualState::Pending && Balance::first(document) == Balance::Available
    {
        accrual.state = AccrualState::Available;
        accrual.balance = Balance::Available;
    }
}

fn state_ground<'a>(reward: &'a RewardId, state: &str, event: &'a EventId, at: UtcMillis) -> AccrualCause<'a> {
    let source = AccrualSource::milestone(state);
    AccrualCause { rule: reward, reason: reason_of(&source), source, event, at }
}
