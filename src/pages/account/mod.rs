//! Accounts: their facts, and what is decided from them.

pub mod accounts;
pub mod clients;
