//! Outgoing money.

pub mod transfer;
