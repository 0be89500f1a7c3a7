//! Uses of the product, one file each: load, decide, commit.
//!
//! One use is at most one read batch, one pure decision and one write batch, repeated when a guard says that somebody
//! else was first.

pub mod books;
pub mod click;
pub mod commit;
pub mod context;
pub mod conversion;
pub mod dry_run;
pub mod enrol;
pub mod error;
pub mod facts;
pub mod funnel;
pub mod once;
pub mod pool;
pub mod preview;
pub mod program;
pub mod rebind;
pub mod reconcile;
pub mod redecide;
pub mod report;
pub mod review;
pub mod settle;
pub mod top_up;
