//! Requests in, decisions out: routes, who may use them, and how errors are reported. Ref links are handled separately.

pub mod accounts;
pub mod assets;
pub mod attribution;
pub mod auth;
pub mod config;
pub mod context;
pub mod credit;
pub mod event;
pub mod exchange;
pub mod fetch_metadata;
pub mod funnel;
pub mod hardening;
pub mod health;
pub mod hsts;
pub mod limit;
pub mod link;
pub mod markdown;
pub mod message;
pub mod page;
pub mod partner;
pub mod payout;
pub mod program;
pub mod report;
pub mod reviews;
pub mod route;
pub mod settlement;
