//! Credit that the application uses, and what it gives back: rows, ledger, and the balance to redeem.

use crate::base::ids::{ActorId, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::ledger::account::{LedgerAccountKind, TransferCode};
use crate::store::ledger::account::AccountColumns;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::{Deserialize, Serialize};

/// A redemption with the amount that was given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    pub id: String,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub unit: String,
    pub amount_cents: i64,
    pub returned_cents: i64,
    pub reason: String,
    pub actor: ActorId,
    pub created_at_ms: UtcMillis,
}

const REDEMPTION: &str = "SELECT r.id, r.program_id, r.partner_id, r.unit, r.amount_cents, r.reason, r.actor, r.created_at_ms,
    (SELECT COALESCE(SUM(v.amount_cents), 0) FROM redemption_return v WHERE v.redemption_id = r.id) AS returned_cents FROM redemption r";

/// A partner's credit in one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditRow {
    pub unit: String,
    pub pending_cents: i64,
    pub available_cents: i64,
    /// The part of the available credit that is held by a review or a dispute.
    pub frozen_cents: i64,
    pub redeemed_cents: i64,
}

/// A partner's credit, by unit.
pub fn credit_list(partner: &PartnerId) -> Query<CreditRow> {
    Stmt::new(
        "SELECT a.unit, SUM(IIF(a.kind = 'pending', a.cr_posted_cents - a.dr_posted_cents, 0)) AS pending_cents,
           SUM(IIF(a.kind = 'available', a.cr_posted_cents - a.dr_posted_cents - a.dr_pending_cents, 0)) AS available_cents,
           SUM(IIF(a.kind = 'redeemed', a.cr_posted_cents - a.dr_posted_cents, 0)) AS redeemed_cents,
           (SELECT COALESCE(SUM(l.net_cents), 0) FROM accrual l WHERE l.partner_id = ?1 AND l.unit = a.unit AND l.balance = 'available'
             AND l.state <> 'available' AND l.state IN ('held', 'disputed')) AS frozen_cents
         FROM ledger_account a WHERE a.partner_id = ?1 AND substr(a.unit, 1, 7) = 'credit:' GROUP BY a.unit ORDER BY a.unit",
    )
    .bind(partner)
    .query()
}

pub fn redemption_find(id: &str) -> Query<Redemption> {
    Stmt::new(format!("{REDEMPTION} WHERE r.id = ?1")).bind(id).query()
}

/// A partner's redemptions before the cursor (instant, id), newest first.
pub fn redemption_page(partner: &PartnerId, before_ms: i64, before_id: &str, limit: i64) -> Query<Redemption> {
    Stmt::new(format!(
        "{REDEMPTION} WHERE r.partner_id = ?1 AND (r.created_at_ms < ?2 OR (r.created_at_ms = ?2 AND r.id < ?3))
         ORDER BY r.created_at_ms DESC, r.id DESC LIMIT ?4"
    ))
    .bind(partner)
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .query()
}

/// Stores a redemption with its ledger row. Redeeming more than the balance aborts the batch.
pub fn redemption_insert(r: &Redemption) -> Vec<Stmt> {
    let row = Stmt::new(
        "INSERT INTO redemption (id, program_id, partner_id, unit, amount_cents, reason, actor, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(&r.id)
    .bind(&r.program_id)
    .bind(&r.partner_id)
    .bind(&r.unit)
    .bind(r.amount_cents)
    .bind(&r.reason)
    .bind(&r.actor)
    .bind(r.created_at_ms);
    let columns = AccountColumns::of("r");
    let account = Stmt::new(columns.ensure(LedgerAccountKind::Redeemed, "redemption r WHERE r.id = ?1"));
    let transfer = Stmt::new(format!(
        "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, actor, reason, created_at_ms)
         SELECT r.id, '{}', 'single', {}, r.amount_cents, r.program_id, r.actor, r.reason, r.created_at_ms
         FROM redemption r WHERE r.id = ?1",
        TransferCode::Redeem.name(),
        columns.moved(TransferCode::Redeem),
    ));
    vec![row, account.bind(&r.id), transfer.bind(&r.id)]
}

/// A part of a redemption that is given back.
#[derive(Clone, Debug)]
pub struct RedemptionReversal<'a> {
    pub id: &'a str,
    pub redemption: &'a str,
    pub amount_cents: i64,
    pub reason: &'a str,
    pub actor: &'a ActorId,
}

/// Gives credit back, with its ledger row. More than is left of the redemption aborts the batch.
pub fn return_insert(r: &RedemptionReversal, now: UtcMillis) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO redemption_return (id, redemption_id, amount_cents, reason, actor, created_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(r.id)
        .bind(r.redemption)
        .bind(r.amount_cents)
        .bind(r.reason)
        .bind(r.actor)
        .bind(now),
        Stmt::new(format!(
            "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, actor, reason, created_at_ms)
             SELECT v.id, '{}', 'single', {}, v.amount_cents, r.program_id, v.actor, v.reason, v.created_at_ms
             FROM redemption_return v JOIN redemption r ON r.id = v.redemption_id WHERE v.id = ?1",
            TransferCode::RedeemReturn.name(),
            AccountColumns::of("r").moved(TransferCode::RedeemReturn),
        ))
        .bind(r.id),
    ]
}
