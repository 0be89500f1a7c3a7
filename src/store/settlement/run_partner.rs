//! Partners' statements: what a run settled for each, and what is payable after it.

use crate::base::ids::{PartnerId, RunId};
use crate::store::accrual::payment::immature;
use crate::store::payout::payee::reachable;
use crate::store::payout::rounding::whole;
use crate::store::port::Stmt;
use crate::store::query::Query;
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

/// The statement of every partner of the program, as of the end of the run. Payable is what is available and mature (vested
/// `delay_days` before the run, neither held nor disputed, or taken by a payout). Of cash, what Stripe can't move is carried.
pub fn run_partner_insert(run: &RunRow, minimum_cents: i64, delay_days: i64) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO run_partner (run_id, partner_id, unit, settled_cents, pending_cents, available_cents, payable_cents, is_reachable)
         SELECT ?1, s.partner_id, unit, settled, pending, available, IIF(payable > 0 AND payable >= CAST(?3 AS INTEGER), payable, 0), {}
         FROM (SELECT *, IIF(unit GLOB 'cash:*', {}, mature) AS payable FROM (SELECT b.partner_id, b.unit, COALESCE(s.cents, 0) AS settled, b.pending, b.available, b.available - COALESCE(u.cents, 0) AS mature
         FROM (SELECT partner_id, unit, SUM(IIF(kind = 'pending', cr_posted_cents - dr_posted_cents, 0)) AS pending,
                      SUM(IIF(kind = 'available', cr_posted_cents - dr_posted_cents - dr_pending_cents, 0)) AS available
               FROM ledger_account WHERE program_id = ?2 AND partner_id <> '' GROUP BY partner_id, unit) b
         LEFT JOIN (SELECT partner_id, unit, SUM(posted_cents) AS cents FROM run_item WHERE run_id = ?1 GROUP BY partner_id, unit) s
           ON s.partner_id = b.partner_id AND s.unit = b.unit
         LEFT JOIN (SELECT partner_id, unit, SUM(MAX(0, net_cents - payout_cents)) AS cents FROM accrual a
                    WHERE program_id = ?2 AND balance = 'available' AND {}
                    GROUP BY partner_id, unit) u
           ON u.partner_id = b.partner_id AND u.unit = b.unit)) s",
        reachable("s.partner_id"),
        whole("mature", "substr(unit, 6)"),
        immature("a", "?4")
    ))
    .bind(&run.id)
    .bind(&run.program_id)
    .bind(minimum_cents)
    .bind(run.as_of_ms.plus_days(-delay_days))
}
