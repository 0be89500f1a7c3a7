//! Outgoing emails and webhooks.

pub mod deliver;
pub mod endpoint;
pub mod replay;
pub mod unsubscribe;
