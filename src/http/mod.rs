//! Requests in, decisions out: routes, who may use them, and how errors are told. The ref links have a way of their own.

pub mod assets;
pub mod auth;
mod collect;
pub mod config;
mod credits;
mod figures;
pub mod limit;
pub mod link_cache;
mod markdown;
pub mod message;
mod notifications;
mod operations;
pub mod page;
mod page_touch;
pub mod partners;
pub mod payouts;
mod programs;
pub mod redirect;
pub mod reflink;
mod reports;
pub mod route;
pub mod shell;
mod stripe;
mod unsubscribe;
mod visitors;
mod webhooks;
