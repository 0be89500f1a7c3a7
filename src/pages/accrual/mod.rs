//! What partners have earned.

pub mod earnings;
