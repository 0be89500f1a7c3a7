//! Figures and lists for people.

pub mod figures;
pub mod reports;
