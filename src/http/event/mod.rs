//! Ingesting events.

pub mod stripe;
pub mod webhooks;
