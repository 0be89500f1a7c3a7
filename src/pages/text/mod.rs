//! What people read on the pages: every text once, by its key.

pub mod operator;
pub mod partner;
