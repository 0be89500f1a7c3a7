//! The pages, asked as a browser asks them, over the product's SQL on SQLite.

#[path = "pages/frame.rs"]
mod frame;
#[path = "pages/house.rs"]
mod house;
#[path = "pages/join.rs"]
mod join;
#[path = "pages/operator_forms.rs"]
mod operator_forms;
#[path = "pages/operator_money.rs"]
mod operator_money;
#[path = "pages/operator_pages.rs"]
mod operator_pages;
#[path = "pages/operator_world.rs"]
mod operator_world;
#[path = "pages/partner_books.rs"]
mod partner_books;
#[path = "pages/partner_figures.rs"]
mod partner_figures;
#[path = "pages/partner_forms.rs"]
mod partner_forms;
#[path = "pages/partner_own.rs"]
mod partner_own;
#[path = "pages/partner_scale.rs"]
mod partner_scale;
#[path = "pages/settings.rs"]
mod settings;
#[path = "pages/sign_in.rs"]
mod sign_in;
#[allow(dead_code)]
#[path = "payout/stripe.rs"]
mod stripe;
mod support;
