//! Drafts to share a link: an email and two posts, in three tones, each with the disclosure.

use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::context::PageContext;
use crate::pages::locale::Locale;
use crate::pages::text::partner::share as text;
use crate::program::document::Document;

/// Value and title of each tone.
pub const TONES: &[(&str, &str)] = &[("friendly", text::FRIENDLY), ("plain", text::PLAIN), ("client", text::CLIENT)];

/// The drafts.
pub struct Texts {
    pub subject: String,
    pub body: String,
    pub post: String,
    pub short: String,
}

/// The URL of the site that links lead to.
pub fn site<S: Platform>(cx: &PageContext<'_, S>) -> String {
    let site = &cx.app.config.site_url;
    if site.is_empty() { cx.base_url() } else { site.clone() }
}

/// The site's name for people.
pub fn site_name<S: Platform>(cx: &PageContext<'_, S>) -> String {
    cx.app.config.name_of_site(&cx.base_url())
}

pub fn written(
    locale: &dyn Locale,
    document: Option<&Document>,
    tone: &str,
    product: &str,
    name: &str,
    url: &str,
) -> Texts {
    let benefit = document.and_then(|d| d.benefit.as_ref());
    let benefit = benefit.map(|b| text::benefit(&locale.percent(b.rate_bps.0))).unwrap_or_default();
    let draft = text::Draft { product, name, url, benefit: &benefit, disclosure: text::disclosure(document) };
    let text::Drafted { subject, body, post } = match tone {
        "plain" => text::plain(&draft),
        "client" => text::client(&draft),
        _ => text::friendly(&draft),
    };
    Texts { subject, body, post, short: text::short(&draft, text::short_disclosure(document)) }
}

/// A link that opens the reader's email app with a draft that only needs a recipient.
pub fn mail_address(subject: &str, body: &str) -> String {
    let lines = |text: &str| percent::escaped(&text.replace("\r\n", "\n").replace('\n', "\r\n"));
    format!("mailto:?subject={}&body={}", lines(&subject.replace(['\r', '\n'], " ")), lines(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::locale::Plain;
    use crate::program::catalog::PRESETS;
    use crate::program::check;

    #[test]
    fn every_text_has_the_link_and_the_disclosure() {
        for (_, preset) in PRESETS {
            let document = check::read(preset).unwrap();
            for (tone, _) in TONES {
                let t = written(&Plain, Some(&document), tone, "shop.example", "Ann", "https://ref.example/r/A");
                assert!(t.body.contains("https://ref.example/r/A") && t.post.contains("https://ref.example/r/A"));
                assert!(
                    t.body.contains(text::disclosure(Some(&document)))
                        && t.post.contains(text::disclosure(Some(&document)))
                );
                assert!(t.short.contains("https://ref.example/r/A") && t.short.contains("(ad: "));
                assert_eq!(t.body.contains("20% off"), document.benefit.is_some(), "{}", document.id);
            }
        }
    }

    #[test]
    fn an_email_link_is_one_url() {
        let evil = "x&bcc=all@b.example\r\nBcc: all@b.example?to=me#\"<>";
        let address = mail_address(evil, evil);
        let (subject, body) =
            address.strip_prefix("mailto:?subject=").and_then(|rest| rest.split_once("&body=")).unwrap();
        for part in [subject, body] {
            assert!(part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{part}");
        }
        assert!(!subject.contains("%0D") && !subject.contains("%0A") && body.contains("%0D%0A"));
    }
}
