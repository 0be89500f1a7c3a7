//! Accounts: their facts, and the decisions derived from them.

pub mod books;
pub mod commit;
pub mod facts;
pub mod recompute;
pub mod stripe_customer;
