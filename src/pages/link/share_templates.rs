//! Drafts to share a link: an email and two posts, in three tones, each with the disclosure.

use crate::http::context::Platform;
use crate::pages::context::PageContext;
use crate::pages::locale::Locale;
use crate::program::document::{Document, Unit};

/// Value and title of each tone.
pub const TONES: &[(&str, &str)] =
    &[("friendly", "To a friend"), ("plain", "To a colleague"), ("client", "To a client")];

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
    let named = &cx.app.config.site_name;
    if !named.is_empty() {
        return named.clone();
    }
    let site = site(cx);
    let host = site.split("://").last().unwrap_or("").split(['/', ':']).next().unwrap_or("");
    host.strip_prefix("www.").unwrap_or(host).to_owned()
}

/// The disclosure that advertising rules require: what the partner gets for the recommendation.
pub fn disclosure(document: Option<&Document>) -> &'static str {
    match document {
        Some(d) if d.rewards.is_empty() => "Full disclosure: I am a partner of this program.",
        Some(d) if d.settlement.unit == Unit::Cash => {
            "Full disclosure: I may earn a commission if you sign up through this link."
        }
        _ => "Full disclosure: I may earn account credit if you sign up through this link.",
    }
}

fn benefit(locale: &dyn Locale, document: Option<&Document>) -> String {
    let Some(benefit) = document.and_then(|d| d.benefit.as_ref()) else { return String::new() };
    format!(" You'll get {} off your first invoice.", locale.percent(benefit.rate_bps.0))
}

pub fn written(
    locale: &dyn Locale,
    document: Option<&Document>,
    tone: &str,
    product: &str,
    name: &str,
    url: &str,
) -> Texts {
    let (disclosure_text, extra) = (disclosure(document), benefit(locale, document));
    let (subject, body, post) = match tone {
        "plain" => (
            format!("{product} could help your team"),
            format!(
                "Hello,\n\nI think {product} could help your team. You can find it here:\n\n{url}\n\n\
                 I'm happy to answer any questions.{extra}\n\n{disclosure_text}\n\nBest regards,\n{name}\n"
            ),
            format!("If your team could use {product}, you can find it here: {url}{extra} {disclosure_text}"),
        ),
        "client" => (
            format!("A recommendation for your project: {product}"),
            format!(
                "Hello,\n\nI recommend {product} for the project we discussed. Please use our link to sign up:\n\n{url}\n\n\
                 Let me know when you have an account, and we can take it from there.{extra}\n\n{disclosure_text}\n\nBest regards,\n{name}\n"
            ),
            format!(
                "Clients ask us which tools we recommend. One of them is {product}: {url}{extra} {disclosure_text}"
            ),
        ),
        _ => (
            format!("Have you seen {product}?"),
            format!(
                "Hi,\n\nI think you might like {product}. Here is my link:\n\n{url}\n\nTake a look and let me know what you \
                 think.{extra}\n\n{disclosure_text}\n\n{name}\n"
            ),
            format!("Take a look at {product}: {url}{extra} {disclosure_text}"),
        ),
    };
    let ad = if document.is_some_and(|d| d.rewards.is_empty()) {
        "ad: I'm a partner"
    } else {
        "ad: I may earn from sign-ups"
    };
    Texts { subject, body, post, short: format!("{product}: {url} ({ad})") }
}

/// A link that opens the reader's email app with a draft that only needs a recipient.
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
    fn every_text_has_the_link_and_the_disclosure() {
        for (_, preset) in PRESETS {
            let document = check::read(preset).unwrap();
            for (tone, _) in TONES {
                let t = written(&Plain, Some(&document), tone, "shop.example", "Ann", "https://ref.example/r/A");
                assert!(t.body.contains("https://ref.example/r/A") && t.post.contains("https://ref.example/r/A"));
                assert!(t.body.contains(disclosure(Some(&document))) && t.post.contains(disclosure(Some(&document))));
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
