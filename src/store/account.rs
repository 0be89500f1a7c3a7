//! Accounts: their revision, bindings and lines.

use super::port::Stmt;
use crate::base::time::UtcMillis;
use crate::engine::accrual::Line;
use crate::engine::decision::GroupDecision;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct AccountRow {
    pub id: String,
    pub revision: i64,
}

/// Writes the decision that was made at `revision - 1`; aborts the batch when that is no longer the account's.
pub fn account_advance(id: &str, revision: i64, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO account (id, revision, created_at_ms) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision",
    )
    .bind(id)
    .bind(revision)
    .bind(now)
}

pub const LINE_COLUMNS: &str = "id, program_id, program_version, rule_id, partner_id, account_id, event_id, basis, \
     at_ms, period, unit, earned_cents, net_cents, bucket, state, vests_at_ms, reason, postings";

pub fn line_list(accounts: &[String]) -> Stmt {
    Stmt::new(format!(
        "SELECT {LINE_COLUMNS} FROM accrual WHERE account_id IN (SELECT value FROM json_each(?1)) ORDER BY id"
    ))
    .json(&accounts)
}

/// Writes lines as they are to stand.
pub fn line_write(lines: &[Line]) -> Stmt {
    Stmt::new(format!("{} ON CONFLICT (id) DO UPDATE SET {LINE_UPDATES}", line_select("json_each(?1)", "value")))
        .json(&lines)
}

/// `INSERT INTO accrual SELECT …` from JSON lines in the column `json` of `from`.
pub fn line_select(from: &str, json: &str) -> String {
    let values: Vec<String> = LINE_COLUMNS.split(", ").map(|c| format!("{json} ->> '$.{}'", c.trim())).collect();
    // `WHERE true` keeps SQLite from reading ON CONFLICT as a join's.
    format!("INSERT INTO accrual ({LINE_COLUMNS}) SELECT {} FROM {from} WHERE true", values.join(", "))
}

const LINE_UPDATES: &str = "program_version = excluded.program_version, event_id = excluded.event_id, \
     at_ms = excluded.at_ms, period = excluded.period, earned_cents = excluded.earned_cents, \
     net_cents = excluded.net_cents, bucket = excluded.bucket, state = excluded.state, \
     vests_at_ms = excluded.vests_at_ms, reason = excluded.reason, postings = excluded.postings";

/// Writes an account's answer for one group of programs.
pub fn binding_write(account: &str, group: &GroupDecision, now: UtcMillis) -> Stmt {
    let binding = group.verdict.binding.as_ref();
    Stmt::new(
        "INSERT INTO binding (account_id, group_id, program_id, partner_id, code, method, from_ms, receipt, states, grant_due_at_ms, decided_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (account_id, group_id) DO UPDATE SET program_id = excluded.program_id, partner_id = excluded.partner_id,
           code = excluded.code, method = excluded.method, from_ms = excluded.from_ms, receipt = excluded.receipt,
           states = excluded.states, grant_due_at_ms = excluded.grant_due_at_ms, decided_at_ms = excluded.decided_at_ms",
    )
    .bind(account)
    .bind(&group.verdict.group)
    .bind(binding.map(|b| b.program.clone()))
    .bind(binding.map(|b| b.partner.clone()))
    .bind(binding.map(|b| b.code.clone()))
    .bind(binding.map(|b| b.method.clone()))
    .bind(binding.map(|b| b.from))
    .json(&group.verdict)
    .json(&group.states)
    .bind(group.grant_due_at)
    .bind(now)
}

/// An account's bindings as stored, for its receipt.
#[derive(Clone, Debug, Deserialize)]
pub struct BindingRow {
    pub group_id: String,
    pub receipt: String,
    pub states: String,
    pub decided_at_ms: UtcMillis,
}

pub fn binding_list(account: &str) -> Stmt {
    Stmt::new("SELECT group_id, receipt, states, decided_at_ms FROM binding WHERE account_id = ?1 ORDER BY group_id")
        .bind(account)
}

pub fn account_find(id: &str) -> Stmt {
    Stmt::new("SELECT id, revision FROM account WHERE id = ?1").bind(id)
}
