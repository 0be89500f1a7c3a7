//! The database port and all SQL of the product, one file per table family.
//!
//! A statement is a value; nothing here talks to a database. Every variable text is bound, never spliced in.

pub mod account;
pub mod accrual;
pub mod attribution;
pub mod credit;
pub mod event;
pub mod funnel;
pub mod guard;
pub mod health;
pub mod identity;
pub mod ledger;
pub mod link;
pub mod message;
pub mod partner;
pub mod payout;
pub mod person;
pub mod port;
pub mod preview;
pub mod program;
pub mod query;
pub mod report;
pub mod restoration;
pub mod retention;
pub mod review;
pub mod settlement;
pub mod together;
