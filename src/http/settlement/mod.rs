//! The weekly and monthly runs.

pub mod runs;
