//! What happened, as it comes in.

pub mod emdash;
pub mod envelope;
