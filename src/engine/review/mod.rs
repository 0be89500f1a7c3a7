//! What a person has to review.

pub mod address;
pub mod relation;
pub mod risk;
