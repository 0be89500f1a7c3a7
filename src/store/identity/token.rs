//! Bearer tokens by their hashes.

use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct TokenRow {
    pub id: String,
    pub name: String,
    pub scopes: String,
    pub first_used_at_ms: Option<UtcMillis>,
}

/// The live token with this hash.
pub fn token_find(sha256: &str, now: UtcMillis) -> Query<TokenRow> {
    Stmt::new(
        "SELECT id, name, scopes, first_used_at_ms FROM api_token WHERE sha256 = ?1 AND revoked_at_ms IS NULL AND expires_at_ms > ?2",
    )
    .bind(sha256)
    .bind(now)
    .query()
}

/// Records a token's first use, in the audit trail too. Of two simultaneous uses only the first is recorded.
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
