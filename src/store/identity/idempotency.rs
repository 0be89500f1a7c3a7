//! Responses stored for an Idempotency-Key.

use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct KeptAnswer {
    pub body_sha256: String,
    pub status: i64,
    pub answer: String,
}

pub fn idempotency_find(key: &str, route: &str) -> Query<KeptAnswer> {
    Stmt::new("SELECT body_sha256, status, answer FROM idempotency WHERE key = ?1 AND route = ?2")
        .bind(key)
        .bind(route)
        .query()
}

/// Stores a response. Of two simultaneous requests with one key, the second aborts and finds the first one's response.
pub fn idempotency_insert(
    (key, route): (&str, &str),
    body_sha256: &str,
    status: i64,
    answer: &str,
    moves_money: bool,
    now: UtcMillis,
) -> Stmt {
    Stmt::new(
        "INSERT INTO idempotency (key, route, body_sha256, status, answer, created_at_ms, moves_money)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(key)
    .bind(route)
    .bind(body_sha256)
    .bind(status)
    .bind(answer)
    .bind(now)
    .bind(moves_money)
}
