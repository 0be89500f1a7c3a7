//! Partners: joining, profiles and their pages.

pub mod enroll;
pub mod profile;
pub mod resource;
pub mod standing;
