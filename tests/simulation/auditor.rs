//! The auditor: keeps its own account of what is known and what runs did, and compares it with the stored books.
//!
//! Of the product it reads the stored rows only, and of a run only how far it got, never what it moved. Where a run was
//! cut off while planning and facts came in before it went on, either plan is right, so it looks which one is stored.

use super::facts::{Known, Register, Sent};
use super::rules::{self, Bound, Commission, Invoice};
use crate::support::sqlite::Sqlite;
use std::collections::{BTreeMap, BTreeSet};

/// What vests: (program, account, partner, rule, basis).
pub type Key = (String, String, String, String, String);

/// A credit to be granted: the account, the partner, and whether it was held as it was planned.
type Grant = (String, String, bool);

#[derive(Default)]
pub struct Auditor {
    pub known: Known,
    pub register: Register,
    /// What the rules make of each account, from the raw events alone.
    verdicts: BTreeMap<String, Verdict>,
    /// Lines that a run vested.
    pub vested: BTreeSet<Key>,
    /// Accounts for which a credit was issued, and the partner who got it.
    credited: BTreeMap<String, String>,
    runs: BTreeMap<String, RunModel>,
}

/// One account by the rules, as far as its events are known.
struct Verdict {
    bound: Option<Bound>,
    commissions: Vec<Commission>,
    /// The invoice whose discount is the program's cost.
    benefit: Option<Invoice>,
}

/// What the auditor makes of one run.
#[derive(Default)]
struct RunModel {
    step: i64,
    is_planned: bool,
    is_executed: bool,
    /// What was due at each moment the run planned: grants, and what vests.
    plans: Vec<(BTreeSet<Grant>, BTreeSet<Key>)>,
}

/// How far a run got.
struct Progress {
    id: String,
    program: String,
    as_of: i64,
    step: i64,
    is_planned: bool,
    is_executed: bool,
}

impl Auditor {
    /// An event is known from now on.
    pub fn learn(&mut self, event: &Sent) {
        self.known.add(event);
        let invoice = event.data("invoice_id");
        let mut touched: BTreeSet<String> = BTreeSet::from([event.account.clone()]);
        let same = self.known.events.iter().filter(|e| !invoice.is_empty() && e.data("invoice_id") == invoice);
        touched.extend(same.map(|e| e.account.clone()));
        for account in touched {
            let known = self.known.about(&account);
            let verdict = Verdict {
                bound: rules::binding(&known, &self.register, &account),
                commissions: rules::commissions(&known, &self.register, &account),
                benefit: rules::benefit(&known, &self.register, &account),
            };
            self.verdicts.insert(account, verdict);
        }
    }

    pub fn knows(&self, id: &str) -> bool {
        self.known.events.iter().any(|e| e.id == id)
    }

    /// Runs may have got further: takes over what they did.
    pub fn observe_runs(&mut self, db: &Sqlite) {
        for progress in progress(db) {
            let seen = self.runs.get(&progress.id).map_or(-1, |r| r.step);
            if progress.step > seen {
                self.observe_run(db, &progress);
            }
        }
    }

    fn observe_run(&mut self, db: &Sqlite, progress: &Progress) {
        let mut model = self.runs.remove(&progress.id).unwrap_or_default();
        if !model.is_planned && progress.step > 0 {
            model.plans.push((self.grants_due(progress), self.vesting_due(progress)));
        }
        if progress.is_executed && !model.is_executed {
            self.execute(db, progress, &model);
        }
        model.is_planned = progress.is_planned;
        model.is_executed = progress.is_executed;
        model.step = progress.step;
        self.runs.insert(progress.id.clone(), model);
    }

    fn grants_due(&self, progress: &Progress) -> BTreeSet<Grant> {
        if progress.program != "user-referral" {
            return BTreeSet::new();
        }
        let accounts = self.verdicts.iter().filter(|(account, verdict)| {
            verdict.bound.as_ref().is_some_and(|b| b.program == "user-referral")
                && !self.credited.contains_key(*account)
        });
        accounts
            .filter_map(|(account, _)| {
                let partner = rules::qualifies(&self.known.about(account), &self.register, account, progress.as_of)?;
                let rejected = rules::rejected(&self.register, account, &partner);
                let held = rules::held(&self.known, &self.register, account, &partner);
                (!rejected).then(|| (account.clone(), partner, held))
            })
            .collect()
    }

    fn vesting_due(&self, progress: &Progress) -> BTreeSet<Key> {
        let mut due = BTreeSet::new();
        if progress.program == "user-referral" {
            for account in self.credited.keys() {
                if let Some(partner) = self.credit_of(account)
                    && !rules::held(&self.known, &self.register, account, &partner)
                {
                    due.insert(credit_key(account, &partner));
                }
            }
        } else if progress.program == "agency-partner" {
            for (account, verdict) in &self.verdicts {
                let ripe = verdict.commissions.iter().filter(|l| l.vests_at <= progress.as_of && l.at < progress.as_of);
                due.extend(ripe.filter(|l| can_vest(l)).map(|l| commission_key(account, l)));
            }
        }
        due.retain(|key| !self.vested.contains(key));
        due
    }

