//! Whose an account is, and why.

pub mod page_touch;
pub mod signals;
pub mod visitors;
