//! Links, clicks on them, and their destinations.

pub mod choose;
pub mod click;
pub mod flushing;
pub mod limits;
pub mod removal;