    fn execute(&mut self, db: &Sqlite, progress: &Progress, model: &RunModel) {
        let stored = stored_plan(db, &progress.id);
        let vests = settle_on(model.plans.iter().map(|p| &p.1), |key| stored.vests.contains(key));
        let grants = settle_on(model.plans.iter().map(|p| &p.0), |grant| stored.grants.contains(grant));
        for key in vests {
            let (program, account, partner, ..) = &key;
            let stands = if program == "user-referral" {
                !rules::held(&self.known, &self.register, account, partner)
            } else {
                self.verdicts[account].commissions.iter().any(|l| can_vest(l) && commission_key(account, l) == key)
            };
            if stands {
                self.vested.insert(key);
            }
        }
        for (account, partner, was_held) in grants {
            let bound = self.verdicts[&account].bound.as_ref().is_some_and(|b| b.partner == partner);
            let held = rules::held(&self.known, &self.register, &account, &partner);
            let rejected = rules::rejected(&self.register, &account, &partner);
            // What a person decided since the plan, or found to decide, is the next run's business.
            if !bound || rejected || held != was_held || self.credited.contains_key(&account) {
                continue;
            }
            if !held {
                self.vested.insert(credit_key(&account, &partner));
            }
            self.credited.insert(account, partner);
        }
    }

    /// Who has the credit of an account now: it moves with its binding.
    fn credit_of(&self, account: &str) -> Option<String> {
        self.credited.get(account)?;
        let bound = self.verdicts[account].bound.clone()?;
        let stands = bound.program == "user-referral" && !rules::rejected(&self.register, account, &bound.partner);
        stands.then_some(bound.partner)
    }

    /// Compares every line and binding with the stored ones.
    pub fn compare(&self, db: &Sqlite) -> Result<(), String> {
        let mut expected = self.expected();
        let connection = db.connection.borrow();
        let sql = "SELECT program_id, account_id, partner_id, rule_id, basis, earned_cents, net_cents, bucket, state FROM accrual";
        let mut statement = connection.prepare_cached(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let text = |i: usize| row.get::<_, String>(i).unwrap();
            let key: Key = (text(0), text(1), text(2), text(3), text(4));
            let (earned, net): (i64, i64) = (row.get(5).unwrap(), row.get(6).unwrap());
            let (bucket, state) = (text(7), text(8));
            match expected.remove(&key) {
                Some(wanted) => wanted.compare(&key, earned, net, &bucket, &state)?,
                None if net == 0 => {}
                None => return Err(format!("{key:?} stands at {net} in {bucket}; by the rules it earns nothing")),
            }
        }
        match expected.into_iter().find(|(_, wanted)| wanted.net > 0) {
            Some((key, wanted)) => Err(format!("{key:?} is missing: by the rules {wanted:?}")),
            None => Ok(()),
        }
    }

    fn expected(&self) -> BTreeMap<Key, Wanted> {
        let mut expected = BTreeMap::new();
        for (account, verdict) in &self.verdicts {
            // A share below a cent makes no line; one that stood before is void.
            for line in verdict.commissions.iter().filter(|l| l.earned > 0) {
                let key = commission_key(account, line);
                let is_vested = self.vested.contains(&key);
                let state = match line {
                    l if l.void => "void",
                    l if l.net == 0 => "reversed",
                    l if l.frozen => "disputed",
                    _ if is_vested => "available",
                    _ => "pending",
                };
                let bucket = Some(if is_vested { "available" } else { "pending" });
                expected.insert(key, Wanted { earned: line.earned, net: line.net, bucket, state: Some(state) });
            }
            if let Some(first) = &verdict.benefit {
                let (cost, bucket) = (first.discount, Some("benefit"));
                expected
                    .insert(benefit_key(account, &first.id), Wanted { earned: cost, net: cost, bucket, state: None });
            }
            if let Some(partner) = self.credit_of(account) {
                let key = credit_key(account, &partner);
                let bucket = if self.vested.contains(&key) { "available" } else { "pending" };
                // A credit that moved stands where it vests next; only where it was issued is known to the cent.
                let moved = self.credited[account] != partner;
                let bucket = (!moved).then_some(bucket);
                expected.insert(key, Wanted { earned: rules::CREDIT, net: rules::CREDIT, bucket, state: None });
            }
        }
        expected
    }

    pub fn compare_bindings(&self, db: &Sqlite) -> Result<(), String> {
        let mut stored: BTreeMap<String, (String, String)> = BTreeMap::new();
        let connection = db.connection.borrow();
        let sql = "SELECT account_id, COALESCE(program_id, ''), COALESCE(partner_id, '') FROM binding WHERE group_id = 'aikit'";
        let mut statement = connection.prepare_cached(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            stored.insert(row.get(0).unwrap(), (row.get(1).unwrap(), row.get(2).unwrap()));
        }
        for (account, verdict) in &self.verdicts {
            let wanted = verdict.bound.clone().map_or_else(Default::default, |b| (b.program, b.partner));
            let stands = stored.get(account).cloned().unwrap_or_default();
            if stands != wanted {
                return Err(format!("account {account} is bound to {stands:?}, by the rules to {wanted:?}"));
            }
        }
        Ok(())
    }

