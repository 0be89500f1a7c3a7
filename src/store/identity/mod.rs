//! Who somebody is, and what they may do.

pub mod session;
pub mod token;
