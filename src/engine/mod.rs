//! Pure decisions. Nothing here reads a clock, randomness or a store: instants, facts and bytes are arguments.
//!
//! An account's books are a function of its facts: every event leads to the same derivation over all of them, and
//! what is posted is the difference to what stands. So order of arrival does not matter, and a replay does nothing.

pub mod access;
pub mod accrual;
pub mod advice;
pub mod attribution;
pub mod binding;
pub mod click;
pub mod customer;
pub mod decision;
pub mod economics;
pub mod event;
pub mod funnel;
pub mod grant;
pub mod grouped;
pub mod hold;
pub mod interval;
pub mod lifecycle;
pub mod line;
pub mod link;
pub mod payee;
pub mod payout;
pub mod posting;
pub mod relation;
pub mod risk;
pub mod sabotage;
pub mod schedule;
pub mod terms;
pub mod timeline;
pub mod top_up;
pub mod touch;
pub mod visit;
