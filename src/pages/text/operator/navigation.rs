//! The entries of the navigation, which are also the titles of the pages behind them.

pub const HOME: &str = "Home";
pub const PROGRAMS: &str = "Programs";
pub const PARTNERS: &str = "Partners";
pub const ACCOUNTS: &str = "Accounts";
pub const REVIEWS: &str = "Reviews";
pub const RUNS: &str = "Runs";
pub const FUNNEL: &str = "Funnel";
pub const ECONOMICS: &str = "Economics";
pub const LEDGER: &str = "Ledger";
pub const OUTBOX: &str = "Outbox";
pub const AUDIT: &str = "Audit log";
pub const TOKENS: &str = "API tokens";

/// Who is signed in, where no name is known.
pub const OPERATOR: &str = "Operator";
