//! The pages, asked as a browser asks them, over the product's SQL on SQLite.

#[path = "pages/frame.rs"]
mod frame;
#[path = "pages/house.rs"]
mod house;
#[path = "pages/operator_forms.rs"]
mod operator_forms;
#[path = "pages/operator_money.rs"]
mod operator_money;
#[path = "pages/operator_pages.rs"]
mod operator_pages;
#[path = "pages/operator_world.rs"]
mod operator_world;
#[allow(dead_code)]
#[path = "payout/stripe.rs"]
mod stripe;
mod support;
