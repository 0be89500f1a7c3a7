//! What partners have earned, and what happens to it.

pub mod backfill;
