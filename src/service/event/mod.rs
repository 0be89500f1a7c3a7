//! Ingesting events.

pub mod conversion;
pub mod import;
mod incoming;
mod moot;
pub mod report;
pub mod stripe_failed;
pub mod stripe_in;
pub mod stripe_once;
pub mod stripe_sweep;
pub mod stripe_thin;
pub mod stripe_worth;
