//! Money that leaves.

pub mod transfer;
