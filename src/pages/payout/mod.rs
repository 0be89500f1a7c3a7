//! Payouts to partners.

pub mod changes;
pub mod failed_events;
pub mod handled;
pub mod onboarding;
pub mod operator_payouts;
pub mod partner_payouts;
pub mod payout_table;
pub mod receipt;
pub mod unexpected;
