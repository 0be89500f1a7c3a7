//! Who the caller is, and what they may do.

pub mod bearer;
pub mod guessable;
pub mod mailed_token;
pub mod session;
