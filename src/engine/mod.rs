//! Pure decisions. Nothing here reads a clock, randomness or a store: instants, facts and bytes are arguments.
//!
//! An account's books are a function of its facts: every event leads to the same derivation over all of them, and
//! what is posted is the difference to what stands. So order of arrival does not matter, and a replay does nothing.

pub mod account;
pub mod accrual;
pub mod attribution;
pub mod event;
pub mod funnel;
pub mod identity;
pub mod ledger;
pub mod link;
pub mod payout;
pub mod report;
pub mod review;
pub mod sabotage;
pub mod settlement;
