//! Uses of the product, one file each: load, decide, commit.
//!
//! One use is at most one read batch, one pure decision and one write batch, repeated when a guard says that somebody
//! else was first.

pub mod account;
pub mod accrual;
pub mod attribution;
pub mod audit;
pub mod context;
pub mod credit;
pub mod error;
pub mod event;
pub mod funnel;
pub mod identity;
pub mod ledger;
pub mod link;
pub mod message;
pub mod once;
pub mod overdue;
pub mod partner;
pub mod payout;
pub mod program;
pub mod report;
pub mod retry;
pub mod review;
pub mod settlement;
pub mod setup;
pub mod stripe;
