//! What a request through a referral link is: a person's visit, a bot's, a prefetch, or an embedded load.
//!
//! Only a visit gets a cookie. Source: "what is not a click" and "cookie stuffing" of the security notes. The list of
//! names is limited and prefers to call a program a bot: a missed person loses one touch, but a bot that counts as a
//! person makes every partner's numbers worthless.

use crate::engine::link::bots::{Agent, agent_of};

/// The headers that decide, as received. `None` if the request has no such header.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestSignals<'a> {
    pub method: &'a str,
    pub user_agent: Option<&'a str>,
    /// `Sec-Purpose`, `Purpose`, `X-Purpose` and `X-Moz`, if present.
    pub purposes: [Option<&'a str>; 4],
    pub fetch_mode: Option<&'a str>,
    pub fetch_dest: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitKind {
    /// A person's top-level navigation: counted, and gets the cookie.
    Visit,
    /// A known crawler, unfurler or tool: counted as `bot`, no cookie.
    Bot,
    /// Nobody has seen it yet: HEAD, prefetch, prerender, preview. Not counted, no cookie.
    Prefetch,
    /// An Office program that looks at a link before it hands it to the browser. Not counted, no cookie.
    OfficeApp,
    /// An image, a frame, a script's fetch: not counted and no cookie, so that nobody can stuff cookies.
    Embed,
}

/// Purposes that mean that nobody is looking at the page yet (`prefetch;prerender`, `preview`, `instant`).
const PURPOSES: [&str; 4] = ["prefetch", "prerender", "preview", "instant"];

/// Classifies a request. Prefetch and embedding are checked before the User-Agent, because they are never counted.
pub fn classify(signals: &RequestSignals<'_>) -> VisitKind {
    let agent = || signals.user_agent.map_or(Agent::Program, agent_of);
    if !signals.method.eq_ignore_ascii_case("GET") {
        let is_office = signals.method.eq_ignore_ascii_case("HEAD") && agent() == Agent::OfficeApp;
        return if is_office { VisitKind::OfficeApp } else { VisitKind::Prefetch };
    }
    if signals.purposes.iter().flatten().any(|purpose| is_prefetch(purpose)) {
        return VisitKind::Prefetch;
    }
    if is_embed(signals) {
        return VisitKind::Embed;
    }
    match agent() {
        Agent::Person => VisitKind::Visit,
        Agent::Program => VisitKind::Bot,
        Agent::OfficeApp => VisitKind::OfficeApp,
    }
}

/// Whether the browser says that this is no navigation of a page. A site's service worker that passes navigations on makes
/// their destination `empty`.
pub fn is_embed(signals: &RequestSignals<'_>) -> bool {
    let is = |sent: &str, wanted: &str| sent.trim().eq_ignore_ascii_case(wanted);
    let navigates = signals.fetch_mode.map(|mode| is(mode, "navigate"));
    navigates == Some(false)
        || signals.fetch_dest.is_some_and(|dest| !(is(dest, "document") || is(dest, "empty") && navigates.is_some()))
}

/// Whether a page's own request (a beacon, a pixel) means that a person is looking at it: not a program and not a
/// prefetch.
pub fn is_seen(user_agent: Option<&str>, purposes: &[Option<&str>]) -> bool {
    user_agent.is_some_and(|agent| agent_of(agent) == Agent::Person)
        && !purposes.iter().flatten().any(|purpose| is_prefetch(purpose))
}

fn is_prefetch(purpose: &str) -> bool {
    let lower = purpose.to_ascii_lowercase();
    PURPOSES.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

    fn browser() -> RequestSignals<'static> {
        RequestSignals {
            method: "GET",
            user_agent: Some(CHROME),
            fetch_mode: Some("navigate"),
            fetch_dest: Some("document"),
            ..RequestSignals::default()
        }
    }

    #[test]
    fn signals_decide() {
        let purposes = |place: usize, value| {
            let mut purposes = [None; 4];
            purposes[place] = Some(value);
            RequestSignals { purposes, ..browser() }
        };
        let fetch = |fetch_mode, fetch_dest| RequestSignals { fetch_mode, fetch_dest, ..browser() };
        for (signals, expected) in [
            (browser(), VisitKind::Visit),
            (fetch(None, None), VisitKind::Visit),
            (fetch(Some("Navigate"), None), VisitKind::Visit),
            (RequestSignals { method: "HEAD", ..browser() }, VisitKind::Prefetch),
            (
                RequestSignals { method: "HEAD", user_agent: Some("Microsoft Office/16.0"), ..browser() },
                VisitKind::OfficeApp,
            ),
            (
                RequestSignals { user_agent: Some("Mozilla/4.0 (ms-office; MSOffice 16)"), ..browser() },
                VisitKind::OfficeApp,
            ),
            (fetch(Some("navigate"), Some("empty")), VisitKind::Visit),
            (fetch(None, Some("empty")), VisitKind::Embed),
            (fetch(Some("same-origin"), Some("empty")), VisitKind::Embed),
            (purposes(0, "prefetch;anonymous-client-ip"), VisitKind::Prefetch),
            (RequestSignals { method: "POST", ..browser() }, VisitKind::Prefetch),
            (RequestSignals { method: "", ..browser() }, VisitKind::Prefetch),
            (RequestSignals { user_agent: None, ..browser() }, VisitKind::Bot),
            (RequestSignals { user_agent: Some(""), ..browser() }, VisitKind::Bot),
            (RequestSignals { user_agent: Some("  "), ..browser() }, VisitKind::Bot),
            (purposes(0, "prefetch;prerender"), VisitKind::Prefetch),
            (purposes(1, "prefetch"), VisitKind::Prefetch),
            (purposes(2, "preview"), VisitKind::Prefetch),
            (purposes(3, "Prefetch"), VisitKind::Prefetch),
            (purposes(0, ""), VisitKind::Visit),
            (fetch(Some("no-cors"), Some("image")), VisitKind::Embed),
            (fetch(Some("navigate"), Some("iframe")), VisitKind::Embed),
            (fetch(Some("cors"), Some("empty")), VisitKind::Embed),
            (fetch(Some(""), None), VisitKind::Embed),
            (RequestSignals { user_agent: Some("Slackbot"), ..fetch(Some("no-cors"), None) }, VisitKind::Embed),
            (RequestSignals { user_agent: Some("Slackbot"), ..browser() }, VisitKind::Bot),
        ] {
            assert_eq!(classify(&signals), expected, "{signals:?}");
        }
    }

    #[test]
    fn pages_are_seen_by_people() {
        assert!(is_seen(Some(CHROME), &[None, Some("")]));
        assert!(!is_seen(Some(CHROME), &[None, Some("prefetch;prerender")]));
        assert!(!is_seen(Some("curl/8.5.0"), &[]) && !is_seen(None, &[]));
    }
}
