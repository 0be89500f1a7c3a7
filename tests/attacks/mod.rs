//! Attacks: the Worker on workerd as somebody asks it who is after another's rights, money or secrets.
//!
//! Each file is one way in. What is attacked is listed by the tables of routes and pages themselves wherever there is one,
//! so that a new route or page is attacked without being named here. Every file ends with the same question: did anything
//! break on the way, and do the books still add up.

mod attribution;
mod browser;
//TODO mod desk;
//TODO mod foreign;
mod forms;
//TODO mod hooks;
mod joining;
//TODO mod keys;
//TODO mod log;
//TODO mod money;
mod pages;
mod raw;
mod roles;
mod sessions;
//TODO mod suspects;
mod tables;
//TODO mod told;
mod tokens;
mod world;
