//! Identity: who someone is, and what they may do.

pub mod audit;
pub mod idempotency;
pub mod session;
pub mod token;
