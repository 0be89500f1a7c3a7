//! Transfers that Stripe reports and no payout has (`migrations/0009_connect.sql`).

use crate::base::ids::{PartnerId, PayoutId};
use crate::base::time::UtcMillis;
use crate::engine::payout::StripeObject;
use crate::store::payout::LOOK_FIRST;
use crate::store::port::Stmt;
use crate::store::query::{Query, counted};
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct UnexpectedTransfer {
    pub id: String,
    pub transfer_group: String,
    pub destination: String,
    pub currency: String,
    pub amount_cents: i64,
    pub made_at_ms: UtcMillis,
    /// When an operator dealt with it.
    pub acknowledged_at_ms: Option<UtcMillis>,
    /// Whose account it went to.
    pub partner_id: Option<PartnerId>,
    /// The payout that the group names, if there is one.
    pub payout_id: Option<PayoutId>,
}

const PARTNER: &str = "COALESCE((SELECT y.partner_id FROM payee y WHERE y.stripe_account_id = t.destination),
   (SELECT c.partner_id FROM payee_closed c WHERE c.stripe_account_id = t.destination))";

fn select(from: &str) -> String {
    format!(
        "SELECT t.id, t.transfer_group, t.destination, t.currency, t.amount_cents, t.made_at_ms, t.acknowledged_at_ms, {PARTNER} AS partner_id,
           (SELECT p.id FROM payout p WHERE p.id = t.transfer_group) AS payout_id FROM {from} t"
    )
}

/// What became of a report.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Noted {
    /// 1 unless a payout whose outcome is not known yet may have made it, or an operator has dealt with it.
    pub unexpected: i64,
}

/// Stores a transfer to a partner's account, or with the prefix of our payouts as its group, unless a payout has it.
/// Returns nothing if it is known or not ours.
pub fn transfer_note(made: &StripeObject, group: &str) -> Query<Noted> {
    Stmt::new(format!(
        "INSERT INTO reported_transfer (id, transfer_group, destination, currency, amount_cents, made_at_ms)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM payout p WHERE p.transfer_id = ?1)
           AND (substr(?2, 1, 3) = 'po_' OR EXISTS (SELECT 1 FROM payee WHERE stripe_account_id = ?3)
             OR EXISTS (SELECT 1 FROM payee_closed WHERE stripe_account_id = ?3))
         ON CONFLICT (id) DO UPDATE SET made_at_ms = made_at_ms
         RETURNING NOT EXISTS (SELECT 1 FROM payout p WHERE p.id = ?2 AND p.destination = ?3
           AND (p.attempt > 0 OR {LOOK_FIRST}) AND p.state IN ('planned', 'submitting')) AND acknowledged_at_ms IS NULL AS unexpected",
    ))
    .bind(&made.id)
    .bind(group)
    .bind(&made.target)
    .bind(&made.currency)
    .bind(made.amount_cents)
    .bind(made.at)
    .query()
}

/// Oldest first, after the cursor (instant, id).
pub fn unexpected_page(after_ms: i64, after_id: &str, limit: i64) -> Query<UnexpectedTransfer> {
    let select = select("unexpected_transfer");
    Stmt::new(format!(
        "{select} WHERE t.made_at_ms > ?1 OR (t.made_at_ms = ?1 AND t.id > ?2) ORDER BY t.made_at_ms, t.id LIMIT ?3"
    ))
    .bind(after_ms)
    .bind(after_id)
    .bind(limit)
    .query()
}

/// One that was reported, whether or not it is still unexpected.
pub fn reported_find(id: &str) -> Query<UnexpectedTransfer> {
    Stmt::new(format!("{} WHERE t.id = ?1", select("reported_transfer"))).bind(id).query()
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct UnexpectedCount {
    pub unexpected: i64,
}

pub fn unexpected_count() -> Query<UnexpectedCount> {
    Stmt::new(format!("SELECT COUNT(*) AS unexpected FROM {}", counted("1 FROM unexpected_transfer"))).query()
}

pub fn transfer_acknowledge(id: &str, actor: &str, reason: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE reported_transfer SET acknowledged_at_ms = ?2, acknowledged_by = ?3, acknowledged_reason = ?4
         WHERE id = ?1 AND acknowledged_at_ms IS NULL",
    )
    .bind(id)
    .bind(now)
    .bind(actor)
    .bind(reason)
}

/// Queues a message about each of them, once. The account may be no partner's: then the first program's operators get it.
pub fn unexpected_notice(now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO outbox (id, kind, program_id, payload, state, created_at_ms)
         SELECT 'transfer.unexpected:' || t.id, 'transfer.unexpected',
                COALESCE((SELECT q.program_id FROM partner q WHERE q.id = {PARTNER}), (SELECT MIN(v.program_id) FROM program_version v), ''),
                json_object('transfer', t.id, 'amount_cents', t.amount_cents, 'unit', 'cash:' || t.currency,
                  'destination', t.destination, 'payout', t.transfer_group), 'queued', ?1
         FROM unexpected_transfer t WHERE true ON CONFLICT (id) DO NOTHING"
    ))
    .bind(now)
}
