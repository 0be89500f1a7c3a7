//! Accounts: their facts, and what they lead to.

pub mod accounts;
pub mod answer;
pub mod attribution_search;
pub mod clients;
pub mod questions;
pub mod unearned;
pub mod why_not;
