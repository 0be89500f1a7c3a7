//! The database port and all SQL of the product, one file per table family.

pub mod click;
pub mod link;
pub mod port;
