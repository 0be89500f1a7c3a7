//! Attacks: the Worker on workerd as somebody asks it who is after another's rights, money or secrets.
//!
//! Each file is one way in. What is attacked is listed by the tables of routes and pages themselves wherever there is one,
//! so that a new route or page is attacked without being named here. Every file ends with the same question: did anything
//! break on the way, and do the books still add up.

mod attribution;
mod browser;
mod fixture;
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
