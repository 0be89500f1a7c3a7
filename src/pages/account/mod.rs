//! Accounts: their facts, and what they lead to.

pub mod accounts;
pub mod clients;
pub mod unearned;
