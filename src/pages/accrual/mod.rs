//! What partners have earned.

pub mod calculation;
pub mod earnings;
