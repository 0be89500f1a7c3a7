//! Rewards that are granted once and stay: those that a state reaches, as of a run, and all those of programs that
//! settle instantly. Rules 5, 6, 13 and 18 of the design.

use crate::base::money::Cents;
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::account::lifecycle;
use crate::engine::accrual::hold;
use crate::engine::accrual::hold::HoldContext;
use crate::engine::accrual::invoice::{ReferredAccount, event_of, judge_flat, meets};
use crate::engine::accrual::{Accrual, AccrualCause, AccrualState, Balance, accrual_id};
use crate::engine::event::Payload;
use crate::engine::sabotage;
use crate::program::document::{Cadence, Document, Reward, Trigger};
use serde::Deserialize;

/// What stands in a program's budget, in cents, and whether rewards wait for it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct RewardBudget {
    pub program_id: String,
    pub balance_cents: i64,
    pub waiting: i64,
}

impl RewardBudget {
    /// Draws on the budget, or queues behind it.
    fn covers(&mut self, amount: Cents) -> bool {
        let overtakes = sabotage::is(sabotage::Fault::PoolOvertaken);
        let covered = (self.waiting == 0 || overtakes) && amount.0 <= self.balance_cents;
        if covered && sabotage::is(sabotage::Fault::PoolSeenWhole) {
            return true;
        }
        if covered {
            self.balance_cents -= amount.0;
        } else {
            self.waiting += 1;
        }
        covered
    }
}

/// The rewards by state that a run at `as_of` owes, judged on the facts before it (which `b` holds).
pub fn due(b: &ReferredAccount, document: &Document, standing_lines: &[Accrual], as_of: UtcMillis) -> Vec<Accrual> {
    let mut lines = Vec::new();
    for reward in document.rewards.iter().filter(|r| !is_granted(document, r, standing_lines)) {
        let (Trigger::State(name), Some(cents)) = (&reward.on, reward.amount.flat_cents) else { continue };
        let reached = document.state(name).is_some_and(|s| lifecycle::holds(document, s, b.account, b.facts, as_of));
        if !reached || !meets(&reward.when, b.binding, None, None) {
            continue;
        }
        let ground = state_ground(reward, name, &b.binding.event, as_of);
        let mut line = Accrual::new(document, &b.binding.partner, b.account, ground, cents);
        settle(&mut line, b, document);
        // What is void is not granted; facts that arrive later may yet make it due.
        if !line.is_over() {
            lines.push(line);
        }
    }
    lines
}

/// When a run may find the next reward by state; `None`: there is nothing to grant.
pub fn next_due(b: &ReferredAccount, document: &Document, standing_lines: &[Accrual]) -> Option<UtcMillis> {
    let open = document.rewards.iter().filter(|r| !is_granted(document, r, standing_lines));
    let states = open.filter_map(|r| match &r.on {
        Trigger::State(name) => document.state(name),
        Trigger::Event(_) => None,
    });
    states.filter_map(|state| lifecycle::first_held(document, state, b.account, b.facts)).min()
}

/// What the facts call for at once, in the order of (occurred_at, event id), where a program settles instantly. A budget
/// that cannot cover a reward makes it wait, and every later one behind it.
pub fn instant(
    b: &ReferredAccount,
    document: &Document,
    standing_lines: &[Accrual],
    now: UtcMillis,
    budget: &mut RewardBudget,
) -> Vec<Accrual> {
    if document.settlement.cadence != Cadence::Instant {
        return Vec::new();
    }
    let mut lines: Vec<Accrual> = Vec::new();
    for reward in document.rewards.iter().filter(|r| !is_granted(document, r, standing_lines)) {
        if meets(&reward.when, b.binding, None, None) {
            lines.extend(instant_line(b, document, reward, now));
        }
    }
    lines.sort_by(|a, b| (a.at_ms, &a.event_id, &a.reward_id).cmp(&(b.at_ms, &b.event_id, &b.reward_id)));
    for line in lines.iter_mut().filter(|l| document.settlement.budget && !l.is_over()) {
        if !budget.covers(line.net_cents) {
            wait(line);
        }
    }
    lines
}

fn instant_line(b: &ReferredAccount, document: &Document, reward: &Reward, now: UtcMillis) -> Option<Accrual> {
    let line = match &reward.on {
        Trigger::State(name) => {
            let at = lifecycle::first_held(document, document.state(name)?, b.account, b.facts)?;
            // A fact counts as of the millisecond after it, and may be dated a little ahead of our clock.
            if at.0 > now.0 + DAY_MS / 288 + 1 {
                return None;
            }
            let own = UtcMillis(at.0 - 1);
            let event =
                b.timeline.facts.iter().rev().find(|f| f.at == own).map_or(b.binding.event.as_str(), |f| &f.event_id);
            let ground = state_ground(reward, name, event, own);
            Accrual::new(document, &b.binding.partner, b.account, ground, reward.amount.flat_cents?)
        }
        Trigger::Event(kind) => {
            let from = (b.binding.from, b.binding.event.as_str());
            let mut facts = b.timeline.facts.iter().filter(|f| f.kind == *kind && !b.timeline.is_repeated_signup(f));
            let mut fact = facts.find(|f| (f.at, f.event_id.as_str()) >= from)?;
            let mut source = format!("event:{kind}");
            if sabotage::is(sabotage::Fault::TierTwice) {
                fact = facts.next_back().unwrap_or(fact);
                source = format!("event:{kind}:{}", fact.event_id);
            }
            let cents = match (&reward.amount.flat_cents, &fact.payload) {
                (Some(cents), _) => *cents,
                (None, Payload::Purchase { amount, .. }) if amount.currency == document.currency => {
                    let share = reward.amount.rate_bps?.of(amount.cents)?;
                    reward.amount.cap_cents.map_or(share, |cap| share.min(cap))
                }
                // Never converted.
                (None, Payload::Purchase { .. }) => Cents::ZERO,
                _ => return None,
            };
            let ground = AccrualCause {
                rule: &reward.id,
                source,
                event: &fact.event_id,
                at: fact.at,
                reason: format!("{kind} was taken in"),
            };
            // One that earns nothing is kept too: it was the first that was taken in.
            Accrual::new(document, &b.binding.partner, b.account, ground, cents)
        }
    };
    let mut line = line;
    settle(&mut line, b, document);
    Some(line)
}

