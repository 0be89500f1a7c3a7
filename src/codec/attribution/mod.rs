//! Who referred an account, and why.

pub mod cookie;
