//! Stages that visitors reach, and what the figures say.

pub mod collect;
