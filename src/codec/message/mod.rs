//! Emails and webhooks that go out.

pub mod email;
pub mod endpoint;
pub mod standard_webhooks;
pub mod unsubscribe;
