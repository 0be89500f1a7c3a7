//! Stages that visitors reach, and what to conclude from the figures.

pub mod operator_funnel;
