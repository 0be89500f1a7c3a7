//! Partners: joining, profiles and their pages.

pub mod address;
pub mod destination;
pub mod enroll;
pub mod link_change;
pub mod profile;
pub mod resource;
pub mod standing;
