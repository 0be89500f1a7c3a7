//! Responses stored for an Idempotency-Key.

use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct KeptAnswer {
    pub body_sha256: String,
    pub status: i64,
    pub answer: String,
}

pub fn idempotency_find(key: &str, route: &str) -> Stmt {
    Stmt::new("SELECT body_sha256, status, answer FROM idempotency WHERE key = ?1 AND route = ?2").bind(key).bind(route)
}

/// Stores a response. Of two simultaneous requests with one key, the second aborts and finds the first one's response.
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
