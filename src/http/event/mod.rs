//! What happened, as it comes in.

pub mod stripe;
pub mod webhooks;
