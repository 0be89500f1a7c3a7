//! Attacks: requests to the Worker on workerd by an attacker who wants another person's access, money or secrets.
//!
//! Each file is one kind of attack. Where possible the targets come from the tables of routes and pages, so that a new
//! route or page is attacked without being listed here. Every file ends with the same check: nothing broke on the way,
//! and the ledger still adds up.

mod attribution;
mod browser;
mod click_floods;
mod fixture;
mod floods;
mod foreign;
mod forms;
mod hooks;
mod joining;
mod keys;
mod log;
mod money;
mod pages;
mod raw;
mod roles;
mod sessions;
mod suspects;
mod tables;
mod tokens;
mod told;
mod world;
