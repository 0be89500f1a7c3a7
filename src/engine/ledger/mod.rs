//! The double-entry ledger.

pub mod account;
pub mod posting;
pub mod seal;
