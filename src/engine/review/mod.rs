//! What a person has to look at.

pub mod address;
pub mod relation;
pub mod risk;
