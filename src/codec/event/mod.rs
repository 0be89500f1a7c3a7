//! Incoming events.

pub mod emdash;
pub mod envelope;
