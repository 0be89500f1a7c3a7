//! Addresses of the static files: what pages load, the description of the API and the guide to programs.
//! `scripts/assets.mjs` lays them out there.

pub const STYLE: &str = concat!(env!("ASSETS"), "/style.css");
pub const SCRIPT: &str = concat!(env!("ASSETS"), "/script.js");
pub const ICON: &str = concat!(env!("ASSETS"), "/icon.svg");
pub const DESCRIPTION: &str = concat!(env!("ASSETS"), "/openapi.json");
pub const GUIDE: &str = concat!(env!("ASSETS"), "/programs.md");
pub const TYPE: &str = concat!(env!("ASSETS"), "/garamond-5.3.0.woff2");
