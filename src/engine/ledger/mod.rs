//! The double-entry books.

pub mod posting;
