//! Bytes to types and back: webhook signatures and event bodies. No I/O and no clock; `now` is an argument.

pub mod bearer;
pub mod emdash;
pub mod envelope;
mod fields;
mod json;
pub mod standard_webhooks;

pub use json::{BODY_BYTES_MAX, DEPTH_MAX, Invalid};
