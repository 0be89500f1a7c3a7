//! The auditor: keeps its own record of the known events and of what runs did.
//!
//! From the product it reads only how far a run got, never what it moved. If a run was cut off while planning and facts
//! arrived before it continued, either plan is correct, so the auditor checks which one is stored.

use super::adjustments::Adjustments;
use super::agency::{self, Terms};
use super::binding::Bindings;
use super::calendar::DAY;
use super::credit_model::CreditModel;
use super::developer::{self, Caps};
use super::facts::{Known, Register, Sent};
use super::life::Life;
use super::model_state::{Key, Line, ModelState, Standing, Status};
use super::payouts::{self, Accruals, Available, Payouts, StoredPayout};
use super::runs::{self, Grant, Progress, RunModel};
use super::standings::Standings;
use super::{credit, credit_model};
use crate::support::sqlite::Sqlite;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Auditor {
    pub known: Known,
    pub register: Register,
    /// The result of the rules for each account, from the raw events alone.
    pub model_state: ModelState,
    pub credit_model: CreditModel,
    /// What the latest runs found about partners.
    terms: Terms,
    caps: Caps,
    /// Accruals that a run vested.
    pub vested: BTreeSet<Key>,
    /// Rewards for states that runs granted: from program, account and rule to the partner and the run's instant.
    granted: BTreeMap<(String, String, String), (String, i64)>,
    runs: BTreeMap<String, RunModel>,
    /// Which accruals payouts take.
    pub payouts: Payouts,
    /// What operators adjusted.
    pub adjustments: Adjustments,
    /// Partners who can be paid.
    pub payable: BTreeSet<String>,
    /// An error in a run's statements.
    complaint: Option<String>,
}

impl Auditor {
    /// Adds an event to the known ones. Customers are joined after it was taken in: a credit may be issued before what
    /// waits at the customer leaves nothing of it.
    pub fn learn(&mut self, event: &Sent) {
        let touched = self.known.learn(event);
        let may_earn = if event.customer.is_some() { touched.clone() } else { BTreeSet::from([event.account.clone()]) };
        self.relive(&touched, &may_earn);
        let touched = self.known.join_all();
        if !touched.is_empty() {
            self.relive(&touched, &touched);
        }
    }

    /// Applies the rules to these accounts again.
    fn relive(&mut self, touched: &BTreeSet<String>, may_earn: &BTreeSet<String>) {
        for account in touched {
            if self.known.of(account).next().is_some() {
                let life = Life::of(&self.known, account);
                self.model_state.lives.insert(account.clone(), life);
            } else {
                self.model_state.lives.remove(account);
            }
        }
        self.model_state.bindings = Bindings::all_of(&self.model_state.lives, &self.known, &self.register);
        for account in may_earn.iter().filter(|account| !account.is_empty()) {
            self.credit_model.learn(&self.model_state, &self.register, account);
        }
    }

    pub fn knows(&self, id: &str) -> bool {
        self.known.events.iter().any(|e| e.id == id)
    }

    /// Records what runs did since the last call.
    pub fn observe_runs(&mut self, db: &Sqlite) {
        let all = runs::progress(db);
        for progress in &all {
            let seen = self.runs.get(&progress.id).map_or(-1, |r| r.step);
            if progress.step > seen {
                let of = all.iter().filter(|p| p.program == progress.program);
                let latest = of.map(|p| p.as_of).max().unwrap_or(progress.as_of);
                self.observe_run(db, progress, latest);
            }
        }
    }

    fn observe_run(&mut self, db: &Sqlite, progress: &Progress, latest: i64) {
        let mut model = self.runs.remove(&progress.id).unwrap_or_default();
        if progress.has_terms && !model.has_terms {
            // Modifiers and caps are found as of the program's latest run.
            match progress.program.as_str() {
                agency::PROGRAM => self.terms = agency::terms(&self.model_state, &self.register, latest),
                developer::PROGRAM => self.caps = developer::caps(&self.model_state, latest),
                _ => {}
            }
        }
        if !model.is_planned && progress.step > 0 {
            model.plans.push((self.grants_due(progress), self.vesting_due(progress)));
        }
        if progress.is_executed && !model.is_executed {
            self.execute(db, progress, &model);
        }
        if progress.is_done && !model.is_done {
            self.close(db, progress, !model.is_executed);
        }
        model.has_terms = progress.has_terms;
        model.is_planned = progress.is_planned;
        model.is_executed = progress.is_executed;
        model.is_done = progress.is_done;
        model.step = progress.step;
        self.runs.insert(progress.id.clone(), model);
    }

