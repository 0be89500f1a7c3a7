//! Incoming events.

pub mod emdash;
pub mod envelope;
pub mod sign_up;
