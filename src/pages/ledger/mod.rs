//! The double-entry ledger.

pub mod checks;
