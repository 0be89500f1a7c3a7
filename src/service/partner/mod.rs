//! Partners: joining, profiles and what they see.

pub mod enroll;
pub mod profile;
pub mod resource;
