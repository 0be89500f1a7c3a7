//! Outgoing money.

pub mod payouts;
pub mod transfers;
