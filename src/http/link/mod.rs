//! Links, clicks on them, and where they lead.

pub mod cache;
pub mod redirect;
pub mod reflink;
