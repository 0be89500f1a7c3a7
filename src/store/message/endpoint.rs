//! The host's endpoints that receive messages as webhooks.

use crate::base::ids::ActorId;
use crate::base::time::UtcMillis;
use crate::store::port::{GIVEN, Stmt};
use crate::store::query::Query;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct EndpointRow {
    pub id: String,
    pub url: String,
    /// A JSON array.
    pub types: String,
    pub created_at_ms: UtcMillis,
    pub disabled_at_ms: Option<UtcMillis>,
    pub disabled_reason: Option<String>,
}

/// Without the secret, which is shown once.
const COLUMNS: &str = "id, url, types, created_at_ms, disabled_at_ms, disabled_reason";

pub fn endpoint_insert(e: &EndpointRow, secret: &str) -> Stmt {
    Stmt::new("INSERT INTO webhook_endpoint (id, url, secret, types, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(&e.id)
        .bind(&e.url)
        .bind(secret)
        .bind(&e.types)
        .bind(e.created_at_ms)
}

pub fn endpoint_page(after: &str, limit: i64) -> Query<EndpointRow> {
    Stmt::new(format!("SELECT {COLUMNS} FROM webhook_endpoint WHERE id > ?1 ORDER BY id LIMIT ?2"))
        .bind(after)
        .bind(limit)
        .query()
}

pub fn endpoint_find(id: &str) -> Query<EndpointRow> {
    Stmt::new(format!("SELECT {COLUMNS} FROM webhook_endpoint WHERE id = ?1")).bind(id).query()
}

/// How many endpoints are not disabled.
#[derive(Clone, Debug, Deserialize)]
pub struct LiveEndpoints {
    pub live: i64,
}

/// How many endpoints are live.
pub fn endpoint_count() -> Query<LiveEndpoints> {
    Stmt::new("SELECT COUNT(*) AS live FROM webhook_endpoint WHERE disabled_at_ms IS NULL").query()
}

/// Disables an endpoint. Deliveries that wait for it are suppressed when they are due.
pub fn endpoint_disable(id: &str, reason: &str, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE webhook_endpoint SET disabled_at_ms = ?2, disabled_reason = ?3 WHERE id = ?1 AND disabled_at_ms IS NULL")
        .bind(id)
        .bind(now)
        .bind(reason)
}

/// Disables endpoints that responded that they are gone, each with an audit trail entry: (the entry's id, the
/// endpoint).
pub fn endpoint_gone(gone: &[(String, &String)], actor: &ActorId, now: UtcMillis) -> [Stmt; 2] {
    const REASON: &str = "it answered 410 Gone";
    [
        Stmt::new(
            "UPDATE webhook_endpoint SET disabled_at_ms = ?2, disabled_reason = ?3
             WHERE id IN (SELECT value ->> 1 FROM json_each(?1)) AND disabled_at_ms IS NULL",
        )
        .json(&gone)
        .bind(now)
        .bind(REASON),
        Stmt::new(format!(
            "{GIVEN} INSERT INTO audit (id, at_ms, actor, action, subject, reason)
             SELECT row ->> 0, ?2, ?3, 'webhook_endpoint.disable', row ->> 1, ?4 FROM given"
        ))
        .json(&gone)
        .bind(now)
        .bind(actor)
        .bind(REASON),
    ]
}
