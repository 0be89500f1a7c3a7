//! Links, clicks on them, and their destinations.

pub mod clicks;
pub mod hot;
pub mod links;
