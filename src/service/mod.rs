//! Use cases of the product, one per file: load, decide, commit.
//!
//! A use case is at most one read batch, one pure decision and one write batch. It is repeated when a guard reports
//! that another write got there first.

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
pub mod kept_days;
pub mod ledger;
pub mod link;
pub mod message;
pub mod once;
pub mod overdue;
pub mod partner;
pub mod payout;
pub mod person;
pub mod preview;
pub mod program;
pub mod report;
pub mod retention;
pub mod retry;
pub mod review;
pub mod settlement;
pub mod setup;
pub mod stripe;
