//! Programs as documents.

pub mod programs;
pub mod schema;
