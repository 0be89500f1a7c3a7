//! Load, decide, commit: one file per use. No clock, no randomness: instants and bytes are arguments.

pub mod click;
