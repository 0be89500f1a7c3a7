//! Links, clicks on them, and where they lead.

pub mod clicks;
pub mod hot;
pub mod links;
