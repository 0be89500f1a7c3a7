//! Programs and their documents.

pub mod comparison;
pub mod document;
pub mod editor;
pub mod guide;
pub mod operator_programs;
pub mod operator_resources;
pub mod partner_programs;
pub mod partner_resources;
pub mod terms;
