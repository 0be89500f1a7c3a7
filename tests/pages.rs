//! The pages, asked as a browser asks them, over the product's SQL on SQLite.

#[path = "pages/frame.rs"]
mod frame;
#[path = "pages/house.rs"]
mod house;
#[path = "pages/join.rs"]
mod join;
#[path = "pages/settings.rs"]
mod settings;
#[path = "pages/sign_in.rs"]
mod sign_in;
mod support;
