//! Bytes to types and back: webhook signatures, event bodies, the attribution cookie. No I/O and no clock; `now` is an
//! argument.

pub mod beacon;
pub mod bearer;
pub mod cookie;
pub mod cookie_header;
pub mod credit;
pub mod destination;
pub mod emdash;
pub mod endpoint;
pub mod envelope;
mod fields;
pub mod guessable;
mod json;
pub mod mail;
pub mod operator;
pub mod outgoing;
pub mod promotion;
pub mod session;
pub mod standard_webhooks;
pub mod stripe;
pub mod transfer;
pub mod unsubscribe;
pub mod web_address;

pub use json::{BODY_BYTES_MAX, DEPTH_MAX, Invalid};
