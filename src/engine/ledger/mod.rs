//! The double-entry ledger.

pub mod posting;
