//! URLs of the pages' static files, where `scripts/assets.mjs` puts them.

pub const STYLE: &str = concat!(env!("ASSETS"), "/style.css");
pub const SCRIPT: &str = concat!(env!("ASSETS"), "/script.js");
pub const ICON: &str = concat!(env!("ASSETS"), "/icon.svg");
pub const TYPE: &str = concat!(env!("ASSETS"), "/garamond-5.3.0.woff2");
