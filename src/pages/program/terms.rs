//! A program's terms on the page where a partner joins.

use crate::pages::locale::Locale;
use crate::pages::text::terms as wording;
use crate::program::document::Document;
use maud::{Markup, html};

pub fn terms(d: &Document, locale: &dyn Locale) -> Markup {
    html! {
        dl.facts {
            @for (name, sentences) in wording::rows(d, locale).iter().filter(|(_, sentences)| !sentences.is_empty()) {
                div {
                    dt { (name) }
                    dd { @for sentence in sentences { p { (sentence) } } }
                }
            }
        }
    }
}
