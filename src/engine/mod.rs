//! Pure decisions. Nothing here reads a clock, randomness or a store: instants, facts and bytes are arguments.

pub mod event;
pub mod touch;
