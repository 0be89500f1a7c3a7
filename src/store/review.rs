//! Reviews: what a person has to look at, and what was decided.

use super::port::Stmt;
use crate::base::id;
use crate::base::time::UtcMillis;
use crate::engine::risk::Suspicion;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReviewRow {
    pub id: String,
    pub program_id: String,
    pub partner_id: String,
    pub account_id: String,
    pub rule: String,
    pub subject: String,
    pub holds: i64,
    pub evidence: String,
    pub state: String,
    pub reason: Option<String>,
    pub actor: Option<String>,
    pub created_at_ms: UtcMillis,
    pub decided_at_ms: Option<UtcMillis>,
}

const COLUMNS: &str = "id, program_id, partner_id, account_id, rule, subject, holds, evidence, state, reason, actor, created_at_ms, decided_at_ms";

/// The reviews of accounts, decided ones included.
pub fn review_of_accounts(accounts: &[String]) -> Stmt {
    Stmt::new(format!("SELECT {COLUMNS} FROM review WHERE account_id IN (SELECT value FROM json_each(?1))"))
        .json(&accounts)
}

/// The id of the review of a suspicion about an account.
pub fn review_id(account: &str, s: &Suspicion) -> String {
    id::derived("rev", &[&s.program, &s.partner, account, &s.rule, &s.subject])
}

/// Opens a review where there is none: one that was decided is never opened again by the same facts.
pub fn review_open(account: &str, suspicion: &Suspicion, now: UtcMillis) -> Stmt {
    let s = suspicion;
    Stmt::new(
        "INSERT INTO review (id, program_id, partner_id, account_id, rule, subject, holds, evidence, state, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open', ?9) ON CONFLICT (id) DO NOTHING",
    )
    .bind(review_id(account, s))
    .bind(&s.program)
    .bind(&s.partner)
    .bind(account)
    .bind(&s.rule)
    .bind(&s.subject)
    .bind(s.holds)
    .bind(&s.evidence)
    .bind(now)
}

pub fn review_page(state: &str, after: &str, limit: i64) -> Stmt {
    Stmt::new(format!("SELECT {COLUMNS} FROM review WHERE state = ?1 AND id > ?2 ORDER BY id LIMIT ?3"))
        .bind(state)
        .bind(after)
        .bind(limit)
}

pub fn review_find(id: &str) -> Stmt {
    Stmt::new(format!("SELECT {COLUMNS} FROM review WHERE id = ?1")).bind(id)
}

/// Records a decision. The account's revision guards it: whoever decides at the same time is turned away there.
pub fn review_decide(id: &str, state: &str, reason: &str, actor: &str, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE review SET state = ?2, reason = ?3, actor = ?4, decided_at_ms = ?5 WHERE id = ?1")
        .bind(id)
        .bind(state)
        .bind(reason)
        .bind(actor)
        .bind(now)
}
