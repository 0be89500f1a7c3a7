//! Converts bytes to types and back: webhook signatures, event bodies, the attribution cookie. No I/O and no clock;
//! `now` is an argument.

pub mod attribution;
pub mod cookie_header;
pub mod credit;
pub mod event;
pub mod fields;
pub mod funnel;
pub mod identity;
pub mod json;
pub mod link;
pub mod message;
pub mod operator;
pub mod outgoing;
pub mod payout;
pub mod stripe;
pub mod web_address;

pub use crate::base::json::DEPTH_MAX;
pub use crate::codec::json::{BODY_BYTES_MAX, Invalid};
