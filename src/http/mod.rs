//! Requests in, decisions out. No I/O: what a decision needs is handed in.

pub mod redirect;
pub mod reflink;
