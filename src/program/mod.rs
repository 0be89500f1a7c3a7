//! The program document: the data that one engine interprets.
//!
//! In scope: its types, its checks, the presets that ship. Not in scope: what a document does to an account
//! (`engine`). A document is checked when the crate is built (presets, by `build.rs`) and by the same code when an
//! operator saves one.

pub mod catalog;
pub mod check;
pub mod document;
pub mod measure;
pub mod settlement;
