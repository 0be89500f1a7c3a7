//! Partners: joining, profiles and their pages.

pub mod partners;
