//! The double-entry ledger.

pub mod budget;
