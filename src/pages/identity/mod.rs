//! Who somebody is, and what they may do.

pub mod sign_in;
pub mod tokens;
