//! Shared by the native tests: the product's SQL on SQLite, and a world that can fail.
#![allow(dead_code)]

pub mod clicks;
pub mod openapi;
pub mod scan;
pub mod site;
pub mod sqlite;
pub mod world;
