//! Partners' connected accounts: what they can do, as last reported by Stripe.

use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::engine::payout::payee::{Payability, is_payable};
use crate::engine::payout::region::{CROSS_BORDER, is_offered};
use crate::store::payout::platform::PLATFORM;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PayeeRow {
    pub partner_id: PartnerId,
    pub stripe_account_id: String,
    pub country: Option<String>,
    pub currency: Option<String>,
    pub transfers_active: i64,
    pub payouts_enabled: i64,
    /// JSON array.
    pub currently_due: String,
    pub disabled_reason: Option<String>,
    pub updated_at_ms: UtcMillis,
    /// The platform's country; `None` while it is unknown.
    pub platform_country: Option<String>,
}

impl PayeeRow {
    /// Whether money reaches the bank behind the account. The payout plan checks the same.
    pub fn is_payable(&self) -> bool {
        is_payable(self.transfers_active != 0, self.payouts_enabled != 0) && self.is_offered()
    }

    /// Whether Stripe pays from the platform's country to the account's.
    pub fn is_offered(&self) -> bool {
        is_offered(self.platform_country.as_deref(), self.country.as_deref())
    }
}

const COLUMNS: &str = "partner_id, stripe_account_id, country, currency, transfers_active, payouts_enabled, currently_due, \
     disabled_reason, updated_at_ms";

/// Whether the payee `y` can be paid: transfers reach the connected account, Stripe pays it out, and does so from the
/// platform's country (`PayeeRow::is_payable`).
pub fn ready() -> String {
    format!("y.transfers_active = 1 AND y.payouts_enabled = 1 AND {}", offered("y.country"))
}

/// Whether Stripe pays from the platform's country to another, or may do so (`engine/payout/region.rs`).
fn offered(country: &str) -> String {
    let region = CROSS_BORDER.map(|code| format!("'{code}'")).join(",");
    format!(
        "NOT EXISTS (SELECT 1 FROM (SELECT {PLATFORM} AS home) WHERE home <> {country}
           AND NOT (home IN ({region}) AND {country} IN ({region})))"
    )
}

/// Whether Stripe can pay a partner's country. Where it can't, there is nothing to set up.
pub fn reachable(partner: &str) -> String {
    offered(&format!(
        "(SELECT COALESCE(y.country, q.country) FROM partner q LEFT JOIN payee y ON y.partner_id = q.id WHERE q.id = {partner})"
    ))
}

pub fn payee_find(partner: &PartnerId) -> Query<PayeeRow> {
    let select = format!("SELECT {COLUMNS}, {PLATFORM} AS platform_country FROM payee WHERE partner_id = ?1");
    Stmt::new(select).bind(partner).query()
}

/// Assigns a connected account to a partner. A partner has one; the table refuses a second.
pub fn payee_insert(partner: &PartnerId, state: &Payability, at: UtcMillis) -> Stmt {
    let insert = format!("INSERT INTO payee ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    Stmt::new(insert)
        .bind(partner)
        .bind(&state.stripe_account_id)
        .bind(state.country.clone())
        .bind(state.default_currency.clone())
        .bind(state.transfers_active)
        .bind(state.payouts_enabled)
        .json(&state.currently_due)
        .bind(state.disabled_reason.clone())
        .bind(at)
}

/// Accounts that money cannot reach yet, those with the oldest news first.
pub fn payee_waiting(limit: i64) -> Query<PayeeRow> {
    Stmt::new(format!(
        "SELECT {COLUMNS}, NULL AS platform_country FROM payee WHERE transfers_active = 0 OR payouts_enabled = 0 ORDER BY updated_at_ms, partner_id LIMIT ?1"
    ))
    .bind(limit)
    .query()
}

/// The partner that a connected account is.
#[derive(Clone, Debug, Deserialize)]
pub struct PayeePartner {
    pub partner_id: PartnerId,
}

/// Stores what Stripe reports about an account, unless newer news is stored. Returns the partner whose account it is.
pub fn payee_update(state: &Payability, at: UtcMillis) -> Query<PayeePartner> {
    Stmt::new(
        "UPDATE payee SET
           country = IIF(?8 >= updated_at_ms, ?2, country), currency = IIF(?8 >= updated_at_ms, ?3, currency),
           transfers_active = IIF(?8 >= updated_at_ms, ?4, transfers_active),
           payouts_enabled = IIF(?8 >= updated_at_ms, ?5, payouts_enabled),
           currently_due = IIF(?8 >= updated_at_ms, ?6, currently_due),
           disabled_reason = IIF(?8 >= updated_at_ms, ?7, disabled_reason), updated_at_ms = MAX(?8, updated_at_ms)
         WHERE stripe_account_id = ?1 RETURNING partner_id",
    )
    .bind(&state.stripe_account_id)
    .bind(state.country.clone())
    .bind(state.default_currency.clone())
    .bind(state.transfers_active)
    .bind(state.payouts_enabled)
    .json(&state.currently_due)
    .bind(state.disabled_reason.clone())
    .bind(at)
    .query()
}
