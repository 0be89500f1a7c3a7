//! The tag that the site's pages load the script of the site with, for the operator to copy.

use crate::http::assets;
use crate::http::config::Config;
use crate::pages::components;
use crate::pages::text::operator::home as wording;
use maud::{Markup, html};

pub fn tag(config: &Config) -> Markup {
    html! {
        section.sheet {
            h2 { (wording::SITE_SCRIPT) }
            p { (if config.injects_script { wording::SITE_SCRIPT_INJECTED } else { wording::SITE_SCRIPT_HINT }) }
            @if !config.injects_script { (components::copyable(wording::SITE_SCRIPT_TAG, &assets::site_script_tag())) }
        }
    }
}
