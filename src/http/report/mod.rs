//! Figures and lists for people.

pub mod attribution;
pub mod audit;
pub mod figures;
pub mod ledger;
pub mod lists;
pub mod payouts;
pub mod reconciliations;
pub mod reports;
pub mod search;
