//! What a person has to look at.

pub mod reviews;
