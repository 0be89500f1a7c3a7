//! The weekly and monthly runs.

pub mod run_preview;
pub mod runs;
