//! Who has unsubscribed from which kind of message, by the hash of their address.

use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
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

/// Subscribes to the kind again.
pub fn unsubscribe_delete(u: &Unsubscribed) -> Stmt {
    Stmt::new("DELETE FROM unsubscribe WHERE address_sha256 = ?1 AND kind = ?2").bind(&u.address_sha256).bind(&u.kind)
}

/// What a partner has unsubscribed from, with its current address.
pub fn unsubscribe_of_partner(partner: &PartnerId) -> Query<Unsubscribed> {
    Stmt::new(
        "SELECT u.address_sha256, u.kind FROM partner_person x CROSS JOIN unsubscribe u ON u.address_sha256 = x.email_sha256
         WHERE x.partner_id = ?1",
    )
    .bind(partner).query()
}

/// What the people with these addresses have unsubscribed from.
pub fn unsubscribe_of(addresses: &[String]) -> Query<Unsubscribed> {
    Stmt::new("SELECT address_sha256, kind FROM unsubscribe WHERE address_sha256 IN (SELECT value FROM json_each(?1))")
        .json(&addresses)
        .query()
}
