//! What a person has to look at.

pub mod relation;
pub mod risk;
