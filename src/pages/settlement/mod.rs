//! The weekly and monthly runs.

pub mod preview_result;
pub mod run_preview;
pub mod runs;
