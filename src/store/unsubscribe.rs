//! Who does not want which kind of message, by the hash of their address.

use super::port::Stmt;
use crate::base::time::UtcMillis;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Unsubscribed {
    pub address_sha256: String,
    pub kind: String,
}

pub fn unsubscribe_insert(u: &Unsubscribed, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO unsubscribe (address_sha256, kind, created_at_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )
    .bind(&u.address_sha256)
    .bind(&u.kind)
    .bind(now)
}

/// The kind is wanted again.
pub fn unsubscribe_delete(u: &Unsubscribed) -> Stmt {
    Stmt::new("DELETE FROM unsubscribe WHERE address_sha256 = ?1 AND kind = ?2").bind(&u.address_sha256).bind(&u.kind)
}

/// What the people with these addresses do not want.
pub fn unsubscribe_of(addresses: &[String]) -> Stmt {
    Stmt::new("SELECT address_sha256, kind FROM unsubscribe WHERE address_sha256 IN (SELECT value FROM json_each(?1))")
        .json(&addresses)
}
