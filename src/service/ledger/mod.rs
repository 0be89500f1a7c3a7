//! The double-entry ledger.

pub mod budget;
pub mod seal;
