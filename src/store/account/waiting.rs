//! Accounts that wait for their decision: those that nobody refuses, and those whose decision a guard or constraint
//! refuses, with its name.

use crate::base::ids::AccountId;
use crate::base::time::{HOUR_MS, UtcMillis};
use crate::store::account::marked::IS_QUIET;
use crate::store::account::{AccountIdRow, AccountRow, Marking};
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// Milliseconds after which the decision about an account that was refused is tried again: a deployment may have mended it.
const REFUSED_AGAIN_MS: i64 = HOUR_MS;

/// The next account whose decision was refused, alone or in a batch with others: each is tried by itself.
pub fn refused_next(now: UtcMillis) -> Query<AccountRow> {
    Stmt::new(format!(
        "SELECT id, revision, written, usage_questions, closed, {IS_QUIET} AS is_quiet FROM account WHERE refused_by IS NOT NULL AND needs_recompute_since_ms IS NOT NULL AND (refused_at_ms IS NULL OR refused_at_ms <= ?1)
         ORDER BY refused_at_ms, signed_up_at_ms, id LIMIT 1"
    ))
    .bind(now.plus_ms(-REFUSED_AGAIN_MS))
    .query()
}

/// Keeps who refused the decisions about accounts. `alone`: it was the decision about this one.
pub fn account_refuse(accounts: &[AccountId], by: &str, alone: bool, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE account SET refused_by = ?2, refused_at_ms = IIF(?3, CAST(?4 AS INTEGER), refused_at_ms)
         WHERE id IN (SELECT value FROM json_each(?1))",
    )
    .json(&accounts)
    .bind(by)
    .bind(alone)
    .bind(now)
}

/// Accounts whose event is stored without its effect, because a rule refuses the decision about them.
pub fn account_wait(accounts: &[AccountId], by: &str, marking: Marking) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO account (id, revision, needs_recompute_since_ms, refused_by, refused_at_ms, created_at_ms, quiet_revision)
         SELECT value, 1, ?3, ?2, ?3, ?3, {} FROM json_each(?1) WHERE true
         ON CONFLICT (id) DO UPDATE SET {}, refused_by = ?2, refused_at_ms = ?3",
        if marking.quiet { "1" } else { "NULL" },
        marking.sets("?3")
    ))
    .json(&accounts)
    .bind(by)
    .bind(marking.now)
}

/// Accounts that are not decided yet, of which at most `WAITING_MAX` are counted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct WaitingAccounts {
    pub waiting: i64,
    /// Since when the oldest of them waits.
    pub oldest_ms: Option<UtcMillis>,
    pub refused: i64,
}

/// What one account waits for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct UndecidedAccount {
    pub since_ms: UtcMillis,
    pub refused_by: Option<String>,
}

/// The account, if its decision is not up to date.
pub fn undecided_find(id: &AccountId) -> Query<UndecidedAccount> {
    Stmt::new(
        "SELECT needs_recompute_since_ms AS since_ms, refused_by FROM account WHERE id = ?1 AND needs_recompute_since_ms IS NOT NULL",
    )
    .bind(id)
    .query()
}

/// Some of the accounts whose decision is refused.
pub fn refused_accounts(limit: i64) -> Query<AccountIdRow> {
    Stmt::new("SELECT id AS account_id FROM account WHERE refused_by IS NOT NULL ORDER BY refused_at_ms, signed_up_at_ms, id LIMIT ?1")
        .bind(limit)
        .query()
}

/// Where counting the accounts that wait ends.
pub const WAITING_MAX: i64 = 150;

pub fn waiting_count() -> Query<WaitingAccounts> {
    Stmt::new(
        "SELECT COUNT(*) AS waiting, MIN(since) AS oldest_ms, COALESCE(SUM(refused), 0) AS refused FROM (
           SELECT * FROM (SELECT needs_recompute_since_ms AS since, 0 AS refused FROM account
             WHERE needs_recompute_since_ms IS NOT NULL AND refused_by IS NULL LIMIT ?1)
           UNION ALL
           SELECT * FROM (SELECT needs_recompute_since_ms, 1 FROM account WHERE refused_by IS NOT NULL LIMIT ?1))",
    )
    .bind(WAITING_MAX)
    .query()
}

/// Who refuses what: guards and constraints, with how many accounts each one refuses.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RefusedBy {
    pub refused_by: String,
    pub accounts: i64,
}

pub fn refused_list() -> Query<RefusedBy> {
    Stmt::new(
        "SELECT refused_by, COUNT(*) AS accounts FROM (SELECT refused_by FROM account WHERE refused_by IS NOT NULL LIMIT ?1)
         GROUP BY refused_by ORDER BY accounts DESC LIMIT 20",
    )
    .bind(WAITING_MAX)
    .query()
}
