//! Stages that visitors reach, and what the figures say.

pub mod operator_funnel;
