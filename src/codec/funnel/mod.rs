//! Stages that visitors reach, as pages report them.

pub mod beacon;
