//! Incoming events.

pub mod batch;
pub mod emdash;
pub mod envelope;
pub mod sign_up;
