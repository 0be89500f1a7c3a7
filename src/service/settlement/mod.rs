//! The weekly and monthly runs.

pub mod preview;
pub mod settle;
pub mod start;
