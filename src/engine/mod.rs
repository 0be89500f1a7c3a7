//! Pure decisions. Nothing here reads a clock, randomness or a store: instants, facts and bytes are arguments.
//!
//! An account's accruals are a function of its facts. Every event triggers the same computation over all of them, and
//! the difference to the stored accruals is posted. So the order of arrival does not matter, and a replay has no
//! effect.

pub mod account;
pub mod accrual;
pub mod attribution;
pub mod event;
pub mod funnel;
pub mod identity;
pub mod ledger;
pub mod link;
pub mod message;
pub mod payout;
pub mod report;
pub mod review;
pub mod settlement;
