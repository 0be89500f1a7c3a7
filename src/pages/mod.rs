//! What people see in a browser: sign-in, the partners' pages and the operators'.
//!
//! In scope: HTML, its forms and cookies. Not in scope: what is done about a form, which is `flow`. A page is one batch
//! of reads: the session and what the page shows are asked for together (`visit.rs`), and nothing is shown before the
//! session is found good.

pub mod admission;
pub mod chart;
pub mod countries;
pub mod form;
pub mod join;
pub mod layout;
pub mod locale;
pub mod markdown;
pub mod operator;
pub mod partner;
pub mod parts;
pub mod qr;
pub mod route;
pub mod sign_in;
pub mod terms;
pub mod visit;
