//! Attribution: which partner an account belongs to, and why.

pub mod evidence;
pub mod question;
pub mod search;
pub mod suspicion;
