//! Links, clicks on them, and where they lead.

pub mod change;
pub mod change_form;
pub mod links;
pub mod share;
pub mod share_templates;
