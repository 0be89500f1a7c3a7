//! The pages, requested as by a browser, with the product's SQL on SQLite.

mod access;
mod address;
mod codes;
mod connect;
mod erasing;
pub mod fixture;
mod frame;
pub mod join;
mod one_click;
mod operator_adjustments;
mod operator_fixture;
mod operator_forms;
mod operator_money;
mod operator_pages;
mod partner_books;
mod partner_figures;
mod partner_forms;
mod partner_own;
mod partner_scale;
mod settings;
mod sign_in;
mod why_not;
