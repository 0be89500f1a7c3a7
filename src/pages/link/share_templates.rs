//! Locale to share a link with: a mail and two posts, in three tones, each with the sentence that says who earns.

use crate::http::context::Platform;
use crate::pages::locale::Locale;
use crate::pages::visit::PageContext;
use crate::program::document::{Document, Unit};

/// Value and title of each tone.
pub const TONES: &[(&str, &str)] =
    &[("friendly", "To a friend"), ("plain", "To a colleague"), ("client", "To a client")];

/// What is written.
pub struct Texts {
    pub subject: String,
    pub body: String,
    pub post: String,
    pub short: String,
}

/// The site that links lead to: its address.
pub fn site<S: Platform>(visit: &PageContext<'_, S>) -> String {
    let site = &visit.app.config.site_url;
    if site.is_empty() { visit.base_url() } else { site.clone() }
}

/// The site as people call it.
pub fn site_name<S: Platform>(visit: &PageContext<'_, S>) -> String {
    let named = &visit.app.config.site_name;
    if !named.is_empty() {
        return named.clone();
    }
    let site = site(visit);
    let host = site.split("://").last().unwrap_or("").split(['/', ':']).next().unwrap_or("");
    host.strip_prefix("www.").unwrap_or(host).to_owned()
}

/// The sentence that the rules for advertising ask for: who recommends says what it brings.
pub fn disclosure(document: Option<&Document>) -> &'static str {
    match document.map(|d| d.settlement.unit) {
        Some(Unit::Cash) => "Full disclosure: I may earn a commission if you sign up through this link.",
        _ => "Full disclosure: I get account credit if you sign up through this link.",
    }
}

fn benefit(words: &dyn Locale, document: Option<&Document>) -> String {
    let Some(benefit) = document.and_then(|d| d.benefit.as_ref()) else { return String::new() };
    format!(" You get {} off your first invoice with it.", words.percent(benefit.rate_bps.0))
}

pub fn written(
    words: &dyn Locale,
    document: Option<&Document>,
    tone: &str,
    product: &str,
    name: &str,
    url: &str,
) -> Texts {
    let (told, extra) = (disclosure(document), benefit(words, document));
    let (subject, body, post) = match tone {
        "plain" => (
            format!("{product}: worth a look"),
            format!(
                "Hello,\n\nwe have been using {product} for a while, and it does what it says. If it could help your team, this \
                 link takes you there:\n\n{url}\n\nYou can try it by yourself, and I am glad to answer questions.{extra}\n\n{told}\n\n\
                 Best regards\n{name}\n"
            ),
            format!(
                "We use {product} at work and would choose it again. If you are looking for something like it: {url}{extra} {told}"
            ),
        ),
        "client" => (
            format!("A recommendation for your project: {product}"),
            format!(
                "Hello,\n\nfor what we talked about I recommend {product}. It fits your project, and we know it well: we can set it \
                 up for you, and you keep the account.\n\nPlease sign up here, so that it is clear that you come from us:\n\n{url}\n\n\
                 Tell me once you are in, and I will take it from there.{extra}\n\n{told}\n\nBest regards\n{name}\n"
            ),
            format!(
                "Our clients ask which tools we build on. One that we keep recommending is {product}: {url}{extra} {told}"
            ),
        ),
        _ => (
            format!("Have you seen {product}?"),
            format!(
                "Hi,\n\nI have been using {product} and thought of you. Here is my link:\n\n{url}\n\nHave a look, and tell me what you \
                 think.{extra}\n\n{told}\n\nSee you\n{name}\n"
            ),
            format!("I like {product}, so I am passing it on: {url}{extra} {told}"),
        ),
    };
    Texts { subject, body, post, short: format!("{product}: {url} (ad: I earn from sign-ups)") }
}

/// Opens the reader's mail program with a mail that only lacks its recipient.
pub fn mail_address(subject: &str, body: &str) -> String {
    let lines = |text: &str| crate::pages::components::escaped(&text.replace("\r\n", "\n").replace('\n', "\r\n"));
    format!("mailto:?subject={}&body={}", lines(&subject.replace(['\r', '\n'], " ")), lines(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::locale::Plain;
    use crate::program::catalog::PRESETS;
    use crate::program::check;

    #[test]
    fn every_text_has_the_link_and_says_who_earns() {
        for (_, preset) in PRESETS {
            let document = check::read(preset).unwrap();
            for (tone, _) in TONES {
                let t = written(&Plain, Some(&document), tone, "shop.example", "Ann", "https://ref.example/r/A");
                assert!(t.body.contains("https://ref.example/r/A") && t.post.contains("https://ref.example/r/A"));
                assert!(t.body.contains(disclosure(Some(&document))) && t.post.contains(disclosure(Some(&document))));
                assert!(t.short.contains("https://ref.example/r/A") && t.short.contains("I earn"));
                assert_eq!(t.body.contains("20% off"), document.benefit.is_some(), "{}", document.id);
            }
        }
    }

    #[test]
    fn a_mail_address_is_one_address() {
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
