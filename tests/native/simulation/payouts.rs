//! The auditor's payouts: which accruals each of them takes by the rules, from the plan to the sending.
//!
//! From the product it reads only which payouts there are and how far they got, never what they took. Where the moment of
//! a plan was not observed, or an accrual's balance is not known, it takes over what is stored.

use super::model_state::{Key, Line, Status};
use crate::support::sqlite::Sqlite;
use std::collections::{BTreeMap, BTreeSet};

/// What no accrual explains has no key.
type Rows = BTreeMap<Option<Key>, i64>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    Sent,
    Dropped,
}

#[derive(Clone, Debug)]
struct Payout {
    program: String,
    partner: String,
    created: i64,
    minimum: i64,
    rows: Rows,
    planned: i64,
    progress: Progress,
}

impl Payout {
    fn cents(&self) -> i64 {
        self.rows.values().sum()
    }
}

/// An available accrual when payouts are planned or sent.
#[derive(Clone, Copy, Debug)]
pub struct Available {
    pub net: i64,
    pub is_mature: bool,
    pub is_frozen: bool,
}

pub type Accruals = BTreeMap<Key, Available>;

impl Available {
    pub fn of(line: &Line, matures_until: i64) -> Available {
        Available {
            net: line.net,
            is_mature: (line.can_vest() || line.earned < 0) && line.vests_at.is_some_and(|at| at <= matures_until),
            is_frozen: line.net > 0 && matches!(line.status, Status::Held | Status::Frozen),
        }
    }
}

/// The payouts, by their ids.
#[derive(Default)]
pub struct Payouts {
    all: BTreeMap<String, Payout>,
    /// Partners of whom not every balance is known.
    pub unsure: BTreeSet<String>,
    /// How often payouts were reduced, dropped, and charged with what earlier ones took too much.
    pub met: BTreeMap<&'static str, u64>,
}

impl Payouts {
    /// What payouts take of an accrual.
    fn taken(&self, key: &Key) -> i64 {
        let live = self.all.values().filter(|p| p.progress != Progress::Dropped);
        live.filter_map(|p| p.rows.get(&Some(key.clone()))).sum()
    }

    fn net(accruals: &Accruals, key: &Key) -> i64 {
        accruals.get(key).map_or(0, |a| a.net)
    }

    /// What a payout's accruals still allow of it.
    fn allowed(&self, id: &str, accruals: &Accruals) -> Rows {
        let is_first = |key: &Key| {
            let waiting = self.all.iter().filter(|(_, p)| p.progress == Progress::Waiting);
            let first = waiting
                .filter(|(_, p)| p.rows.get(&Some(key.clone())).is_some_and(|c| *c > 0))
                .map(|(id, _)| id)
                .next();
            first.is_some_and(|first| first == id)
        };
        let rows = self.all[id].rows.iter().map(|(key, cents)| {
            let left = match key {
                Some(key) if *cents > 0 && accruals.get(key).is_some_and(|a| a.is_frozen) => 0,
                Some(key) if *cents > 0 && is_first(key) => {
                    (cents + (Self::net(accruals, key) - self.taken(key)).min(0)).max(0)
                }
                _ => *cents,
            };
            (key.clone(), left)
        });
        rows.collect()
    }

    /// What all waiting payouts of a partner include beyond what their accruals allow, by accrual.
    fn excess(&self, partner: &str, accruals: &Accruals) -> Rows {
        let mut excess = Rows::new();
        for (id, p) in self.all.iter().filter(|(_, p)| p.progress == Progress::Waiting && p.partner == partner) {
            for (key, left) in self.allowed(id, accruals) {
                *excess.entry(key.clone()).or_default() += p.rows[&key] - left;
            }
        }
        excess
    }

