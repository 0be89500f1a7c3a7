//! Attribution: which partner an account belongs to, and why.

pub mod page_touch;
pub mod signals;
pub mod visitors;
