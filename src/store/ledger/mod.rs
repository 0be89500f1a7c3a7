//! The ledger: append-only transfers, the resulting balances, and the checks that must never fail.

pub mod account;
pub mod budget;
pub mod seal;

use crate::base::ids::{AccrualId, ActorId, EventId, PartnerId, ProgramId, RunId};
use crate::base::sort::sort;
use crate::base::time::UtcMillis;
use crate::engine::ledger::account::LedgerAccountKind;
use crate::engine::ledger::posting::Transfer;
use crate::store::port::{GIVEN, Stmt, json_pages};
use crate::store::query::Query;
use serde::{Deserialize, Serialize};

/// Makes the accounts that transfers name, where they do not exist.
pub fn ledger_accounts_ensure(transfers: &[Transfer]) -> Stmt {
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Account<'a> {
        id: String,
        program: &'a ProgramId,
        unit: &'a str,
        kind: LedgerAccountKind,
        partner: &'a PartnerId,
    }
    let mut accounts: Vec<Account> = transfers
        .iter()
        .flat_map(|t| [&t.debit, &t.credit])
        .map(|a| Account { id: a.to_string(), program: &a.program, unit: &a.unit, kind: a.kind, partner: &a.partner })
        .collect();
    sort(&mut accounts);
    accounts.dedup();
    Stmt::new(format!(
        "{GIVEN} INSERT INTO ledger_account (id, program_id, unit, kind, partner_id)
         SELECT row ->> '$.id', row ->> '$.program', row ->> '$.unit', row ->> '$.kind', row ->> '$.partner'
         FROM given WHERE NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.id = row ->> '$.id')",
    ))
    .json(&accounts)
}

pub fn transfer_insert(transfers: &[Transfer], now: UtcMillis) -> Vec<Stmt> {
    let sql = format!("{GIVEN} {TRANSFER_INSERT}");
    json_pages(transfers).into_iter().map(|page| Stmt::new(sql.clone()).bind(page).bind(now)).collect()
}

const TRANSFER_INSERT: &str =
        "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, reason, created_at_ms)
         SELECT row ->> '$.id', row ->> '$.accrual_id', row ->> '$.code', 'single', row ->> '$.debit', row ->> '$.credit',
                row ->> '$.amount_cents', row ->> '$.program_id', row ->> '$.event_id', row ->> '$.reason', ?2
         FROM given";

/// Money that an operator added.
pub fn fund_insert(transfer: &Transfer, actor: &ActorId, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, actor, reason, created_at_ms)
         VALUES (?1, ?9, 'single', ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(&transfer.id)
    .bind(transfer.debit.to_string())
    .bind(transfer.credit.to_string())
    .bind(transfer.amount_cents.0)
    .bind(&transfer.program_id)
    .bind(actor)
    .bind(&transfer.reason)
    .bind(now)
    .bind(transfer.code.name())
}

/// What a check of the ledger found wrong.
#[derive(Clone, Debug, Deserialize)]
pub struct FailedCheck {
    pub what: String,
}

pub fn failed_checks() -> Query<FailedCheck> {
    Stmt::new(
        "SELECT what FROM ledger_check UNION ALL SELECT what FROM payout_check UNION ALL SELECT what FROM credit_check UNION ALL SELECT what FROM adjustment_check
         LIMIT 1000",
    )
    .query()
}

/// One ledger row, newest last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferRow {
    pub id: String,
    pub accrual_id: Option<AccrualId>,
    pub code: String,
    pub phase: String,
    pub debit: String,
    pub credit: String,
    pub amount_cents: i64,
    pub program_id: ProgramId,
    pub event_id: Option<EventId>,
    pub run_id: Option<RunId>,
    pub actor: Option<ActorId>,
    pub reason: String,
    pub created_at_ms: UtcMillis,
    #[serde(skip_serializing)]
    pub row: i64,
}

/// Rows after the cursor, in the order in which they were written.
pub fn transfer_page(after: i64, limit: i64) -> Query<TransferRow> {
    Stmt::new(
        "SELECT rowid AS row, id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, run_id, actor, reason, created_at_ms
         FROM transfer WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
    )
    .bind(after)
    .bind(limit)
    .query()
}

/// A partner's balance in one unit, in cents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BalanceRow {
    pub unit: String,
    pub pending_cents: i64,
    pub available_cents: i64,
    /// Set aside for outbound transfers; not part of any other figure.
    pub leaving_cents: i64,
    pub paid_cents: i64,
    /// Credit that was used: redeemed or delivered.
    pub redeemed_cents: i64,
}

/// Pending, available (negative if carried forward), paid and redeemed, by unit.
pub fn balance_list(partner: &PartnerId) -> Query<BalanceRow> {
    Stmt::new(
        "SELECT unit,
           SUM(IIF(kind = 'pending', cr_posted_cents - dr_posted_cents, 0)) AS pending_cents,
           SUM(IIF(kind = 'available', cr_posted_cents - dr_posted_cents - dr_pending_cents, 0)) AS available_cents,
           SUM(IIF(kind = 'available', dr_pending_cents, 0)) AS leaving_cents,
           SUM(IIF(kind = 'redeemed', cr_posted_cents - dr_posted_cents, 0)) AS redeemed_cents,
           SUM(IIF(kind = 'available',
             (SELECT COALESCE(SUM(t.amount_cents), 0) FROM transfer t
               WHERE t.accrual_id IS NULL AND t.debit = a.id AND t.code = 'payout' AND t.phase IN ('single', 'post'))
             - (SELECT COALESCE(SUM(t.amount_cents), 0) FROM transfer t
               WHERE t.accrual_id IS NULL AND t.credit = a.id AND t.code = 'payout_return'), 0)) AS paid_cents
         FROM ledger_account a WHERE partner_id = ?1 AND partner_id <> '' GROUP BY unit ORDER BY unit",
    )
    .bind(partner)
    .query()
}
