//! Whose an account is, and why.

pub mod cookie;