    /// How many credits were issued.
    pub fn credits(&self) -> usize {
        self.credited.len()
    }

    /// Pending and available cents per partner of a program, by the rules.
    pub fn balances(&self, program: &str) -> BTreeMap<String, (i64, i64)> {
        let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (key, wanted) in self.expected().into_iter().filter(|(key, _)| key.0 == program && !key.2.is_empty()) {
            let sum = sums.entry(key.2).or_default();
            match wanted.bucket {
                Some("pending") => sum.0 += wanted.net,
                _ => sum.1 += wanted.net,
            }
        }
        sums.retain(|_, sum| *sum != (0, 0));
        sums
    }

    /// Lines that vested and were frozen after it: rule 6 lets them stand where they are.
    pub fn has_late_freeze(&self) -> bool {
        let mut lines = self.verdicts.iter().flat_map(|(a, v)| v.commissions.iter().map(move |l| (a, l)));
        lines.any(|(account, l)| l.frozen && self.vested.contains(&commission_key(account, l)))
    }
}

/// What a line must be.
#[derive(Clone, Debug)]
struct Wanted {
    earned: i64,
    net: i64,
    bucket: Option<&'static str>,
    state: Option<&'static str>,
}

impl Wanted {
    fn compare(&self, key: &Key, earned: i64, net: i64, bucket: &str, state: &str) -> Result<(), String> {
        let same_bucket = self.net == 0 || self.bucket.is_none_or(|b| b == bucket);
        let same_state = self.state.is_none_or(|s| s == state) || (self.earned == 0 && net == 0);
        if earned == self.earned && net == self.net && same_bucket && same_state {
            return Ok(());
        }
        Err(format!("{key:?} stands at {net} of {earned} in {bucket}, {state}; by the rules {self:?}"))
    }
}

fn can_vest(line: &Commission) -> bool {
    !line.void && !line.frozen && line.net > 0
}

fn commission_key(account: &str, line: &Commission) -> Key {
    let basis = format!("invoice:{}", line.invoice);
    ("agency-partner".to_owned(), account.to_owned(), line.partner.clone(), line.rule.to_owned(), basis)
}

fn credit_key(account: &str, partner: &str) -> Key {
    let rule = "referrer-credit".to_owned();
    ("user-referral".to_owned(), account.to_owned(), partner.to_owned(), rule, "state:qualified".to_owned())
}

fn benefit_key(account: &str, invoice: &str) -> Key {
    let basis = format!("invoice:{invoice}");
    ("user-referral".to_owned(), account.to_owned(), String::new(), "benefit".to_owned(), basis)
}

/// What every plan has, and of what only some have, what is stored.
fn settle_on<'a, T: Ord + Clone + 'a>(
    plans: impl Iterator<Item = &'a BTreeSet<T>> + Clone,
    is_stored: impl Fn(&T) -> bool,
) -> BTreeSet<T> {
    let all: BTreeSet<T> = plans.clone().flatten().cloned().collect();
    all.into_iter().filter(|item| plans.clone().all(|plan| plan.contains(item)) || is_stored(item)).collect()
}

#[derive(Default)]
struct StoredPlan {
    grants: BTreeSet<Grant>,
    vests: BTreeSet<Key>,
}

fn stored_plan(db: &Sqlite, run: &str) -> StoredPlan {
    let connection = db.connection.borrow();
    let sql = "SELECT i.kind, i.account_id, i.partner_id, l.program_id, l.rule_id, l.basis, i.line ->> '$.state' FROM run_item i
               LEFT JOIN accrual l ON l.id = i.line_id WHERE i.run_id = ?1";
    let mut statement = connection.prepare_cached(sql).unwrap();
    let mut rows = statement.query([run]).unwrap();
    let mut plan = StoredPlan::default();
    while let Some(row) = rows.next().unwrap() {
        let text = |i: usize| row.get::<_, Option<String>>(i).unwrap().unwrap_or_default();
        if text(0) == "grant" {
            plan.grants.insert((text(1), text(2), text(6) == "held"));
        } else {
            plan.vests.insert((text(3), text(1), text(2), text(4), text(5)));
        }
    }
    plan
}

fn progress(db: &Sqlite) -> Vec<Progress> {
    let connection = db.connection.borrow();
    let sql = "SELECT id, program_id, as_of_ms, step, state, items, executed FROM run ORDER BY started_at_ms, id";
    let mut statement = connection.prepare_cached(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let state: String = row.get(4)?;
        let (items, executed): (i64, i64) = (row.get(5)?, row.get(6)?);
        let is_planned = !["granting", "terms", "deciding", "vesting"].contains(&state.as_str());
        Ok(Progress {
            id: row.get(0)?,
            program: row.get(1)?,
            as_of: row.get(2)?,
            step: row.get(3)?,
            is_planned,
            is_executed: is_planned && executed >= items,
        })
    });
    rows.unwrap().map(|p| p.unwrap()).collect()
}
