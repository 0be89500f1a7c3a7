//! What partners read, by page.

pub mod account;
pub mod accrual;
pub mod common;
pub mod link;
pub mod navigation;
pub mod notice;
pub mod overview;
pub mod payout;
pub mod payout_setup;
pub mod program;
pub mod report;
pub mod settings;
pub mod share;
pub mod why_not;
