//! Pure decisions. Nothing here reads a clock, randomness or a store: instants, facts and bytes are arguments.

pub mod click;
pub mod event;
pub mod link;
pub mod touch;
pub mod visit;
