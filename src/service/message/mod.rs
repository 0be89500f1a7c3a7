//! Emails and webhooks that go out.

pub mod deliver;
pub mod endpoint;
pub mod replay;
pub mod unsubscribe;
