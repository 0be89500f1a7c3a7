//! What partners have earned, and what happens to it.

pub mod adjust;
pub mod backfill;
