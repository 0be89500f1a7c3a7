//! The double-entry books.

pub mod checks;
