//! Partners' accounts at Stripe that are gone.

use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::engine::payout::OutboundTransfer;
use crate::engine::payout::payee::CloseReason;
use crate::store::payout::payee::PayeePartner;
use crate::store::payout::{LOOK_FIRST, PAYOUT};
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
           AND p.destination = ?1 AND p.state = 'planned' AND p.attempt = 0 AND NOT {LOOK_FIRST} ORDER BY p.id LIMIT {CARRIED_MAX}"
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
