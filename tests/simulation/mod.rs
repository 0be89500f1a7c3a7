//! A seeded simulation of months of both programs, and the auditor that checks the books after each step.

pub mod auditor;
pub mod books;
pub mod calendar;
pub mod dice;
pub mod facts;
pub mod history;
pub mod play;
pub mod rules;
pub mod story;
