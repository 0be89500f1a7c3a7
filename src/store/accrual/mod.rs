//! What partners have earned, and what happens to it.

pub mod adjustment;
pub mod modifiers;
pub mod payment;
