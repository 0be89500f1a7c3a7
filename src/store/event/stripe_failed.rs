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
    /// When an operator dealt with it.
    pub acknowledged_at_ms: Option<UtcMillis>,
}

const FAILED: &str = "SELECT id, type, reason, tries, failed_at_ms, acknowledged_at_ms FROM stripe_failure";

/// Failures that operators have to look at.
const OPEN: &str = "acknowledged_at_ms IS NULL";

/// Failures for which the payouts of a restored database wait: each may be of a transfer that the lost one has made. They
/// are never removed by age, because the next run would pay the same again.
pub const HOLDS_PAYOUTS: &str = "type = 'transfer.created' AND acknowledged_at_ms IS NULL";

/// Notes that an event failed, or that it failed again. One that was taken in meanwhile, by a webhook, did not.
pub fn failure_note(id: &str, kind: &str, reason: &str, due_at: UtcMillis, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms)
         SELECT ?1, ?2, ?3, 1, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM stripe_event WHERE id = ?1)
         ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, tries = tries + 1, due_at_ms = excluded.due_at_ms",
    )
    .bind(id)
    .bind(kind)
    .bind(reason)
    .bind(due_at)
    .bind(now)
}

/// It is none any longer.
pub fn failure_over(id: &str) -> Stmt {
    Stmt::new("DELETE FROM stripe_failure WHERE id = ?1").bind(id)
}

/// Those to be tried again, longest first. A list has no id that could be requested.
pub fn failure_due_list(now: UtcMillis, limit: i64) -> Query<FailedEvent> {
    Stmt::new(format!("{FAILED} WHERE {OPEN} AND due_at_ms <= ?1 AND id GLOB 'evt_*' ORDER BY due_at_ms LIMIT ?2"))
        .bind(now)
        .bind(limit)
        .query()
}

/// The oldest of them.
pub fn failure_list() -> Query<FailedEvent> {
    Stmt::new(format!("{FAILED} WHERE {OPEN} ORDER BY failed_at_ms, id LIMIT {SHOWN}")).query()
}

/// Oldest first, after the cursor (instant, id).
pub fn failure_page(after_ms: i64, after_id: &str, limit: i64) -> Query<FailedEvent> {
    Stmt::new(format!(
        "{FAILED} WHERE {OPEN} AND (failed_at_ms > ?1 OR (failed_at_ms = ?1 AND id > ?2)) ORDER BY failed_at_ms, id LIMIT ?3"
    ))
    .bind(after_ms)
    .bind(after_id)
    .bind(limit)
    .query()
}

/// One that failed, whether or not an operator has dealt with it.
pub fn failure_find(id: &str) -> Query<FailedEvent> {
    Stmt::new(format!("{FAILED} WHERE id = ?1")).bind(id).query()
}

/// An operator has dealt with it. The row stays as long as Stripe lists the event, so that it is not fetched again.
pub fn failure_acknowledge(id: &str, actor: &str, reason: &str, now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "UPDATE stripe_failure SET acknowledged_at_ms = ?2, acknowledged_by = ?3, acknowledged_reason = ?4 WHERE id = ?1 AND {OPEN}"
    ))
    .bind(id)
    .bind(now)
    .bind(actor)
    .bind(reason)
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct FailureCount {
    pub failed: i64,
}

pub fn failure_count() -> Query<FailureCount> {
    let open = counted(&format!("1 FROM stripe_failure WHERE {OPEN}"));
    Stmt::new(format!("SELECT COUNT(*) AS failed FROM {open}")).query()
}
