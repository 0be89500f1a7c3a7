//! How far the stored runs got, and which of two correct plans a run has stored.

use super::model_state::Key;
use crate::support::sqlite::Sqlite;
use std::collections::{BTreeMap, BTreeSet};

/// A reward for a state that is to be granted, and whether it was on hold when planned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub account: String,
    pub partner: String,
    pub rule: String,
    pub held: bool,
}

/// The auditor's model of one run.
#[derive(Default)]
pub struct RunModel {
    pub step: i64,
    pub has_terms: bool,
    pub is_planned: bool,
    pub is_executed: bool,
    pub is_done: bool,
    /// What was due each time the run planned: grants, and accruals to vest.
    pub plans: Vec<(BTreeSet<Grant>, BTreeSet<Key>)>,
}

/// How far a run got.
pub struct Progress {
    pub id: String,
    pub program: String,
    pub as_of: i64,
    pub step: i64,
    pub has_terms: bool,
    pub is_planned: bool,
    pub is_executed: bool,
    pub is_done: bool,
}

/// The payable amount in each partner's statement of a run.
pub fn stored_payable(db: &Sqlite, run: &str) -> BTreeMap<String, i64> {
    let connection = db.connection.borrow();
    let sql = "SELECT partner_id, payable_cents FROM run_partner WHERE run_id = ?1 AND payable_cents <> 0";
    let mut statement = connection.prepare_cached(sql).unwrap();
    let rows = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(|row| row.unwrap()).collect()
}

/// Everything that all plans contain, and of the rest what is stored.
pub fn settle_on<'a, T: Ord + Clone + 'a>(
    plans: impl Iterator<Item = &'a BTreeSet<T>> + Clone,
    is_stored: impl Fn(&T) -> bool,
) -> BTreeSet<T> {
    let all: BTreeSet<T> = plans.clone().flatten().cloned().collect();
    all.into_iter().filter(|item| plans.clone().all(|plan| plan.contains(item)) || is_stored(item)).collect()
}

#[derive(Default)]
pub struct StoredPlan {
    pub grants: BTreeSet<Grant>,
    pub vests: BTreeSet<Key>,
}

pub fn stored_plan(db: &Sqlite, run: &str) -> StoredPlan {
    let connection = db.connection.borrow();
    let sql =
        "SELECT i.kind, i.account_id, i.partner_id, l.program_id, COALESCE(l.reward_id, i.accrual ->> '$.reward_id'), l.source,
                      i.accrual ->> '$.state' FROM run_item i LEFT JOIN accrual l ON l.id = i.accrual_id WHERE i.run_id = ?1";
    let mut statement = connection.prepare_cached(sql).unwrap();
    let mut rows = statement.query([run]).unwrap();
    let mut plan = StoredPlan::default();
    while let Some(row) = rows.next().unwrap() {
        let text = |i: usize| row.get::<_, Option<String>>(i).unwrap().unwrap_or_default();
        let (account, partner, rule) = (text(1), text(2), text(4));
        if text(0) == "grant" {
            plan.grants.insert(Grant { account, partner, rule, held: text(6) == "held" });
        } else {
            plan.vests.insert(Key { program: text(3), account, partner, rule, source: text(5) });
        }
    }
    plan
}

pub fn progress(db: &Sqlite) -> Vec<Progress> {
    let connection = db.connection.borrow();
    let sql = "SELECT id, program_id, as_of_ms, step, state, items, executed FROM run ORDER BY started_at_ms, id";
    let mut statement = connection.prepare_cached(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let state: String = row.get(4)?;
        let (items, executed): (i64, i64) = (row.get(5)?, row.get(6)?);
        let has_terms = !["granting", "terms"].contains(&state.as_str());
        let is_planned = has_terms && !["backfilling", "deciding", "vesting"].contains(&state.as_str());
        Ok(Progress {
            id: row.get(0)?,
            program: row.get(1)?,
            as_of: row.get(2)?,
            step: row.get(3)?,
            has_terms,
            is_planned,
            is_executed: is_planned && executed >= items,
            // Only the leaderboard is left.
            is_done: ["ranking", "done"].contains(&state.as_str()),
        })
    });
    rows.unwrap().map(|p| p.unwrap()).collect()
}
