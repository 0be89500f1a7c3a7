//! Links, clicks on them, and where they lead.

pub mod destination;
