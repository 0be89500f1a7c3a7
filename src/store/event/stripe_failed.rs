//! Stripe's events that could not be taken in.

use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::{Query, counted};
use serde::Deserialize;

/// Failed events that operators are shown.
const SHOWN: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FailedEvent {
    pub id: String,
    pub r#type: String,
    pub reason: String,
    pub tries: i64,
    pub failed_at_ms: UtcMillis,
}

const FAILED: &str = "SELECT id, type, reason, tries, failed_at_ms FROM stripe_failure";

/// Notes that an event failed, or that it failed again.
pub fn failure_note(id: &str, kind: &str, reason: &str, due_at: UtcMillis, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms) VALUES (?1, ?2, ?3, 1, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, tries = tries + 1, due_at_ms = excluded.due_at_ms",
    )
    .bind(id)
    .bind(kind)
    .bind(reason)
    .bind(due_at)
    .bind(now)
}

/// Those to be tried again, longest first.
pub fn failure_due_list(now: UtcMillis, limit: i64) -> Query<FailedEvent> {
    Stmt::new(format!("{FAILED} WHERE due_at_ms <= ?1 ORDER BY due_at_ms LIMIT ?2")).bind(now).bind(limit).query()
}

/// The oldest of them.
pub fn failure_list() -> Query<FailedEvent> {
    Stmt::new(format!("{FAILED} ORDER BY failed_at_ms, id LIMIT {SHOWN}")).query()
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct FailureCount {
    pub failed: i64,
}

pub fn failure_count() -> Query<FailureCount> {
    Stmt::new(format!("SELECT COUNT(*) AS failed FROM {}", counted("1 FROM stripe_failure"))).query()
}
