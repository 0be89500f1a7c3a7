//! Credits, and how they are used.

pub mod credits;
