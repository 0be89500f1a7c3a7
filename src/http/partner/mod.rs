//! Partners: joining, profiles and what they see.

pub mod partners;
