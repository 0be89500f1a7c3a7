//! Requests in, decisions out. No I/O: what a decision needs is handed in.

pub mod link_cache;
pub mod redirect;
pub mod reflink;
