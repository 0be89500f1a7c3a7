//! Sign-in and API tokens.

pub mod sign_in;
pub mod site_logout;
pub mod tokens;
pub mod way_back;
