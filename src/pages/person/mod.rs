//! What is held about a person, and erasing it: for operators, and for partners about themselves.

pub mod operator;
pub mod own;
mod shown;
