//! Emails and webhooks that go out.

pub mod outbox;
pub mod unsubscribe;
