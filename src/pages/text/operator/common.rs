//! Texts that several operator pages share.

// Columns, labels and names of facts.
pub const ACCOUNT: &str = "Account";
pub const AMOUNT: &str = "Amount";
pub const ATTRIBUTION: &str = "Attribution";
pub const BALANCE: &str = "Balance";
pub const CHANNEL: &str = "Channel";
pub const CODE: &str = "Code";
pub const COUNTRY: &str = "Country";
pub const CREATED: &str = "Created";
pub const CREDIT: &str = "Credit";
pub const CREDITS: &str = "Credits";
pub const DATE: &str = "Date";
pub const DEBITS: &str = "Debits";
pub const DIFFERENCE: &str = "Difference";
pub const DISCLOSURE: &str = "Disclosure";
pub const DONE: &str = "Done";
pub const EARNINGS: &str = "Earnings";
pub const EMAIL: &str = "Email";
pub const EVENT: &str = "Event";
pub const ID: &str = "ID";
pub const JOINED: &str = "Joined";
pub const METHOD: &str = "Method";
pub const MILESTONES: &str = "Milestones";
pub const NAME: &str = "Name";
pub const ON_HOLD: &str = "On hold";
pub const PAID: &str = "Paid";
pub const PARTNER: &str = "Partner";
pub const PARTNER_ID: &str = "Partner ID";
pub const PAYOUTS: &str = "Payouts";
pub const PERIOD: &str = "Period";
pub const PLANNED: &str = "Planned";
pub const PROGRAM: &str = "Program";
pub const REASON: &str = "Reason";
pub const REFERRED_ACCOUNTS: &str = "Referred accounts";
pub const REVERSALS: &str = "Reversals";
pub const REVIEW: &str = "Review";
pub const REWARD_BUDGET: &str = "Reward budget";
pub const RULE: &str = "Rule";
pub const RUN: &str = "Run";
pub const SIGNED_UP: &str = "Signed up";
pub const SIGN_UPS: &str = "Sign-ups";
pub const SOURCE: &str = "Source";
pub const STARTED_BY: &str = "Started by";
pub const STATE: &str = "State";
pub const STRIPE_ACCOUNT: &str = "Stripe account";
pub const SUBJECT: &str = "Subject";
pub const TYPE: &str = "Type";
pub const UNIT: &str = "Unit";
pub const UPDATED: &str = "Updated";
pub const VERSION: &str = "Version";

// Tabs and states.
pub const ALL: &str = "All";
pub const FAILED: &str = "Failed";
pub const RELEASED: &str = "Released";
pub const REJECTED: &str = "Rejected";

// Values.
pub const NONE: &str = "—";
pub const TO: &str = " to ";
pub const NO_EARNINGS: &str = "No earnings yet.";
pub const NOT_REQUIRED: &str = "not required";
pub const EARNING_OR_EARNINGS: [&str; 2] = ["earning", "earnings"];
pub const PAYOUT_OR_PAYOUTS: [&str; 2] = ["payout", "payouts"];
pub const ACCOUNT_OR_ACCOUNTS: [&str; 2] = ["account", "accounts"];

// Buttons and links.
pub const MARK_AS_HANDLED: &str = "Mark as handled";
pub const SEARCH: &str = "Search";
pub const RELEASE: &str = "Release";
pub const RESOLVE: &str = "Resolve";
pub const START_RUN: &str = "Start run";
pub const VIEW_RUN: &str = "View run";
pub const VIEW_CHECKS: &str = "View ledger checks";
pub const ALL_RUNS: &str = "All runs";
pub const ALL_PAYOUTS: &str = "All payouts";
pub const BACK_TO_PROGRAM: &str = "Back to program";

// Hints and problems of forms.
pub const PERIOD_HINT: &str = "A month such as 2026-06, or a week such as 2026-W24.";
pub const AUDITED: &str = "Recorded in the audit log with your name.";
pub const SUBMITTED_ALREADY: &str =
    "You already submitted this form with different values. Check the result, then submit it again.";

pub const UNBALANCED: &str = "Debits and credits do not match.";
pub const APPROVE_NOTHING: &str = "Don't approve any payouts until you know why.";

/// A preview of many accounts, which takes several steps.
pub const CONTINUE: &str = "Continue";

/// `accounts`: `3 accounts`.
pub fn calculated_so_far(accounts: &str) -> String {
    format!("There are many accounts. {accounts} calculated so far. Continue until the result is complete.")
}

/// A list that shows its first rows only.
pub fn first_shown(rows: usize) -> String {
    format!("Showing the first {rows}.")
}

/// Before the time of a report that was put together earlier.
pub const AS_OF: &str = "As of ";

/// What is counted up to a number only. `counted`: that number and what is counted.
pub fn more_than(counted: &str) -> String {
    format!("More than {counted}")
}

/// A search that found more than it shows.
pub fn first_found(rows: i64) -> String {
    format!("Showing the first {rows}. Refine your search to see the others.")
}
