//! Reports and lists.

pub mod audit;
pub mod economics;
pub mod leaderboard;
