//! Ingesting events.

pub mod passed;
pub mod stripe;
pub mod submissions;
pub mod webhooks;
