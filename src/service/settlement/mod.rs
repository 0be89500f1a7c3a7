//! The weekly and monthly runs.

pub mod closing;
pub mod preview;
pub mod settle;
pub mod start;
pub mod terms;
