//! The double-entry books.

pub mod budget;