    /// What a partner has left once each payout is down to what its accruals allow, without what is frozen.
    fn rest(&self, partner: &str, accruals: &Accruals) -> i64 {
        let excess = self.excess(partner, accruals);
        let own = accruals.iter().filter(|(key, _)| key.partner == partner);
        let frozen: i64 = own
            .filter(|(_, a)| a.is_frozen)
            .map(|(key, a)| (a.net - self.taken(key) + excess.get(&Some(key.clone())).unwrap_or(&0)).max(0))
            .sum();
        self.balance(partner, accruals) + excess.values().sum::<i64>() - frozen
    }

    /// What is available and in no payout.
    pub fn balance(&self, partner: &str, accruals: &Accruals) -> i64 {
        let own: i64 = accruals.iter().filter(|(key, _)| key.partner == partner).map(|(_, a)| a.net).sum();
        let live = self.all.values().filter(|p| p.partner == partner && p.progress != Progress::Dropped);
        own - live.map(Payout::cents).sum::<i64>()
    }

    /// What a run can pay a partner: the balance without what is immature, from the minimum on.
    pub fn payable(&self, partner: &str, accruals: &Accruals, minimum: i64) -> i64 {
        let own = accruals.iter().filter(|(key, _)| key.partner == partner);
        let immature: i64 = own.filter(|(_, a)| !a.is_mature).map(|(key, a)| (a.net - self.taken(key)).max(0)).sum();
        let payable = self.balance(partner, accruals) - immature;
        if payable >= minimum.max(1) { payable } else { 0 }
    }

