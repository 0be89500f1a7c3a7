//! Every text that people read on the pages, by key: one folder per audience, one file per page or topic. Markup stays in
//! the pages.

pub mod operator;
pub mod partner;
pub mod shared;
pub mod terms;
pub mod visitor;
