//! Figures and lists for people.

pub mod audit;
pub mod economics;
pub mod leaderboard;
