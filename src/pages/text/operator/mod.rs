//! What operators read: a file for each topic, by page, in the order of the page.
//!
//! A text with a value in it is a function. One with markup in it is an array of the pieces around the markup.

pub mod account;
pub mod adjustment;
pub mod attribution_search;
pub mod common;
pub mod document;
pub mod failed_event;
pub mod funnel;
pub mod home;
pub mod ledger;
pub mod message;
pub mod navigation;
pub mod notice;
pub mod partner;
pub mod payout;
pub mod program;
pub mod question;
pub mod report;
pub mod review;
pub mod settlement;
pub mod standing;
pub mod token;
pub mod transfer;
