//! Accounts: their facts, and what is decided from them.

pub mod customer;
pub mod decision;
pub mod grouped;
pub mod lifecycle;
pub mod timeline;
