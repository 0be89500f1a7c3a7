//! Attribution: which partner an account belongs to, and why.

pub mod question;
pub mod reassign;
pub mod report;
pub mod search;
