//! Ingesting events.

pub mod conversion;
mod incoming;
mod moot;
mod report;
pub mod stripe_in;
pub mod stripe_once;
pub mod stripe_sweep;
pub mod stripe_thin;
pub mod stripe_worth;