    fn count(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    /// A payout's new rows: it is dropped if they are below the minimum.
    fn reduce(&mut self, id: &str, rows: Rows) {
        let payout = self.all.get_mut(id).expect("a payout");
        let was = payout.cents();
        payout.rows = rows;
        let is_reduced = payout.cents() != was;
        let is_over = is_reduced && payout.cents() < payout.minimum.max(1);
        if is_over {
            payout.progress = Progress::Dropped;
        }
        match (is_over, is_reduced) {
            (true, _) => self.count("a payout that nothing is left of"),
            (false, true) => self.count("a reduced payout"),
            _ => {}
        }
    }

    /// A run of a program takes what changed off the payouts that wait.
    pub fn reduce_waiting(&mut self, program: &str, accruals: &Accruals) {
        let waiting = self.all.iter().filter(|(_, p)| p.progress == Progress::Waiting && p.program == program);
        let left: Vec<(String, Rows)> = waiting.map(|(id, _)| (id.clone(), self.allowed(id, accruals))).collect();
        left.into_iter().for_each(|(id, rows)| self.reduce(&id, rows));
    }

    /// A run plans a payout: everything mature that is in none, and what payouts took too much.
    pub fn plan(&mut self, id: &str, stored: &StoredPayout, accruals: &Accruals) {
        let planned = self.payable(&stored.partner, accruals, stored.minimum);
        let mut rows = Rows::new();
        let keys: BTreeSet<&Key> =
            accruals.keys().chain(self.all.values().flat_map(|p| p.rows.keys().flatten())).collect();
        for key in keys.into_iter().filter(|key| key.partner == stored.partner) {
            let left = Self::net(accruals, key) - self.taken(key);
            if left < 0 || (left > 0 && accruals.get(key).is_some_and(|a| a.is_mature)) {
                rows.insert(Some(key.clone()), left);
            }
        }
        let other = planned - rows.values().sum::<i64>();
        if other != 0 {
            rows.insert(None, other);
        }
        if rows.values().any(|cents| *cents < 0) {
            self.count("a payout that takes something back");
        }
        self.all.insert(id.to_owned(), Payout { rows, planned, ..stored.model() });
    }

    /// Approved payouts are sent for what is left of them. `ids`: the accruals' ids, which order debts.
    pub fn send(&mut self, due: &[String], accruals: &Accruals, ids: &BTreeMap<Key, String>) {
        let is_waiting = |this: &Payouts, id: &String| this.all[id].progress == Progress::Waiting;
        while due.iter().any(|id| is_waiting(self, id)) {
            let page: Vec<String> = due.iter().filter(|id| is_waiting(self, id)).cloned().collect();
            let stale: Vec<String> = page.into_iter().filter(|id| self.is_stale(id, accruals)).collect();
            let left: Vec<(String, Rows)> = stale.iter().map(|id| (id.clone(), self.allowed(id, accruals))).collect();
            let mut new: BTreeMap<String, Rows> = left.into_iter().collect();
            self.charge(&stale, &mut new, accruals, ids);
            new.into_iter().for_each(|(id, rows)| self.reduce(&id, rows));
            let ready: Vec<&String> =
                due.iter().filter(|id| is_waiting(self, id) && !self.is_stale(id, accruals)).collect();
            for id in ready {
                self.all.get_mut(id).expect("a payout").progress = Progress::Sent;
            }
        }
    }

    /// The partner's account is gone: what waits for it is for the next run.
    pub fn carry(&mut self, partner: &str) {
        let waiting = self.all.values_mut().filter(|p| p.partner == partner && p.progress == Progress::Waiting);
        let carried = waiting.map(|p| p.progress = Progress::Dropped).count();
        if carried > 0 {
            self.count("a payout carried because its account is gone");
        }
    }

    fn is_stale(&self, id: &str, accruals: &Accruals) -> bool {
        let payout = &self.all[id];
        self.allowed(id, accruals) != payout.rows || self.rest(&payout.partner, accruals) < 0
    }

    /// The oldest payout of each partner who owes something pays for it.
    fn charge(
        &mut self,
        stale: &[String],
        new: &mut BTreeMap<String, Rows>,
        accruals: &Accruals,
        ids: &BTreeMap<Key, String>,
    ) {
        let partners: BTreeSet<String> = stale.iter().map(|id| self.all[id].partner.clone()).collect();
        for partner in partners {
            let mut debt = self.rest(&partner, accruals).min(0);
            let own = stale.iter().filter(|id| self.all[*id].partner == partner);
            let Some(oldest) = own.min_by_key(|id| self.all[*id].created).filter(|_| debt < 0) else { continue };
            let excess = self.excess(&partner, accruals);
            let rows = new.get_mut(oldest).expect("it is stale");
            let known: BTreeSet<&Key> =
                accruals.keys().chain(self.all.values().flat_map(|p| p.rows.keys().flatten())).collect();
            let mut owed: Vec<(&String, &Key, i64)> = known
                .into_iter()
                .filter(|key| key.partner == partner)
                .map(|key| (key, Self::net(accruals, key) - self.taken(key)))
                .filter(|(_, left)| *left < 0)
                .map(|(key, left)| (&ids[key], key, left + excess.get(&Some(key.clone())).unwrap_or(&0)))
                .filter(|(.., owed)| *owed < 0)
                .collect();
            owed.sort();
            for (_, key, owed) in owed {
                let part = owed.max(debt);
                debt -= part;
                if part != 0 {
                    *rows.entry(Some(key.clone())).or_default() += part;
                }
            }
            if debt != 0 {
                *rows.entry(None).or_default() += debt;
            }
            self.count("a payout that pays a debt");
        }
    }

    /// Takes over what is stored.
    pub fn adopt(&mut self, db: &Sqlite, is_it: impl Fn(&StoredPayout) -> bool) {
        for (id, stored) in stored(db).into_iter().filter(|(_, stored)| is_it(stored)) {
            self.all.insert(id, stored.model());
        }
    }

    /// What was sent to each partner of a program.
    pub fn sent(&self, program: &str) -> Vec<(String, i64)> {
        let sent = self.all.values().filter(|p| p.program == program && p.progress == Progress::Sent);
        sent.map(|p| (p.partner.clone(), p.cents())).collect()
    }

    /// What of each accrual of a partner was sent.
    pub fn sent_of(&self, partner: &str) -> BTreeMap<Key, i64> {
        let mut sent = BTreeMap::new();
        for payout in self.all.values().filter(|p| p.partner == partner && p.progress == Progress::Sent) {
            for (key, cents) in payout.rows.iter().filter_map(|(key, cents)| Some((key.clone()?, cents))) {
                *sent.entry(key).or_default() += cents;
            }
        }
        sent
    }

    /// A ban cancels what was not sent.
    pub fn drop_waiting(&mut self, partner: &str) {
        let waiting = self.all.values_mut().filter(|p| p.partner == partner && p.progress == Progress::Waiting);
        waiting.for_each(|p| p.progress = Progress::Dropped);
    }

    pub fn knows(&self, id: &str) -> bool {
        self.all.contains_key(id)
    }

    /// Whether the stored payouts take what they should.
    pub fn compare(&self, db: &Sqlite) -> Result<(), String> {
        for (id, stored) in stored(db) {
            let Some(model) = self.all.get(&id).filter(|p| !self.unsure.contains(&p.partner)) else { continue };
            let nonzero =
                |rows: &Rows| -> Rows { rows.iter().filter(|(_, c)| **c != 0).map(|(k, c)| (k.clone(), *c)).collect() };
            let here = (stored.progress, stored.planned, nonzero(&stored.rows));
            let wanted = (model.progress, model.planned, nonzero(&model.rows));
            if here != wanted {
                return Err(format!("{id} is {here:?}, by the rules {wanted:?}"));
            }
            if stored.progress != Progress::Dropped && stored.amount != model.cents() {
                return Err(format!("{id} amounts to {}, by the rules {}", stored.amount, model.cents()));
            }
        }
        Ok(())
    }
}

/// A payout as it is stored.
pub struct StoredPayout {
    pub run: String,
    pub program: String,
    pub partner: String,
    created: i64,
    minimum: i64,
    planned: i64,
    amount: i64,
    progress: Progress,
    rows: Rows,
}

impl StoredPayout {
    fn model(&self) -> Payout {
        Payout {
            program: self.program.clone(),
            partner: self.partner.clone(),
            created: self.created,
            minimum: self.minimum,
            rows: self.rows.clone(),
            planned: self.planned,
            progress: self.progress,
        }
    }
}

pub fn stored(db: &Sqlite) -> BTreeMap<String, StoredPayout> {
    let mut all = BTreeMap::new();
    for row in db.look("SELECT * FROM payout") {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| row[name].as_i64().expect("a number");
        let progress = match row["state"].as_str() {
            Some("planned") => Progress::Waiting,
            Some("cancelled" | "failed") => Progress::Dropped,
            _ => Progress::Sent,
        };
        let payout = StoredPayout {
            run: text("run_id"),
            program: text("program_id"),
            partner: text("partner_id"),
            created: number("created_at_ms"),
            minimum: number("minimum_cents"),
            planned: number("planned_cents"),
            amount: number("amount_cents"),
            progress,
            rows: Rows::new(),
        };
        all.insert(text("id"), payout);
    }
    let rows = db.look(
        "SELECT l.payout_id, l.amount_cents, a.program_id, a.account_id, a.partner_id, a.reward_id, a.source
         FROM payout_accrual l LEFT JOIN accrual a ON a.id = l.accrual_id",
    );
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let key = row["program_id"].is_string().then(|| key_of(&text));
        let payout: &mut StoredPayout = all.get_mut(&text("payout_id")).expect("its payout");
        payout.rows.insert(key, row["amount_cents"].as_i64().expect("cents"));
    }
    all
}

fn key_of(text: &dyn Fn(&str) -> String) -> Key {
    Key {
        program: text("program_id"),
        account: text("account_id"),
        partner: text("partner_id"),
        rule: text("reward_id"),
        source: text("source"),
    }
}

/// The ids of accruals.
pub fn ids(db: &Sqlite) -> BTreeMap<Key, String> {
    let rows = db.look("SELECT id, program_id, account_id, partner_id, reward_id, source FROM accrual");
    rows.iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (key_of(&text), text("id"))
        })
        .collect()
}
