//! What partners have earned, and what happens to it.

pub mod adjustment;
pub mod backfill;
pub mod caps;
pub mod marks;
pub mod modifiers;
pub mod payment;
