//! Cases for a person to decide.

pub mod reviews;
