//! Identity: who someone is, and what they may do.

pub mod api_token;
pub mod sign_in;
