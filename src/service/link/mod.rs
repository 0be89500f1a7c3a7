//! Links, clicks on them, and their destinations.

pub mod click;
