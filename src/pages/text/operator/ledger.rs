//! The ledger: its accounts, its entries, and its checks.

// Accounts.
pub const LEAD: &str = "Double-entry and append-only: every entry is one debit and one credit.";
pub const ALL_ENTRIES: &str = "All entries";
pub const RUN_CHECKS: &str = "Run ledger checks";
pub const NO_ACCOUNTS: &str = "No ledger accounts yet";
pub const NO_ACCOUNTS_HINT: &str = "Accounts appear with the first reward, or when you fund a reward budget.";
pub const LEDGER_ACCOUNTS: &str = "Ledger accounts";
pub const OUTGOING: &str = "Outgoing";

/// What each type of account holds.
pub fn holds(kind: &str) -> &'static str {
    match kind {
        "expense" => "cost of rewards",
        "budget" => "reward budget",
        "pending" => "earned, not yet vested",
        "available" => "vested, not yet paid",
        "benefit" => "friends' discounts",
        "clearing" => "funding for reward budgets",
        "cash" => "sent by Stripe",
        "redeemed" => "credit used",
        _ => "",
    }
}

// The seal.
pub const SEALED_TO: &str = "Sealed to";
pub const SEAL: &str = "Seal";
pub const UNSEALED: &str = "Entries not sealed yet";
pub const SEAL_NOTE: &str =
    "Every ten minutes new entries are sealed. A seal that you kept shows whether an older entry was changed since.";
pub const SEAL_LATE: &str = "Entries have not been sealed for more than an hour. Check that the sweep runs.";

// Entries.
pub const ENTRIES: &str = "Ledger entries";
pub const ACCOUNT_ENTRIES: &str = "Account entries";
pub const ENTRIES_LEAD: &str = "Newest first. Entries never change.";
pub const NO_ENTRIES: &str = "No entries yet.";
pub const OF_PARTNER: [&str; 2] = [
    "Entries that aren't tied to a single earning, such as vesting, payouts and reversals. Each earning is listed on the ",
    ".",
];
pub const PARTNERS_PAGE: &str = "partner's page";
pub const OF_PROGRAM: &str =
    "Entries that aren't tied to a single earning, such as funding and payouts. See all entries for the rest.";
pub const DEBIT: &str = "Debit";
pub const ENTRY_RUN: &str = "run";

// Checks.
pub const CHECKS: &str = "Ledger checks";
pub const CHECKS_LEAD: &str = "Every account, earning and payout was just checked against its ledger entries.";
pub const PASSED: &str = "All checks passed";
pub const PASSED_HINT: &str = "Debits equal credits, and every balance matches its entries.";
pub const SOME_FAILED: &str = "Some checks failed.";
pub const REPORT_FAILURES: &str = "Report the failures with your log.";
