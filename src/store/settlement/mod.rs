//! The weekly and monthly runs.

pub mod operator_runs;
pub mod run;
pub mod run_partner;
