//! Removing what nobody needs anymore, the oldest first, a bounded number of rows at a time.
//!
//! In scope: what may go, and by which column its age is known. Not in scope: after how long (`service/kept_days.rs`).
//! Links and their codes, accruals, transfers, run items, events and the audit trail are never removed.

use crate::base::time::{DAY_MS, UtcMillis};
use crate::store::event::stripe_failed::HOLDS_PAYOUTS;
use crate::store::port::Stmt;

/// The most rows that one statement removes.
pub const ROWS: usize = 500;
/// The most messages that one step empties: each may have twenty deliveries.
pub const MESSAGES: usize = 100;

/// Monday, 1970-01-05: the start of week 0.
const FIRST_MONDAY_MS: i64 = 345_600_000;

/// Deletes rows of `table`, each found by `key`, that are at most as old as `?1` says. Returns a row for each.
fn delete(table: &str, key: &str, aged: &str, before: i64) -> Stmt {
    Stmt::new(format!(
        "DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table} WHERE {aged} LIMIT {ROWS}) RETURNING 1 AS removed",
        columns = key.trim_matches(['(', ')'])
    ))
    .bind(before)
}

/// Responses to an Idempotency-Key, but for those of calls that moved money.
pub fn responses(before: UtcMillis) -> Vec<Stmt> {
    vec![delete("idempotency", "rowid", "moves_money = 0 AND created_at_ms <= ?1", before.0)]
}

/// The ids of Stripe's events, and of those that could not be taken in: Stripe has neither any longer. Payouts wait for some of
/// the latter, however old they are: only taking one in, or an operator, ends that.
pub fn stripe_events(before: UtcMillis) -> Vec<Stmt> {
    vec![
        delete("stripe_event", "rowid", "received_at_ms <= ?1", before.0),
        delete("stripe_failure", "id", &format!("failed_at_ms <= ?1 AND NOT ({HOLDS_PAYOUTS})"), before.0),
    ]
}

/// Sessions that have ended or expired, emailed links that have expired, and from where promotion codes were requested.
pub fn sessions(before: UtcMillis) -> Vec<Stmt> {
    vec![
        delete("session", "rowid", "expires_at_ms <= ?1", before.0),
        delete("session", "rowid", "ended_at_ms <= ?1", before.0),
        delete("magic_link", "rowid", "expires_at_ms <= ?1", before.0),
        Stmt::new(format!(
            "UPDATE promotion_code SET requested_by = '', revision = revision + 1
             WHERE id IN (SELECT id FROM promotion_code WHERE requested_by <> '' AND created_at_ms <= ?1 LIMIT {ROWS}) RETURNING 1 AS removed"
        ))
        .bind(before.0),
    ]
}

/// Names of campaigns, by the week in which they were first seen.
pub fn campaigns(before: UtcMillis) -> Vec<Stmt> {
    let week = (before.0 - FIRST_MONDAY_MS).div_euclid(7 * DAY_MS);
    vec![delete("campaign_week", "(week, code, campaign)", "week < ?1", week)]
}

/// Reports that were put together and that nobody waits for.
pub fn reports(before: UtcMillis) -> Vec<Stmt> {
    vec![delete(
        "kept_report",
        "(kind, subject, from_ms, to_ms)",
        "wanted_at_ms IS NULL AND computed_at_ms <= ?1",
        before.0,
    )]
}

/// Empties messages that were delivered or that nobody wanted: their deliveries go, and what they say. Their ids stay.
pub fn messages(before: UtcMillis, now: UtcMillis) -> Vec<Stmt> {
    let old = format!(
        "SELECT id FROM outbox WHERE emptied_at_ms IS NULL AND state IN ('sent', 'suppressed') AND created_at_ms <= ?1
         ORDER BY created_at_ms LIMIT {MESSAGES}"
    );
    vec![
        Stmt::new(format!("DELETE FROM delivery WHERE outbox_id IN ({old})")).bind(before),
        Stmt::new(format!(
            "UPDATE outbox SET payload = '{{}}', emptied_at_ms = ?2 WHERE id IN ({old}) RETURNING 1 AS removed"
        ))
        .bind(before)
        .bind(now),
    ]
}
