//! The accruals that payouts take, and what changed since they were planned.

use crate::base::ids::{AccountId, AccrualId, EventId, PartnerId, PayoutId, RunId};
use crate::engine::accrual::payment::ShownAccrual;
use crate::store::account::LINE_COLUMNS;
use crate::store::accrual::payment::payment_columns;
use crate::store::payout::accruals::{left, owed};
use crate::store::port::Stmt;
use crate::store::query::{Parsed, Query};
use serde::Deserialize;

/// How much of an accrual a payout takes. Negative: an earlier payout took more than is left of it.
#[derive(Clone, Debug, Deserialize)]
pub struct PayoutShare {
    pub accrual_id: AccrualId,
    pub planned_cents: i64,
    pub amount_cents: i64,
    pub returned_cents: i64,
}

/// The accruals of a payout after the cursor (an accrual). `partner`: of this partner alone, unless empty.
pub fn payout_accrual_page(
    payout: &PayoutId,
    partner: &PartnerId,
    after: &str,
    limit: i64,
) -> Parsed<Vec<(PayoutShare, ShownAccrual)>> {
    Stmt::new(format!(
        "SELECT {LINE_COLUMNS}, {}, l.accrual_id, l.planned_cents, l.amount_cents, l.returned_cents
         FROM (SELECT accrual_id, planned_cents, amount_cents, returned_cents FROM payout_accrual WHERE payout_id = ?1 AND accrual_id > ?3) l
         CROSS JOIN accrual ON accrual.id = l.accrual_id WHERE ?2 = '' OR accrual.partner_id = ?2 ORDER BY l.accrual_id LIMIT ?4",
        payment_columns()
    ))
    .bind(payout)
    .bind(partner)
    .bind(after)
    .bind(limit)
    .parsed(|rows| {
        let shares = rows.clone().take()?;
        Ok(std::iter::zip::<Vec<PayoutShare>, Vec<ShownAccrual>>(shares, rows.decode_pairs()?).collect())
    })
}

/// What a payout includes that no accrual explains.
pub fn payout_other(payout: &PayoutId) -> Query<PayoutShare> {
    Stmt::new(
        "SELECT accrual_id, planned_cents, amount_cents, returned_cents FROM payout_accrual WHERE payout_id = ?1 AND accrual_id = ''",
    )
    .bind(payout)
    .query()
}

/// One accrual of which a payout takes less than was planned, and why.
#[derive(Clone, Debug, Deserialize)]
pub struct PayoutChange {
    pub payout_id: PayoutId,
    pub partner_id: PartnerId,
    pub unit: String,
    /// Empty: what no accrual explains.
    pub accrual_id: AccrualId,
    pub account_id: Option<AccountId>,
    pub invoice_id: Option<String>,
    /// `reversed`, `disputed`, `held`, `owed` or `rounded`.
    pub change: String,
    /// The event that reversed it.
    pub event_id: Option<EventId>,
    pub event_type: Option<String>,
    pub planned_cents: i64,
    pub amount_cents: i64,
}

/// What changed of one payout.
pub fn payout_change_list(payout: &PayoutId, partner: &PartnerId, limit: i64) -> Query<PayoutChange> {
    changes("p.id = ?1 AND (?2 = '' OR p.partner_id = ?2)")
        .bind(payout)
        .bind(partner)
        .bind("")
        .bind("")
        .bind(limit)
        .query()
}

/// What changed of a run's payouts, after the cursor (payout, accrual).
pub fn run_change_page(run: &RunId, (payout, accrual): (&str, &str), limit: i64) -> Query<PayoutChange> {
    changes("p.run_id = ?1 AND ?2 = ''").bind(run).bind("").bind(payout).bind(accrual).bind(limit).query()
}

/// What was taken off is stored. Of a payout that was not sent, what would be taken off now is added.
fn changes(of: &str) -> Stmt {
    Stmt::new(format!(
        "WITH {owed},
         changed AS (
           SELECT u.payout_id, u.accrual_id, u.planned_cents, u.allowed_cents AS amount_cents, u.change, u.event_id
           FROM payout p JOIN payout_unsent u ON u.payout_id = p.id WHERE {of} AND u.allowed_cents < u.amount_cents
           UNION ALL SELECT l.payout_id, l.accrual_id, l.planned_cents, l.amount_cents, l.change, l.event_id
           FROM payout p CROSS JOIN payout_accrual l ON l.payout_id = p.id WHERE {of} AND l.change IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM payout_unsent u WHERE u.payout_id = l.payout_id AND u.accrual_id = l.accrual_id AND u.allowed_cents < u.amount_cents)
           UNION ALL SELECT payout_id, accrual_id, 0, cents, 'owed', event_id FROM owed)
         SELECT c.*, p.partner_id, p.unit, a.account_id, e.invoice_id, (SELECT x.type FROM event x WHERE x.id = c.event_id) AS event_type
         FROM (SELECT * FROM changed WHERE (payout_id, accrual_id) > (?3, ?4) ORDER BY payout_id, accrual_id LIMIT ?5) c
         CROSS JOIN payout p ON p.id = c.payout_id LEFT JOIN accrual a ON a.id = c.accrual_id LEFT JOIN event e ON e.id = a.event_id
         ORDER BY c.payout_id, c.accrual_id",
        owed = owed(&format!("p.state = 'planned' AND {of}"))
    ))
}

/// What would be sent of payouts that were not sent, by unit.
#[derive(Clone, Debug, Deserialize)]
pub struct UnsentSum {
    pub unit: String,
    pub payouts: i64,
    pub planned_cents: i64,
    pub amount_cents: i64,
}

/// Payouts on hold are not sent.
pub fn run_unsent_sums(run: &RunId) -> Query<UnsentSum> {
    unsent("p.run_id = ?1 AND p.held = 0").bind(run).query()
}

pub fn payout_unsent_sum(payout: &PayoutId) -> Query<UnsentSum> {
    unsent("p.id = ?1").bind(payout).query()
}

fn unsent(of: &str) -> Stmt {
    Stmt::new(format!(
        "SELECT unit, COUNT(*) AS payouts, SUM(planned_cents) AS planned_cents, SUM({}) AS amount_cents
         FROM payout p WHERE {of} AND p.state = 'planned' GROUP BY unit ORDER BY unit",
        left()
    ))
}

/// What would be sent of one payout.
#[derive(Clone, Debug, Deserialize)]
pub struct PayoutLeft {
    pub id: PayoutId,
    pub left_cents: i64,
}

/// What would be sent of a partner's payouts that were not sent.
pub fn payout_left_list(partner: &PartnerId) -> Query<PayoutLeft> {
    Stmt::new(format!(
        "SELECT p.id, {} AS left_cents FROM payout p WHERE p.partner_id = ?1 AND p.state = 'planned'",
        left()
    ))
    .bind(partner)
    .query()
}
