//! Outgoing emails and webhooks.

pub mod email;
pub mod endpoint;
pub mod standard_webhooks;
pub mod unsubscribe;
