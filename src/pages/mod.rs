//! The pages in the browser: sign-in, the partners' pages, and the operators' pages.
//!
//! In scope: HTML, forms, and cookies. Not in scope: what a form does, which is in `service`. A page is one batch of
//! reads: the session and the page's data are read together (`viewer.rs`), and nothing is shown until the session is
//! found valid.

pub mod account;
pub mod accrual;
pub mod admission;
pub mod chart;
pub mod columns;
pub mod components;
pub mod context;
pub mod form;
pub mod funnel;
pub mod identity;
pub mod layout;
pub mod ledger;
pub mod link;
pub mod locale;
pub mod markdown;
pub mod message;
pub mod operator;
pub mod ours;
pub mod outage;
pub mod partner;
pub mod payout;
pub mod person;
pub mod preview;
pub mod program;
pub mod qr;
pub mod refusal;
pub mod report;
pub mod review;
pub mod route;
pub mod settlement;
pub mod table;
pub mod text;
pub mod viewer;
pub mod visitor;
