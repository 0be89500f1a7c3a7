//! Links, clicks on them, and their destinations.

pub mod choose;
pub mod click;