    /// Closes a run that settles in money: its statements, and its payouts. If facts arrived since it was executed, the
    /// statements describe a moment that the auditor did not observe.
    fn close(&mut self, db: &Sqlite, progress: &Progress, is_observed: bool) {
        let Some((least, delay)) = terms_of(&progress.program) else { return };
        let accruals = self.available(&progress.program, progress.as_of - delay);
        let is_here = |p: &StoredPayout| p.program == progress.program;
        if !is_observed || super::compare::stale(db) > 0 {
            return self.payouts.adopt(db, is_here);
        }
        self.payouts.reduce_waiting(&progress.program, &accruals);
        let partners: BTreeSet<String> = accruals.keys().map(|key| key.partner.clone()).collect();
        let mut wanted: BTreeMap<String, i64> =
            partners.into_iter().map(|p| (p.clone(), self.payouts.payable(&p, &accruals, least))).collect();
        let mut stored = runs::stored_payable(db, &progress.id);
        wanted.retain(|partner, cents| *cents > 0 && !self.payouts.unsure.contains(partner));
        stored.retain(|partner, _| !self.payouts.unsure.contains(partner));
        if stored != wanted {
            self.complaint = Some(format!("{} says {stored:?} to be payable, by the rules {wanted:?}", progress.id));
        }
        for (id, payout) in payouts::stored(db) {
            if payout.run == progress.id && !self.payouts.knows(&id) {
                self.payouts.plan(&id, &payout, &accruals);
                wanted.remove(&payout.partner);
            }
        }
        let is_due = |partner: &&String| self.payable.contains(*partner) && self.register.standings.is_active(partner);
        if let Some(partner) = wanted.keys().find(is_due) {
            self.complaint = Some(format!("{} plans no payout for {partner}", progress.id));
        }
        let unsure = self.payouts.unsure.clone();
        self.payouts.adopt(db, |p| is_here(p) && unsure.contains(&p.partner));
    }

    /// The available accruals of a program. Partners with an accrual of unknown balance are unsure from then on.
    fn available(&mut self, program: &str, matures_until: i64) -> Accruals {
        let mut accruals = Accruals::new();
        for line in self.accruals().into_iter().filter(|l| l.key.program == program) {
            match self.balance(&line) {
                None => drop(self.payouts.unsure.insert(line.key.partner)),
                Some("available") => drop(accruals.insert(line.key.clone(), Available::of(&line, matures_until))),
                _ => {}
            }
        }
        accruals
    }

    /// Approved payouts were sent: by the rules, for what is left of them.
    pub fn observe_sending(&mut self, db: &Sqlite, due: &[String]) {
        let ids = payouts::ids(db);
        for program in [agency::PROGRAM, developer::PROGRAM] {
            let accruals = self.available(program, i64::MAX);
            let stored = payouts::stored(db);
            let own: Vec<String> = due.iter().filter(|id| stored[*id].program == program).cloned().collect();
            self.payouts.send(&own, &accruals, &ids);
        }
        let unsure = self.payouts.unsure.clone();
        self.payouts.adopt(db, |p| unsure.contains(&p.partner));
    }

    pub fn complaint(&self) -> Result<(), String> {
        self.complaint.clone().map_or(Ok(()), Err)
    }

    /// The rewards for states that a run owes, judged by the facts before it.
    fn grants_due(&self, progress: &Progress) -> BTreeSet<Grant> {
        let program = progress.program.as_str();
        let mut due = BTreeSet::new();
        if program == agency::PROGRAM {
            return due;
        }
        let then = ModelState::of(&self.known.before(progress.as_of), &self.register);
        for (account, bound) in then.bindings.all(program) {
            let life = &then.lives[account];
            let rules = match program {
                credit::PROGRAM if credit::qualifies(life, progress.as_of) => vec!["referrer-credit"],
                developer::PROGRAM => developer::reached(life, progress.as_of),
                _ => Vec::new(),
            };
            for rule in rules {
                let key = (program.to_owned(), account.clone(), rule.to_owned());
                let standing = self.model_state.standing(&self.register, account, program, &bound.partner);
                let mut accrual = match program {
                    credit::PROGRAM => credit::granted(&then, &self.register, account, progress.as_of),
                    _ => developer::granted(&then, &self.register, account, rule, progress.as_of),
                };
                accrual.iter_mut().for_each(|line| self.register.standings.apply(line));
                if standing != Standing::Rejected
                    && accrual.is_some_and(|l| l.net > 0)
                    && !self.granted.contains_key(&key)
                {
                    let held =
                        standing == Standing::Held || self.register.standings.holds(&bound.partner, progress.as_of);
                    let (account, partner, rule) = (account.clone(), bound.partner.clone(), rule.to_owned());
                    due.insert(Grant { account, partner, rule, held });
                }
            }
        }
        due
    }

    fn vesting_due(&self, progress: &Progress) -> BTreeSet<Key> {
        let accruals = self.accruals().into_iter().filter(|l| l.key.program == progress.program && l.can_vest());
        let mature = accruals.filter(|l| l.vests_at.is_some_and(|v| v <= progress.as_of) && l.at < progress.as_of);
        mature.map(|l| l.key).filter(|key| !self.vested.contains(key) && key.rule != "benefit").collect()
    }

