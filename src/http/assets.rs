//! Addresses of the static files: what pages load, the description of the API and the guide to programs.
//! `scripts/assets.mjs` lays them out there.

pub const STYLE: &str = concat!(env!("ASSETS"), "/style.css");
pub const SCRIPT: &str = concat!(env!("ASSETS"), "/script.js");
pub const ICON: &str = concat!(env!("ASSETS"), "/icon.svg");
pub const DESCRIPTION: &str = concat!(env!("ASSETS"), "/openapi.json");
pub const GUIDE: &str = concat!(env!("ASSETS"), "/programs.md");
pub const TYPE: &str = concat!(env!("ASSETS"), "/garamond-5.3.0.woff2");

/// The script of the site, which the site's own pages load. `node scripts/assets.mjs --release` names its newest version.
pub const SITE_SCRIPT: &str = "/manicule/site.25d950a2b18c.js";
pub const SITE_SCRIPT_INTEGRITY: &str = "sha256-JdlQorGMADih/5LM3cY23rjxMdIjl/hdd3MBfHY1ppY=";

/// The tag of the site's pages.
pub fn site_script_tag() -> String {
    format!(r#"<script defer src="{SITE_SCRIPT}" integrity="{SITE_SCRIPT_INTEGRITY}"></script>"#)
}
