//! Outgoing money.

pub mod payouts;
