//! What a request through a referral link is: a person's visit, a bot's, a prefetch, or an embedded load.
//!
//! Only a visit gets a cookie. Source: "what is not a click" and "cookie stuffing" of the security notes. The list of
//! names is limited and prefers to call a program a bot: a missed person loses one touch, but a bot that counts as a
//! person makes every partner's numbers worthless.

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
    /// An image, a frame, a script's fetch: not counted and no cookie, so that nobody can stuff cookies.
    Embed,
}

/// Longest part of a User-Agent that is searched. Real ones are shorter, and bots' names come early.
const USER_AGENT_MAX: usize = 512;

/// Purposes that mean that nobody is looking at the page yet (`prefetch;prerender`, `preview`, `instant`).
const PURPOSES: [&str; 4] = ["prefetch", "prerender", "preview", "instant"];

/// Lowercase text that the User-Agents of programs contain.
const BOTS: &[&str] = &[
    // What most crawlers call themselves: Googlebot, bingbot, Twitterbot, Discordbot, LinkedInBot, TelegramBot,
    // Slackbot, Applebot, AhrefsBot, GPTBot, ClaudeBot, PerplexityBot, redditbot.
    "bot",
    "crawl",
    "spider",
    "slurp",
    "scrape",
    "archiver",
    // Unfurlers, which fetch a link when it is pasted into a chat or a post.
    "facebookexternalhit",
    "facebookcatalog",
    "meta-external",
    "whatsapp",
    "slack-imgproxy",
    "skypeuripreview",
    "microsoftpreview",
    "pinterest/",
    "vkshare",
    "embedly",
    "iframely",
    "quora link preview",
    "outbrain",
    "flipboard",
    "tumblr/",
    "bitlybot",
    "nuzzel",
    "viber",
    "snap url preview",
    "mattermost",
    "linkpreview",
    "link preview",
    "google-pagerenderer",
    "googleimageproxy",
    "yahoomailproxy",
    "bluesky",
    "mastodon/",
    "zulip",
    "signal/",
    // Monitors, validators and page renderers.
    "lighthouse",
    "pagespeed",
    "pingdom",
    "uptime",
    "gtmetrix",
    "validator",
    "headlesschrome",
    "phantomjs",
    "statuscake",
    "synthetic",
    "datadog",
    "google-read-aloud",
    "mediapartners-google",
    "google-inspectiontool",
    // Libraries and tools.
    "curl/",
    "wget/",
    "python-",
    "python/",
    "go-http-client",
    "okhttp",
    "java/",
    "axios/",
    "node-fetch",
    "undici",
    "libwww-perl",
];

/// Browsers whose User-Agent contains a word of the list: Cubot phones, which name their model there.
const NOT_BOTS: [&str; 1] = ["cubot"];

/// Classifies a request. Prefetch and embedding are checked before the User-Agent, because they are never counted.
pub fn classify(signals: &RequestSignals<'_>) -> VisitKind {
    if !signals.method.eq_ignore_ascii_case("GET") || signals.purposes.iter().flatten().any(|p| is_prefetch(p)) {
        return VisitKind::Prefetch;
    }
    let differs =
        |sent: Option<&str>, wanted: &str| sent.is_some_and(|value| !value.trim().eq_ignore_ascii_case(wanted));
    if differs(signals.fetch_mode, "navigate") || differs(signals.fetch_dest, "document") {
        return VisitKind::Embed;
    }
    if signals.user_agent.is_none_or(is_bot) { VisitKind::Bot } else { VisitKind::Visit }
}

/// Whether a page's own request (a beacon, a pixel) means that a person is looking at it: not a program and not a
/// prefetch.
pub fn is_seen(user_agent: Option<&str>, purposes: &[Option<&str>]) -> bool {
    !user_agent.is_none_or(is_bot) && !purposes.iter().flatten().any(|purpose| is_prefetch(purpose))
}

/// Whether this User-Agent belongs to a program. An empty one counts as a program.
pub fn is_bot(user_agent: &str) -> bool {
    let mut lower = [0u8; USER_AGENT_MAX];
    let bytes = user_agent.trim().as_bytes();
    let len = bytes.len().min(USER_AGENT_MAX);
    if len == 0 {
        return true;
    }
    for (to, from) in lower.iter_mut().zip(bytes) {
        *to = from.to_ascii_lowercase();
    }
    let lower = &lower[..len];
    let begins = |pair: &[u8]| PAIRS[usize::from(pair[0] & 31)] >> (pair[1] & 31) & 1 == 1;
    let named = |at: usize| BOTS.iter().any(|name| lower[at..].starts_with(name.as_bytes()));
    let found = lower.windows(2).enumerate().any(|(at, pair)| begins(pair) && named(at));
    found && !NOT_BOTS.iter().any(|name| lower.windows(name.len()).any(|window| window == name.as_bytes()))
}

/// The pairs of letters (by their low five bits) that start a name on the list: one lookup per byte instead of sixty
/// comparisons.
const PAIRS: [u32; 32] = {
    let mut pairs = [0u32; 32];
    let mut at = 0;
    while at < BOTS.len() {
        let name = BOTS[at].as_bytes();
        pairs[(name[0] & 31) as usize] |= 1 << (name[1] & 31);
        at += 1;
    }
    pairs
};

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

    #[test]
    fn programs_are_bots() {
        for agent in [
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "WhatsApp/2.23.20.0",
            "Twitterbot/1.0",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/142.0.0.0 Safari/537.36",
            "curl/8.5.0",
            "Wget/1.21",
            "python-requests/2.31",
            "Go-http-client/2.0",
            "SKYPEURIPREVIEW",
        ] {
            assert!(is_bot(agent), "{agent}");
        }
    }

    #[test]
    fn browsers_are_not() {
        for agent in [
            CHROME,
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Mozilla/5.0 (Linux; Android 13; CUBOT KINGKONG 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/440.0.0]",
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36 Instagram 350.0.0.0 Android",
        ] {
            assert!(!is_bot(agent), "{agent}");
        }
    }
}
