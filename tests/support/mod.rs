//! What the native tests share: the product's SQL on SQLite itself, and a world that can fail.
#![allow(dead_code)]

pub mod openapi;
pub mod scan;
pub mod site;
pub mod sqlite;
pub mod world;
