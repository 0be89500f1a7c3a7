//! Bearer tokens by their hashes, answers kept for an Idempotency-Key, and the audit trail.

use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct TokenRow {
    pub id: String,
    pub name: String,
    pub scopes: String,
    pub first_used_at_ms: Option<UtcMillis>,
}

/// The live token with this hash.
pub fn token_find(sha256: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "SELECT id, name, scopes, first_used_at_ms FROM api_token WHERE sha256 = ?1 AND revoked_at_ms IS NULL AND expires_at_ms > ?2",
    )
    .bind(sha256)
    .bind(now)
}

/// Notes a token's first use, in the audit trail too; of two at once the first.
pub fn token_first_use(id: &str, audit_id: &str, now: UtcMillis) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO audit (id, at_ms, actor, action, subject)
             SELECT ?2, ?3, 'token:' || name, 'token.first_use', id FROM api_token WHERE id = ?1 AND first_used_at_ms IS NULL",
        )
        .bind(id)
        .bind(audit_id)
        .bind(now),
        Stmt::new("UPDATE api_token SET first_used_at_ms = ?2 WHERE id = ?1 AND first_used_at_ms IS NULL").bind(id).bind(now),
    ]
}

#[derive(Clone, Debug, Deserialize)]
pub struct KeptAnswer {
    pub body_sha256: String,
    pub status: i64,
    pub answer: String,
}

pub fn idempotency_find(key: &str, route: &str) -> Stmt {
    Stmt::new("SELECT body_sha256, status, answer FROM idempotency WHERE key = ?1 AND route = ?2").bind(key).bind(route)
}

/// Keeps an answer. Two requests with one key at once: the second aborts, and finds the first's answer.
pub fn idempotency_insert(
    key: &str,
    route: &str,
    body_sha256: &str,
    status: i64,
    answer: &str,
    now: UtcMillis,
) -> Stmt {
    Stmt::new(
        "INSERT INTO idempotency (key, route, body_sha256, status, answer, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(key)
    .bind(route)
    .bind(body_sha256)
    .bind(status)
    .bind(answer)
    .bind(now)
}

/// A stored operator action.
#[derive(Clone, Debug, Deserialize)]
pub struct AuditRow {
    pub id: String,
    pub at_ms: UtcMillis,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub reason: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Actions before the cursor (instant, id), newest first.
pub fn audit_page(before_ms: i64, before_id: &str, limit: i64) -> Stmt {
    Stmt::new(
        "SELECT id, at_ms, actor, action, subject, reason, before, after FROM audit
         WHERE at_ms < ?1 OR (at_ms = ?1 AND id < ?2) ORDER BY at_ms DESC, id DESC LIMIT ?3",
    )
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
}

/// One operator action.
pub struct Audit<'a> {
    pub id: &'a str,
    pub actor: &'a str,
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
