//! Who referred an account, and why.

pub mod cookie;
pub mod reference;
pub mod token;
pub mod touch_request;
