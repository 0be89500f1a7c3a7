//! Sign-in and API tokens.

pub mod sign_in;
pub mod tokens;
pub mod way_back;
