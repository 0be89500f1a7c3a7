//! Reward budgets: their balances, and the rewards that wait.

use crate::base::ids::{AccountId, ProgramId};
use crate::engine::accrual::Accrual;
use crate::engine::accrual::milestone::RewardBudget;
use crate::store::account::{AccountRow, LINE_COLUMNS};
use crate::store::port::{DbError, GIVEN, Rows, Stmt};
use crate::store::query::{Parsed, Query};
use serde::Deserialize;

/// A budget with the revision at which it was read.
#[derive(Clone, Debug)]
pub struct BudgetRow {
    pub budget: RewardBudget,
    pub revision: i64,
}

/// Every program's budget.
pub fn budget_list() -> Parsed<Vec<BudgetRow>> {
    Stmt::new(
        "SELECT v.program_id, COALESCE((SELECT revision FROM reward_budget p WHERE p.program_id = v.program_id), 0) AS revision,
                COALESCE((SELECT SUM(cr_posted_cents - dr_posted_cents) FROM ledger_account a
                  WHERE a.program_id = v.program_id AND a.kind = 'budget'), 0) AS balance_cents,
                (SELECT COUNT(*) FROM accrual l WHERE l.program_id = v.program_id AND l.state = 'waiting') AS waiting
         FROM (SELECT DISTINCT program_id FROM program_version) v",
    )
    .parsed(budgets)
}

fn budgets(rows: Rows) -> Result<Vec<BudgetRow>, DbError> {
    #[derive(Deserialize)]
    struct Revision {
        revision: i64,
    }
    let rows = rows.decode_pairs::<RewardBudget, Revision>()?;
    Ok(rows.into_iter().map(|(budget, at)| BudgetRow { budget, revision: at.revision }).collect())
}

/// How often a program's budget was funded.
#[derive(Clone, Debug, Deserialize)]
pub struct BudgetFundings {
    pub fundings: i64,
}

/// How often a program's budget was funded.
pub fn budget_fundings(program: &ProgramId) -> Query<BudgetFundings> {
    Stmt::new(
        "SELECT COUNT(*) AS fundings FROM ledger_account a JOIN transfer t ON t.accrual_id IS NULL AND t.credit = a.id AND t.code = 'fund'
         WHERE a.program_id = ?1 AND a.kind = 'budget'",
    )
    .bind(program)
    .query()
}

/// Writes the next revision of each program's budget. Aborts the batch if another write drew on one.
pub fn budget_advance(budgets: &[(&ProgramId, i64)]) -> Stmt {
    Stmt::new(format!(
        "{GIVEN} INSERT INTO reward_budget (program_id, revision) SELECT row ->> 0, (row ->> 1) + 1 FROM given WHERE true
         ON CONFLICT (program_id) DO UPDATE SET revision = excluded.revision"
    ))
    .json(&budgets)
}

/// The rewards that wait, in the order in which they are released.
pub fn waiting_list(program: &ProgramId, limit: i64) -> Parsed<Vec<(Accrual, WaitingHold)>> {
    Stmt::new(format!(
        "SELECT {LINE_COLUMNS},
                EXISTS (SELECT 1 FROM binding b WHERE b.account_id = accrual.account_id AND b.program_id = accrual.program_id AND b.held = 1)
                  OR EXISTS (SELECT 1 FROM suspension s WHERE s.partner_id = accrual.partner_id AND s.to_ms IS NULL AND s.from_ms <= accrual.at_ms)
                  AS is_held
         FROM accrual WHERE program_id = ?1 AND state = 'waiting' ORDER BY at_ms, event_id, reward_id LIMIT ?2"
    ))
    .bind(program)
    .bind(limit)
    .pairs()
}

/// Whether a waiting reward is on hold once the budget covers it: by a review, or its partner's suspension.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct WaitingHold {
    pub is_held: i64,
}

/// The accounts of accruals, with their revisions.
pub fn waiting_accounts(accounts: &[AccountId]) -> Query<AccountRow> {
    Stmt::new("SELECT id, revision, written, usage_questions, closed FROM account WHERE id IN (SELECT value FROM json_each(?1))")
        .json(&accounts)
        .query()
}
