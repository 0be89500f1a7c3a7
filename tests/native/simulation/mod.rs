//! A seeded simulation of months of all programs at once, and the auditor that checks the books after each step.

pub mod agency;
pub mod auditor;
pub mod binding;
pub mod books;
pub mod calendar;
pub mod compare;
pub mod credit;
pub mod deeds;
pub mod developer;
pub mod dice;
pub mod facts;
pub mod funnel;
pub mod history;
pub mod life;
pub mod operators;
pub mod picture;
pub mod play;
pub mod runs;
#[cfg(feature = "sabotage")]
mod sabotage;
pub mod salon;
mod seeds;
pub mod stats;
pub mod story;
