//! Emails and webhooks that go out.

pub mod delivery;
pub mod endpoint;
pub mod outbox;
pub mod unsubscribe;
