//! The weekly and monthly runs.

pub mod leaderboard;
pub mod operator_runs;
pub mod page;
pub mod run;
pub mod run_partner;