    fn execute(&mut self, db: &Sqlite, progress: &Progress, model: &RunModel) {
        let stored = runs::stored_plan(db, &progress.id);
        let vests = runs::settle_on(model.plans.iter().map(|p| &p.1), |key| stored.vests.contains(key));
        let grants = runs::settle_on(model.plans.iter().map(|p| &p.0), |grant| stored.grants.contains(grant));
        let can_vest: BTreeSet<Key> = self.accruals().into_iter().filter(Line::can_vest).map(|l| l.key).collect();
        self.vested.extend(vests.into_iter().filter(|key| can_vest.contains(key)));
        for Grant { account, partner, rule, held: was_held } in grants {
            let program = progress.program.as_str();
            let bound = self.model_state.bindings.to(&account, program).is_some_and(|b| b.partner == partner);
            let key = (program.to_owned(), account.clone(), rule);
            // Decisions and suspicions since the plan are left to the next run.
            if !bound || self.granted.contains_key(&key) {
                continue;
            }
            let standing = self.model_state.standing(&self.register, &account, program, &partner);
            let is_held = standing == Standing::Held || self.register.standings.holds(&partner, progress.as_of);
            if standing == Standing::Rejected || is_held != was_held || self.register.standings.is_banned(&partner) {
                continue;
            }
            self.granted.insert(key.clone(), (partner, progress.as_of));
            if was_held {
                continue;
            }
            let (_, account, rule) = key;
            // A reward whose hold is over when it is granted vests with its grant.
            let accrual = match program {
                credit::PROGRAM => credit::granted(&self.model_state, &self.register, &account, progress.as_of),
                _ => developer::granted(&self.model_state, &self.register, &account, &rule, progress.as_of)
                    .filter(|l| l.vests_at.is_some_and(|v| v <= progress.as_of)),
            };
            self.vested.extend(accrual.map(|l| l.key));
        }
    }

    /// Every accrual by the rules, before what adjustments change of it.
    pub fn unadjusted(&self) -> Vec<Line> {
        let (model_state, register) = (&self.model_state, &self.register);
        let mut accruals = Vec::new();
        for account in model_state.lives.keys() {
            accruals.extend(agency::accruals(model_state, register, &self.terms, account));
            accruals.extend(developer::accruals(model_state, register, &self.caps, account));
            accruals.extend(credit::benefit(model_state, account));
            accruals.extend(self.credit_model.accruals(model_state, register, account));
        }
        for ((program, account, rule), (_, at)) in &self.granted {
            accruals.extend(match program.as_str() {
                credit::PROGRAM => credit::granted(model_state, register, account, *at),
                _ => developer::granted(model_state, register, account, rule, *at),
            });
        }
        accruals.extend(self.adjustments.lines(&model_state.lives));
        accruals.iter_mut().for_each(|line| register.standings.apply(line));
        accruals
    }

    /// Every accrual that should exist, by the rules.
    pub fn accruals(&self) -> Vec<Line> {
        let mut accruals = self.unadjusted();
        self.adjustments.apply(&mut accruals);
        accruals
    }

    /// An operator changes a partner's standing, and the rules apply to all accounts again.
    pub fn stand(&mut self, change: impl FnOnce(&mut Standings)) {
        change(&mut self.register.standings);
        self.relive(&BTreeSet::new(), &BTreeSet::new());
    }

    /// The balance that an accrual is in. A reward that was reassigned with its account is in the balance where it
    /// vests next, and only the balance where it was granted is known.
    pub fn balance(&self, accrual: &Line) -> Option<&'static str> {
        let key = (accrual.key.program.clone(), accrual.key.account.clone(), accrual.key.rule.clone());
        let moved = self.granted.get(&key).is_some_and(|(partner, _)| *partner != accrual.key.partner);
        match accrual.key.program.as_str() {
            _ if accrual.key.rule == "benefit" => Some("benefit"),
            _ if accrual.key.rule == "adjustment" && self.vested.contains(&accrual.key) => Some("available"),
            _ if accrual.key.rule == "adjustment" => Some("pending"),
            // What was issued before its account was suspected stays where it is.
            credit_model::PROGRAM if accrual.status == Status::Held && !self.was_issued(accrual) => Some("pending"),
            credit_model::PROGRAM => Some("available"),
            _ if moved => None,
            _ if self.vested.contains(&accrual.key) => Some("available"),
            _ => Some("pending"),
        }
    }

    fn was_issued(&self, accrual: &Line) -> bool {
        self.credit_model.issued.contains(&(accrual.key.account.clone(), accrual.key.rule.clone()))
    }

    /// The number of rewards for states that were granted.
    pub fn credits(&self) -> usize {
        self.granted.len()
    }
}

/// The minimum of a program that pays money, and the delay of its payouts.
fn terms_of(program: &str) -> Option<(i64, i64)> {
    match program {
        agency::PROGRAM => Some((0, 0)),
        developer::PROGRAM => Some((5_000, 30 * DAY)),
        _ => None,
    }
}
