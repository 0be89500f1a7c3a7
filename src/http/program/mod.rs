//! Programs as documents.

pub mod programs;
