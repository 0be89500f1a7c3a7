//! The program document: the data that the engine interprets.
//!
//! In scope: its types, its checks, the bundled presets. Not in scope: what a document does to an account (`engine`).
//! A test checks the presets, and an operator's document is checked by the same code when it is saved.

pub mod catalog;
pub mod check;
pub mod compiled;
pub mod document;
pub mod event;
pub mod measure;
pub mod modifier;
pub mod reward;
pub mod settlement;
pub mod usage;
