//! Emails and webhooks that go out.

pub mod notifications;
pub mod unsubscribe;
