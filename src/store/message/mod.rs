//! Outgoing emails and webhooks.

pub mod delivery;
pub mod endpoint;
pub mod outbox;
pub mod unsubscribe;
