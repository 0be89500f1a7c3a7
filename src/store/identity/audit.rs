//! The audit trail.

use crate::base::ids::ActorId;
use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// A stored operator action.
#[derive(Clone, Debug, Deserialize)]
pub struct AuditRow {
    pub id: String,
    pub at_ms: UtcMillis,
    pub actor: ActorId,
    pub action: String,
    pub subject: String,
    pub reason: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Actions before the cursor (instant, id), newest first.
pub fn audit_page(before_ms: i64, before_id: &str, limit: i64) -> Query<AuditRow> {
    Stmt::new(
        "SELECT id, at_ms, actor, action, subject, reason, before, after FROM audit
         WHERE at_ms < ?1 OR (at_ms = ?1 AND id < ?2) ORDER BY at_ms DESC, id DESC LIMIT ?3",
    )
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .query()
}

/// One operator action.
pub struct Audit<'a> {
    pub id: &'a str,
    pub actor: &'a ActorId,
    pub action: &'a str,
    pub subject: &'a str,
    pub reason: Option<&'a str>,
    /// JSON texts.
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
}

pub fn audit_insert(audit: &Audit, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO audit (id, at_ms, actor, action, subject, reason, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(audit.id)
    .bind(now)
    .bind(audit.actor)
    .bind(audit.action)
    .bind(audit.subject)
    .bind(audit.reason)
    .bind(audit.before)
    .bind(audit.after)
}
