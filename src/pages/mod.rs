//! What people see in a browser: sign-in, the partners' pages and the operators'.
//!
//! In scope: HTML, its forms and cookies. Not in scope: what is done about a form, which is `flow`. A page is one batch
//! of reads: the session and what the page shows are asked for together (`visit.rs`), and nothing is shown before the
//! session is found good.

pub mod account;
pub mod accrual;
pub mod admission;
pub mod chart;
pub mod components;
pub mod countries;
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
pub mod partner;
pub mod payout;
pub mod program;
pub mod qr;
pub mod report;
pub mod review;
pub mod route;
pub mod settlement;
pub mod text;
pub mod visit;
