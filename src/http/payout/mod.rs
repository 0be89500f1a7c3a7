//! Money that leaves.

pub mod payouts;
