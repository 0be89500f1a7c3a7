//! Outgoing emails and webhooks.

pub mod outbox;
pub mod unsubscribe;
