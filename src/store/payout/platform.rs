//! The operator's own account at Stripe, and which partners it reaches.

use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::engine::payout::payee::CloseReason;
use crate::engine::payout::region::is_offered;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// The platform's country, as a column or value.
pub const PLATFORM: &str =
    "(SELECT home.country FROM stripe_platform home ORDER BY home.requested_at_ms DESC, home.id LIMIT 1)";

/// The operator's own account at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PlatformRow {
    pub country: String,
    pub key_sha256: String,
    /// How many accounts there were, with this one.
    pub known: i64,
}

pub fn platform_find() -> Query<PlatformRow> {
    Stmt::new(
        "SELECT country, key_sha256, (SELECT COUNT(*) FROM stripe_platform) AS known
         FROM stripe_platform ORDER BY requested_at_ms DESC, id LIMIT 1",
    )
    .query()
}

pub fn platform_write(id: &str, country: &str, key_sha256: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO stripe_platform (id, country, key_sha256, requested_at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET country = excluded.country, key_sha256 = excluded.key_sha256, requested_at_ms = excluded.requested_at_ms",
    )
    .bind(id)
    .bind(country)
    .bind(key_sha256)
    .bind(now)
}

/// Whether, and where, a partner can be paid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct PayoutReach {
    /// The country that the partner gave.
    pub country: Option<String>,
    /// The platform's; `None` while it is unknown.
    pub platform_country: Option<String>,
    /// Why the partner's last account is gone.
    pub closed: Option<CloseReason>,
}

impl PayoutReach {
    /// Whether Stripe pays from the platform's country to the partner's.
    pub fn is_offered(&self) -> bool {
        is_offered(self.platform_country.as_deref(), self.country.as_deref())
    }
}

pub fn payout_reach(partner: &PartnerId) -> Query<PayoutReach> {
    Stmt::new(format!(
        "SELECT q.country, {PLATFORM} AS platform_country,
                (SELECT c.reason FROM payee_closed c WHERE c.partner_id = q.id ORDER BY c.closed_at_ms DESC LIMIT 1) AS closed
         FROM partner q WHERE q.id = ?1"
    ))
    .bind(partner)
    .query()
}
