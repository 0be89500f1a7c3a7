//! What partners have earned, and what becomes of it.

pub mod backfill;
