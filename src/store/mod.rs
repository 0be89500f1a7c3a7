//! The database port and all SQL of the product, one file per table family.
//!
//! A statement is a value; nothing here talks to a database. Every text that varies is bound, never spliced.

pub mod account;
pub mod click;
pub mod credit;
pub mod credit_told;
pub mod customer;
pub mod delivery;
pub mod endpoint;
pub mod event;
pub mod evidence;
pub mod funnel;
pub mod health;
pub mod ledger;
pub mod link;
pub mod operator;
pub mod operator_runs;
pub mod outbox;
pub mod partner;
pub mod partner_page;
pub mod payee;
pub mod payout;
pub mod payout_plan;
pub mod payout_report;
pub mod pool;
pub mod port;
pub mod profile;
pub mod program;
pub mod promotion;
pub mod redemption;
pub mod report;
pub mod resource;
pub mod review;
pub mod run;
pub mod session;
pub mod stripe;
pub mod terms;
pub mod token;
pub mod unsubscribe;
