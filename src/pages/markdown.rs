//! Markdown by operators, converted to safe HTML: no raw HTML, no images from other sites, and links only to allowed
//! destinations.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// The page's own headings are above these.
const TOP_LEVEL: u8 = 2;

/// Markdown as HTML. Anything that looks like HTML is shown as text.
pub fn rendered(text: &str) -> Markup {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut out = String::with_capacity(text.len() * 3 / 2);
    // Whether each open link is rendered as a link.
    let mut links: Vec<bool> = Vec::new();
    let events = Parser::new_ext(text, options).filter_map(|event| shown(event, &mut links));
    html::push_html(&mut out, events);
    // Code that is wider than the screen is scrolled, also by keyboard. What the author typed is escaped.
    PreEscaped(out.replace("<pre>", "<pre tabindex=\"0\">"))
}

fn shown<'a>(event: Event<'a>, links: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Heading { level, .. }) => {
            // Without an id or class chosen by the author.
            Event::Start(Tag::Heading { level: below(level), id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below(level))),
        // An image is replaced by its text, so the browser loads none from other sites.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
        Event::Start(Tag::Link { link_type, dest_url, .. }) => {
            let address = if link_type == LinkType::Email { format!("mailto:{dest_url}").into() } else { dest_url };
            links.push(leads_somewhere(&address));
            if links.last() != Some(&true) {
                return None;
            }
            Event::InlineHtml(opened(&address))
        }
        Event::End(TagEnd::Link) => {
            if links.pop() != Some(true) {
                return None;
            }
            Event::InlineHtml("</a>".into())
        }
        other => other,
    })
}

fn opened(address: &str) -> CowStr<'static> {
    maud::html! { a href=(address) rel="noopener noreferrer" {} }.into_string().replace("</a>", "").into()
}

/// Whether a link may lead to this URL: the web, an email address, or a page of this site.
fn leads_somewhere(address: &str) -> bool {
    // Browsers ignore these characters anywhere in a URL, so they read `java\nscript:` as a scheme.
    if address.chars().any(|c| c.is_control() || c == '\\') {
        return false;
    }
    let address = address.trim();
    match address.split_once(':') {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => {
            ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        }
        _ => !address.is_empty() && !address.starts_with("//"),
    }
}

fn below(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    let number = (level as u8).saturating_add(TOP_LEVEL - 1).min(6);
    pulldown_cmark::HeadingLevel::try_from(usize::from(number)).unwrap_or(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_shown() {
        let html = rendered(
            "# One\n\nSay *hello* to `x < y`.\n\n- a\n- [b](https://b.example/?x=1&y=2)\n\n|A|B|\n|-|-|\n|1|2|\n",
        )
        .0;
        for part in [
            "<h2>One</h2>",
            "<em>hello</em>",
            "<code>x &lt; y</code>",
            "<a href=\"https://b.example/?x=1&amp;y=2\" rel=\"noopener noreferrer\">b</a>",
            "<td>1</td>",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert!(rendered("<me@b.example>").0.contains("<a href=\"mailto:me@b.example\""));
        assert!(rendered("[p](/partner/links)").0.contains("<a href=\"/partner/links\""));
        assert!(rendered("[p](?a=b:c)").0.contains("<a "));
    }

    #[test]
    fn nothing_of_it_runs() {
        for evil in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div onclick=\"alert(1)\">\n\n<b>x</b>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](<java\tscript:alert(1)>)",
            "[x](&#106;avascript:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "[x](vbscript:x)",
            "[x](//evil.example)",
            "[x](\\\\evil.example)",
            "![x](https://evil.example/pixel.png)",
            "![x](javascript:alert(1))",
            "<javascript:alert(1)>",
            "[x]: javascript:alert(1)\n\n[x]",
            "# x {onclick=alert(1) #id .c}",
            "[x](https://a.example \"\\\" onmouseover=alert(1)\")",
            "[x](https://a.example/\"onmouseover=alert(1))",
            "```\"><script>alert(1)</script>\nx\n```",
        ] {
            let html = rendered(evil).0;
            let tags: Vec<&str> = html.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or("")).collect();
            for tag in tags {
                let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or("");
                assert!(
                    ["p", "a", "h2", "pre", "code", "em", "strong", "b"].contains(&name) && name != "b",
                    "{evil}: {html}"
                );
                assert!(
                    !tag.split('"')
                        .step_by(2)
                        .any(|outside| outside.contains("on") && outside.contains('=') && outside.contains("onclick")),
                    "{evil}: {html}"
                );
                if name == "a" && tag.starts_with('a') {
                    assert!(tag.starts_with("a href=\"https://a.example"), "{evil}: {html}");
                    assert!(tag.ends_with("rel=\"noopener noreferrer\""), "{evil}: {html}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_script(text in "[<>a-z\\[\\]()!:\"'#`*/& \n]{0,60}") {
            let html = rendered(&text).0;
            for tag in html.split('<').skip(1) {
                let name = tag.trim_start_matches('/').split(['>', ' ', '\n', '/']).next().unwrap_or("");
                let known = ["p", "a", "h2", "h3", "h4", "h5", "h6", "pre", "code", "em", "strong", "blockquote", "ul", "ol", "li", "hr", "br", "del"];
                assert!(known.contains(&name), "{text:?}: {html}");
            }
        }
    }
}
