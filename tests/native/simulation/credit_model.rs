//! The rules of tiered-credits, implemented independently: what is due at each intake, with the budget as a single
//! number.
//!
//! Source: section 5 of the design, rules 6 and 18. The facts do not show what was issued earlier, so this model keeps
//! its own record from intake to intake.

use super::binding::Bound;
use super::calendar::DAY;
use super::facts::{Place, Register, Sent};
use super::life::Life;
use super::model_state::{Line, ModelState, Standing, Status};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

pub const PROGRAM: &str = "tiered-credits";

#[derive(Clone, Debug)]
struct Reward {
    place: Place,
    source: &'static str,
    cents: i64,
    /// Whether the budget has paid it.
    is_issued: bool,
    /// Whether the account is bound to a partner, so that the reward is owed at all.
    is_owed: bool,
    /// Whether it waits for a review. It is not announced before.
    is_held: bool,
}

impl Reward {
    /// Zero rewards are not announced.
    fn is_announced(&self) -> bool {
        self.is_owed && self.is_issued && !self.is_held && self.cents > 0
    }
}

#[derive(Clone, Debug, Default)]
pub struct CreditModel {
    pub balance: i64,
    /// By account and tier.
    rewards: BTreeMap<(String, &'static str), Reward>,
    /// Every reward that was ever issued and not held, by account and tier.
    pub issued: BTreeSet<(String, String)>,
}

impl CreditModel {
    /// An event was taken in that may change what an account has earned, or an operator rejected it.
    pub fn learn(&mut self, model_state: &ModelState, register: &Register, account: &str) {
        let is_rejected =
            |b: &&Bound| model_state.standing(register, account, PROGRAM, &b.partner) == Standing::Rejected;
        let bound = model_state.bindings.to(account, PROGRAM).filter(|b| !is_rejected(b));
        let is_held =
            bound.is_some_and(|b| model_state.standing(register, account, PROGRAM, &b.partner) == Standing::Held);
        let mut due: Vec<(Place, &'static str)> = Vec::new();
        for ((_, tier), reward) in self.rewards.iter_mut().filter(|((of, _), _)| of == account) {
            if bound.is_none() && reward.is_owed {
                self.balance += if reward.is_issued { reward.cents } else { 0 };
                (reward.is_issued, reward.is_owed) = (false, false);
            } else if bound.is_some() && !reward.is_owed {
                // It is owed to a partner again, and the budget pays it again.
                due.push((reward.place.clone(), tier));
            }
        }
        due.sort();
        let mut new = Vec::new();
        if let Some(bound) = bound {
            for (tier, reward) in earned(&model_state.lives[account], &bound.from) {
                let key = (account.to_owned(), tier);
                let reward = Reward { is_held, ..reward };
                if let Entry::Vacant(entry) = self.rewards.entry(key) {
                    new.push((reward.place.clone(), tier));
                    entry.insert(reward);
                }
            }
        }
        new.sort();
        for (_, tier) in due.into_iter().chain(new) {
            self.issue(account, tier);
        }
        for ((_, tier), reward) in self.rewards.iter_mut().filter(|((of, _), _)| of == account) {
            reward.is_held = is_held;
            if reward.is_announced() {
                self.issued.insert((account.to_owned(), (*tier).to_owned()));
            }
        }
    }

    fn issue(&mut self, account: &str, tier: &'static str) {
        let is_behind = self.rewards.values().any(|r| r.is_owed && !r.is_issued);
        let reward = self.rewards.get_mut(&(account.to_owned(), tier)).expect("it is there");
        reward.is_owed = true;
        // 10% of nine cents rounds to zero. It waits for nothing, but still counts for the tier.
        reward.is_issued = reward.cents == 0;
        if reward.cents > 0 && !is_behind && self.balance >= reward.cents {
            reward.is_issued = true;
            self.balance -= reward.cents;
        }
    }

    /// Releases waiting rewards in order as far as the budget allows. None overtakes another.
    pub fn release(&mut self) {
        let mut waiting: Vec<(&(String, &'static str), &mut Reward)> =
            self.rewards.iter_mut().filter(|(_, r)| r.is_owed && !r.is_issued).collect();
        waiting.sort_by(|a, b| (&a.1.place, a.0.1).cmp(&(&b.1.place, b.0.1)));
        for (key, reward) in waiting {
            if self.balance < reward.cents {
                break;
            }
            self.balance -= reward.cents;
            reward.is_issued = true;
            if reward.is_announced() {
                self.issued.insert((key.0.clone(), key.1.to_owned()));
            }
        }
    }

    pub fn waiting(&self) -> usize {
        self.rewards.values().filter(|r| r.is_owed && !r.is_issued).count()
    }

    pub fn accruals(&self, model_state: &ModelState, register: &Register, account: &str) -> Vec<Line> {
        let Some(bound) = model_state.bindings.to(account, PROGRAM) else { return Vec::new() };
        let mine = self.rewards.iter().filter(|((of, _), _)| of == account);
        mine.map(|((_, tier), reward)| {
            let mut accrual = Line::new(account, bound, tier, reward.source.to_owned(), reward.place.0, reward.cents);
            let standing = model_state.standing(register, account, PROGRAM, &bound.partner);
            if standing == Standing::Rejected || reward.is_issued {
                accrual.judge(standing, false);
            } else {
                accrual.net = 0;
                accrual.status = Status::Waiting;
            }
            accrual
        })
        .collect()
    }
}

/// What an account has earned since it was bound at `from`, at most one reward per tier.
fn earned(life: &Life, from: &Place) -> Vec<(&'static str, Reward)> {
    let reward = |event: &Sent, source: &'static str, cents: i64| Reward {
        place: event.place(),
        source,
        cents,
        is_issued: false,
        is_owed: false,
        is_held: false,
    };
    let first = |kind: &str| life.events.iter().find(|e| e.kind == kind && e.place() >= *from);
    let mut found = Vec::new();
    let sign_up = life.sign_up.as_ref().filter(|s| s.place() >= *from);
    found.extend(sign_up.map(|e| ("tier-1", reward(e, "event:account.signed_up", 500))));
    found.extend(browsed(life).map(|e| ("tier-2", reward(e, "state:browsing", 1_000))));
    let confirmed = first("newsletter.confirmed");
    found.extend(confirmed.map(|e| ("tier-3", reward(e, "event:newsletter.confirmed", 2_500))));
    found.extend(first("rfq.submitted").map(|e| ("tier-4", reward(e, "event:rfq.submitted", 5_000))));
    let bought = first("purchase.completed");
    let tenth = |e: &Sent| (e.cents() / 10).min(25_000);
    found.extend(bought.map(|e| ("tier-5", reward(e, "event:purchase.completed", tenth(e)))));
    found
}

/// The event with which a member has viewed three listings within 30 days.
fn browsed(life: &Life) -> Option<&Sent> {
    let sign_up = life.sign_up.as_ref()?;
    let is_view = |e: &Sent| e.kind == "listing.viewed";
    life.events.iter().map(|e| &**e).find(|last| {
        let until = || life.events.iter().filter(|e| is_view(e) && e.place() <= last.place());
        let enough = until().any(|start| {
            let inside = until().filter(|e| e.place() >= start.place() && e.at < start.at + 30 * DAY);
            inside.map(|e| e.data("listing_id")).collect::<BTreeSet<_>>().len() >= 3
        });
        sign_up.place() <= last.place() && enough
    })
}
