//! Stages that visitors reach, and the funnel's figures.

pub mod collect;
