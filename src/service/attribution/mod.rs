//! Attribution: which partner an account belongs to, and why.

pub mod reassign;
pub mod report;
