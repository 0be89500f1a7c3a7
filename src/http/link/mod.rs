//! Links, clicks on them, and their destinations.

pub mod cache;
pub mod links;
pub mod redirect;
pub mod reflink;
