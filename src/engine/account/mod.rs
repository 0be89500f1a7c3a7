//! Accounts: their facts, and the decisions made from them.

pub mod closed;
pub mod closing;
pub mod customer;
pub mod decision;
pub mod fact;
pub mod grouped;
pub mod invoice_status;
pub mod lifecycle;
pub mod order;
pub mod refunded;
pub mod refunds_disputes;
pub mod spans;
pub mod timeline;
pub mod usage;
