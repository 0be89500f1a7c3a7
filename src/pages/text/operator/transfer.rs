//! Transfers to partners that nobody here asked for.

pub const TITLE: &str = "Unexpected transfers";
pub const LEAD: &str = "Stripe reports these transfers to partners, but no payout asked for them.";
pub const TRANSFER: &str = "Transfer";
pub const PAYOUT: &str = "Payout in its group";
pub const NONE: &str = "No unexpected transfers";
pub const NONE_HINT: &str = "Every transfer that Stripe reported is a payout's.";
pub const REASON_HINT: &str = "What it was, and what you did about it.";
