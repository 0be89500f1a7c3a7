//! What visitors read before they are signed in, by page.

pub mod join;
pub mod notice;
pub mod sign_in;
pub mod unsubscribe;
