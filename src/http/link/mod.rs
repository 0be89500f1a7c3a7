//! Links, clicks on them, and where they lead.

pub mod cache;
pub mod links;
pub mod redirect;
pub mod reflink;
