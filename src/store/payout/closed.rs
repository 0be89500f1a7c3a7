//! Partners' accounts at Stripe that are gone, and the platform whose accounts they were.

use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::engine::payout::OutboundTransfer;
use crate::engine::payout::payee::CloseReason;
use crate::engine::payout::region::is_offered;
use crate::store::payout::PAYOUT;
use crate::store::payout::payee::{PLATFORM, PayeePartner};
use crate::store::port::Stmt;
use crate::store::query::{First, Query};
use serde::Deserialize;

/// Most payouts of one account that are carried at once. The rest is carried when it is due.
const CARRIED_MAX: i64 = 100;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ClosedAccount {
    pub stripe_account_id: String,
    pub country: Option<String>,
    pub reason: CloseReason,
    /// What said so, for operators.
    pub detail: String,
    pub closed_at_ms: UtcMillis,
}

const CLOSED: &str = "SELECT stripe_account_id, country, reason, detail, closed_at_ms FROM payee_closed";

/// The accounts that a partner had before, latest first.
pub fn closed_list(partner: &PartnerId) -> Query<ClosedAccount> {
    Stmt::new(format!("{CLOSED} WHERE partner_id = ?1 ORDER BY closed_at_ms DESC, stripe_account_id"))
        .bind(partner)
        .query()
}

/// Those of some accounts that are gone.
pub fn closed_among(accounts: &[&str]) -> Query<ClosedAccount> {
    Stmt::new(format!("{CLOSED} WHERE stripe_account_id IN (SELECT value FROM json_each(?1))")).json(&accounts).query()
}

/// The partner whose present account it is, and the payouts to it of which nothing was sent.
pub fn closing(account: &str) -> (First<PayeePartner>, Query<OutboundTransfer>) {
    let partner = Stmt::new("SELECT partner_id FROM payee WHERE stripe_account_id = ?1").bind(account);
    let planned = format!(
        "{PAYOUT} WHERE p.partner_id = (SELECT partner_id FROM payee WHERE stripe_account_id = ?1)
           AND p.destination = ?1 AND p.state = 'planned' AND p.attempt = 0 ORDER BY p.id LIMIT {CARRIED_MAX}"
    );
    (partner.query().first(), Stmt::new(planned).bind(account).query())
}

/// Moves a partner's account to those that are gone.
pub fn payee_close(account: &str, reason: CloseReason, detail: &str, actor: &str, now: UtcMillis) -> Vec<Stmt> {
    vec![
        Stmt::new(
            "INSERT INTO payee_closed (stripe_account_id, partner_id, country, reason, detail, actor, closed_at_ms)
             SELECT stripe_account_id, partner_id, country, ?2, ?3, ?4, ?5 FROM payee WHERE stripe_account_id = ?1",
        )
        .bind(account)
        .bind(reason.name())
        .bind(detail)
        .bind(actor)
        .bind(now),
        Stmt::new("DELETE FROM payee WHERE stripe_account_id = ?1").bind(account),
    ]
}

/// Nothing more is planned for the accounts of these payouts until Stripe says what they can do: it refused them in a
/// way that may mean that they are gone. The sweep asks.
pub fn payee_doubt<T: serde::Serialize>(payouts: &[T]) -> Stmt {
    Stmt::new(
        "UPDATE payee SET transfers_active = 0, disabled_reason = 'account_invalid'
         WHERE stripe_account_id IN (SELECT destination FROM payout WHERE id IN (SELECT value FROM json_each(?1)))",
    )
    .json(&payouts)
}

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
    /// The partner's country as it told us.
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
