//! Sentences that several operator pages share.

pub const AMOUNT_HINT: &str = "For example, 500 or 1,250.50.";
pub const PERIOD_HINT: &str = "A month such as 2026-06, or a week such as 2026-W24.";
pub const AUDITED: &str = "Recorded in the audit log with your name.";
pub const NOT_REQUIRED: &str = "not required";

pub const UNBALANCED: &str = "Debits and credits do not match.";
pub const APPROVE_NOTHING: &str = "Don't approve any payouts until you know why.";

/// A read that reached its limit before it had every account.
pub const PARTIAL: &str = "There are too many accounts to show at once. These results are partial.";

/// A list that shows its first rows only.
pub fn first_shown(rows: usize) -> String {
    format!("Showing the first {rows}.")
}

/// The same, where the sums above or below it are complete.
pub fn first_of_total(rows: usize) -> String {
    format!("Showing the first {rows}. The totals include all of them.")
}

/// A search that found more than it shows.
pub fn first_found(rows: i64) -> String {
    format!("Showing the first {rows}. Refine your search to see the others.")
}
