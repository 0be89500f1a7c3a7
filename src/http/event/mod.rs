//! Ingesting events.

pub mod failed;
pub mod imports;
pub mod passed;
pub mod stripe;
pub mod submissions;
pub mod webhooks;
