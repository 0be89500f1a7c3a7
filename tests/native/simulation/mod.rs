//! A seeded simulation of months of all programs at once, and the auditor that checks the stored state after each step.

pub mod actions;
pub mod agency;
pub mod auditor;
pub mod binding;
pub mod books;
pub mod calendar;
pub mod compare;
pub mod credit;
pub mod credit_model;
pub mod customers;
pub mod delivery;
pub mod developer;
pub mod facts;
pub mod funnel;
pub mod history;
pub mod life;
pub mod losses;
pub mod model_state;
pub mod occurred;
pub mod operators;
pub mod payouts;
pub mod play;
pub mod rng;
pub mod runs;
mod seeds;
pub mod stats;
pub mod story;
