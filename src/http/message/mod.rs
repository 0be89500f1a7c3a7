//! Outgoing emails and webhooks.

pub mod notifications;
