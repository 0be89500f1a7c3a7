//! A run's payouts: planned when it closes, and the approval that lets them be sent.

use crate::base::ids::{ActorId, RunId};
use crate::base::time::UtcMillis;
use crate::engine::ledger::account::{LedgerAccountKind, TransferCode};
use crate::store::ledger::account::AccountColumns;
use crate::store::partner::standing::is_active;
use crate::store::payout::accruals::payout_accrual_plan;
use crate::store::payout::payee::{reachable, ready};
use crate::store::port::Stmt;
use crate::store::query::Query;
use crate::store::settlement::page::PartnerPage;
use crate::store::settlement::run::RunRow;
use serde::Deserialize;

/// Plans a payout for each of the run's statements in a page with a payable cash amount for a partner who can be paid,
/// and reminds the others. The amount is set aside at once, so a second plan cannot count on it.
pub fn payout_plan(
    run: &RunRow,
    page: &PartnerPage,
    (minimum_cents, delay_days): (i64, i64),
    now: UtcMillis,
) -> Vec<Stmt> {
    let due = format!(
        "s.run_id = ?1 AND s.partner_id > ?2 AND s.partner_id <= ?3 AND s.payable_cents > 0 AND s.unit LIKE 'cash:%' AND {}",
        is_active("s.partner_id")
    );
    let id = "'po_' || substr(s.run_id, instr(s.run_id, '_') + 1) || '_' || substr(s.partner_id, instr(s.partner_id, '_') + 1) || '_' || substr(s.unit, 6)";
    let columns = AccountColumns::of("p");
    let ready = ready();
    let reachable = reachable("s.partner_id");
    let of_run = |sql: String| page.of(&run.id, sql).bind(now);
    let planned = vec![
        // Ids follow from the facts, so that every invocation creates the same plan.
        of_run(format!(
            "INSERT INTO payout (id, run_id, program_id, partner_id, unit, currency, planned_cents, amount_cents, minimum_cents, reserved_id,
               destination, state, due_at_ms, reason, revision, created_at_ms)
             SELECT {id}, s.run_id, ?5, s.partner_id, s.unit, substr(s.unit, 6), s.payable_cents, s.payable_cents, CAST(?6 AS INTEGER),
                    {id} || '.pending', y.stripe_account_id, 'planned', ?4, 'planned', 1, ?4
             FROM run_partner s CROSS JOIN payee y ON y.partner_id = s.partner_id WHERE {due} AND {ready}"
        ))
        .bind(&run.program_id)
        .bind(minimum_cents),
    ];
    let others = vec![
        page.of(&run.id, columns.ensure(LedgerAccountKind::Cash, &format!("payout p WHERE {OF_PAGE}"))),
        of_run(format!(
            "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, run_id, reason, created_at_ms)
             SELECT p.id || '.pending', '{}', 'pending', {}, p.amount_cents, p.program_id, p.run_id, 'planned', ?4
             FROM payout p WHERE {OF_PAGE}",
            TransferCode::Payout.name(),
            columns.moved(TransferCode::Payout),
        )),
        of_run(format!(
            "INSERT INTO outbox (id, kind, program_id, partner_id, payload, state, created_at_ms)
             SELECT 'payout.onboarding:' || s.run_id || ':' || s.partner_id, 'payout.onboarding', ?5, s.partner_id,
                    json_object('amount_cents', s.payable_cents, 'unit', s.unit, 'period', ?6,
                      'due', json(COALESCE((SELECT y.currently_due FROM payee y WHERE y.partner_id = s.partner_id), '[]'))), 'queued', ?4
             FROM run_partner s WHERE {due} AND NOT EXISTS (SELECT 1 FROM payee y WHERE y.partner_id = s.partner_id AND {ready}) AND {reachable}
             ON CONFLICT (id) DO NOTHING"
        ))
        .bind(&run.program_id)
        .bind(&run.period),
    ];
    planned.into_iter().chain(payout_accrual_plan(run, page, delay_days)).chain(others).collect()
}

/// The run's payouts in the page.
const OF_PAGE: &str = "p.run_id = ?1 AND p.partner_id > ?2 AND p.partner_id <= ?3";

/// Asks the operators to approve a run's payouts, once all are planned, unless `approval` says that they need not.
pub fn approval_notice(run: &RunRow, approval: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO outbox (id, kind, program_id, payload, state, created_at_ms)
         SELECT 'payout.approval:' || ?1, 'payout.approval', p.program_id,
                json_object('run', ?1, 'payouts', COUNT(*), 'amount_cents', SUM(p.amount_cents), 'unit', p.unit, 'period', ?4), 'queued', ?2
         FROM payout p WHERE p.run_id = ?1 AND ?3 <> 'automatic'
           AND (?3 = 'manual' OR NOT EXISTS (SELECT 1 FROM payout_approval a WHERE a.program_id = p.program_id))
         GROUP BY p.program_id, p.unit ON CONFLICT (id) DO NOTHING",
    )
    .bind(&run.id)
    .bind(now)
    .bind(approval)
    .bind(&run.period)
}

#[derive(Clone, Debug, Deserialize)]
pub struct ApprovalRow {
    pub run_id: RunId,
    pub actor: ActorId,
    pub reason: Option<String>,
    pub at_ms: UtcMillis,
}

/// The run's own approval, otherwise, with `until_first`, the first one of its program before it was planned.
pub fn approval_find(run: &RunId, approval: &str) -> Query<ApprovalRow> {
    Stmt::new(
        "SELECT a.run_id, a.actor, a.reason, a.at_ms FROM payout_approval a JOIN run r ON r.id = ?1
         WHERE a.run_id = r.id OR (?2 = 'until_first' AND a.program_id = r.program_id AND a.at_ms <= r.finished_at_ms)
         ORDER BY a.run_id = r.id DESC, a.at_ms LIMIT 1",
    )
    .bind(run)
    .bind(approval)
    .query()
}

/// Approves a run's payouts. If two requests do so at once, the second aborts and finds the first one's approval.
pub fn approval_insert(run: &RunRow, actor: &ActorId, reason: Option<&str>, now: UtcMillis) -> Stmt {
    Stmt::new("INSERT INTO payout_approval (run_id, program_id, actor, reason, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(&run.id)
        .bind(&run.program_id)
        .bind(actor)
        .bind(reason)
        .bind(now)
}
