//! People: erasing them, and the copy of what is held about them.

pub mod copy;
pub mod erase;
