//! Uses of the product, one file each: load, decide, commit.
//!
//! One use is at most one read batch, one pure decision and one write batch, repeated when a guard says that somebody
//! else was first.

pub mod click;
pub mod context;
pub mod conversion;
pub mod enrol;
pub mod error;
pub mod once;
pub mod program;
pub mod review;
pub mod settle;
