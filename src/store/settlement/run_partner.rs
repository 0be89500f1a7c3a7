//! Partners' statements: what a run settled for each, and what is payable after it.

use crate::base::ids::{PartnerId, RunId};
use crate::store::accrual::payment::immature_cents;
use crate::store::payout::payee::reachable;
use crate::store::payout::rounding::whole;
use crate::store::port::Stmt;
use crate::store::query::Query;
use crate::store::settlement::page::PartnerPage;
use crate::store::settlement::run::RunRow;
use serde::{Deserialize, Serialize};

/// One partner's statement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunPartner {
    pub partner_id: PartnerId,
    pub unit: String,
    pub settled_cents: i64,
    pub pending_cents: i64,
    pub available_cents: i64,
    pub payable_cents: i64,
}

pub fn run_partner_page(id: &RunId, after: &str, limit: i64) -> Query<RunPartner> {
    Stmt::new(
        "SELECT partner_id, unit, settled_cents, pending_cents, available_cents, payable_cents FROM run_partner
         WHERE run_id = ?1 AND partner_id > ?2 ORDER BY partner_id, unit LIMIT ?3",
    )
    .bind(id)
    .bind(after)
    .bind(limit)
    .query()
}

/// The statements of a page of the program's partners, as of the end of the run. Payable is what is available and mature
/// (vested `delay_days` before the run, neither held nor disputed, or taken by a payout). Of cash, what Stripe can't move
/// is carried.
///
/// What vested for a partner is in one ledger row of the run for each page of its plan, and their ids begin with run,
/// partner and unit ('/' follows '.'). Without statistics SQLite would look for grants through all items of the run.
pub fn run_partner_insert(run: &RunRow, page: &PartnerPage, minimum_cents: i64, delay_days: i64) -> Stmt {
    let vested = "?4 || '.' || b.partner_id || '.' || b.unit";
    page.of(&run.program_id, format!(
        "INSERT INTO run_partner (run_id, partner_id, unit, settled_cents, pending_cents, available_cents, payable_cents, is_reachable)
         SELECT ?4, s.partner_id, unit, settled, pending, available, IIF(payable > 0 AND payable >= CAST(?5 AS INTEGER), payable, 0), {}
         FROM (SELECT *, IIF(unit GLOB 'cash:*', {}, mature) AS payable FROM (
           SELECT b.partner_id, b.unit, b.pending, b.available, b.available - ({}) AS mature,
             (SELECT COALESCE(SUM(t.amount_cents), 0) FROM transfer t WHERE t.id > {vested} || '.' AND t.id < {vested} || '/')
               + (SELECT COALESCE(SUM(i.posted_cents), 0) FROM run_item i INDEXED BY run_item_granted WHERE i.run_id = ?4 AND i.partner_id = b.partner_id AND i.kind = 'grant' AND i.unit = b.unit) AS settled
           FROM (SELECT l.partner_id, l.unit, SUM(IIF(l.kind = 'pending', l.cr_posted_cents - l.dr_posted_cents, 0)) AS pending,
                        SUM(IIF(l.kind = 'available', l.cr_posted_cents - l.dr_posted_cents - l.dr_pending_cents, 0)) AS available
                 FROM partner p CROSS JOIN ledger_account l ON l.partner_id = p.id AND l.partner_id <> ''
                 WHERE p.program_id = ?1 AND p.id > ?2 AND p.id <= ?3 AND l.program_id = ?1 GROUP BY l.partner_id, l.unit) b)) s",
        reachable("s.partner_id"),
        whole("mature", "substr(unit, 6)"),
        immature_cents("?1", "b.partner_id", "b.unit", "?6")
    ))
    .bind(&run.id)
    .bind(minimum_cents)
    .bind(run.as_of_ms.plus_days(-delay_days))
}