/// Rewards once granted stay, and move only with their binding. One that comes back to a binding after none had it
/// draws on the budget anew.
pub fn kept(
    b: &ReferredAccount,
    document: &Document,
    standing_lines: &[Accrual],
    budget: &mut RewardBudget,
) -> Vec<Accrual> {
    let mut kept: Vec<Accrual> = Vec::new();
    let mut old: Vec<&Accrual> =
        standing_lines.iter().filter(|l| l.program_id == document.id && stays(document, l)).collect();
    // A reward that moved before stands once with each partner it was with; what counts is where money stands.
    // Those that come back draw on the budget in the order of (occurred_at, event id).
    old.sort_by_key(|l| {
        let elsewhere = l.partner_id != b.binding.partner;
        (l.net_cents == Cents::ZERO, l.state != AccrualState::Waiting, l.at_ms, l.event_id.clone(), elsewhere)
    });
    for line in old {
        if kept.iter().any(|k| k.reward_id == line.reward_id && k.source == line.source) {
            continue;
        }
        let mut line = line.clone();
        line.id = accrual_id(&document.id, &b.binding.partner, &line.reward_id, b.account, &line.source);
        line.postings = 0;
        line.partner_id = b.binding.partner.clone();
        if line.state == AccrualState::Waiting {
            kept.push(line);
            continue;
        }
        let stood = line.net_cents;
        line.net_cents = line.kept();
        line.state = if line.balance == Balance::Available { AccrualState::Available } else { AccrualState::Pending };
        line.reason = reason_of(&line.source);
        settle(&mut line, b, document);
        let drawn = Cents(line.net_cents.0 - stood.0);
        if document.settlement.budget && drawn > Cents::ZERO && !budget.covers(drawn) {
            wait(&mut line);
        }
        kept.push(line);
    }
    kept
}

/// Shows a reward that the budget cannot cover: in no balance.
pub fn wait(line: &mut Accrual) {
    line.net_cents = Cents::ZERO;
    line.state = AccrualState::Waiting;
    line.reason = "waits for the program's budget to be funded".to_owned();
}

pub fn reason_of(source: &str) -> String {
    match source.split_once(':') {
        Some(("state", state)) => format!("reached the state {state}"),
        Some((_, kind)) => format!("{kind} was taken in"),
        None => source.to_owned(),
    }
}

/// Whether a line is one that, once granted, stays.
fn stays(document: &Document, line: &Accrual) -> bool {
    line.source.starts_with("state:")
        || (document.settlement.cadence == Cadence::Instant && line.source.starts_with("event:"))
}

fn is_granted(document: &Document, reward: &Reward, standing_lines: &[Accrual]) -> bool {
    if sabotage::is(sabotage::Fault::GrantAgain) {
        return false;
    }
    let instant = document.settlement.cadence == Cadence::Instant;
    let by_event = event_of(reward).is_some();
    if sabotage::is(sabotage::Fault::TierTwice) && instant && by_event {
        return false;
    }
    (by_event && !instant)
        || standing_lines.iter().any(|l| l.program_id == document.id && l.reward_id == reward.id && stays(document, l))
}

/// The hold and the reviews decide what becomes of a granted line.
fn settle(line: &mut Accrual, b: &ReferredAccount, document: &Document) {
    if line.gross_cents == Cents::ZERO {
        return line.void(format!("{}: it earns nothing, and no later one does", line.reason));
    }
    judge_flat(line, &HoldContext { document, account: b.account, facts: b.facts, timeline: b.timeline });
    if !line.is_over() {
        hold::review(line, b.standing);
    }
    // What was held stands in pending, and where nothing is settled by runs nothing else would move it on.
    let instant = document.settlement.cadence == Cadence::Instant;
    if instant && line.state == AccrualState::Pending && Balance::first(document) == Balance::Available {
        line.state = AccrualState::Available;
        line.balance = Balance::Available;
    }
}

fn state_ground<'a>(reward: &'a Reward, state: &str, event: &'a str, at: UtcMillis) -> AccrualCause<'a> {
    let source = format!("state:{state}");
    AccrualCause { rule: &reward.id, reason: reason_of(&source), source, event, at }
}
