//! What is said to Stripe.

pub mod form;

/// The version that is asked of Stripe, and that webhook endpoints are best made with.
pub const API_VERSION: &str = "2026-10-28.endive";
