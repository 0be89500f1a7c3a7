//! Uses of the product, one file each: load, decide, commit.
//!
//! One use is at most one read batch, one pure decision and one write batch, repeated when a guard says that somebody
//! else was first.

pub mod api_token;
pub mod books;
pub mod click;
pub mod commit;
pub mod context;
pub mod conversion;
pub mod credit;
pub mod deliver;
pub mod dry_run;
pub mod endpoint;
pub mod enrol;
pub mod error;
pub mod facts;
pub mod funnel;
pub mod onboard;
pub mod once;
pub mod overdue;
pub mod pay;
pub mod payout;
pub mod pool;
pub mod preview;
pub mod profile;
pub mod program;
pub mod promotion;
pub mod rebind;
pub mod reconcile;
pub mod redecide;
pub mod redeem;
pub mod replay;
pub mod report;
pub mod resource;
pub mod reverse;
pub mod review;
pub mod settle;
pub mod setup;
pub mod sign_in;
pub mod start;
pub mod stripe;
pub mod stripe_customer;
pub mod stripe_in;
pub mod stripe_reconcile;
pub mod stripe_sweep;
pub mod together;
pub mod top_up;
pub mod unsubscribe;
