//! The redirect: its destination, its headers, who gets the cookie, and what is counted.

use super::client::{Ask, CHROME, Reply, now_ms, step};
use super::facts::{Partner, ahead, signed_up};
use super::server::{Server, WRITTEN_WITHIN};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use manicule::base::time::UtcMillis;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SLACKBOT: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";

#[test]
fn a_link_leads_where_it_should() {
    let server = Server::start();
    let ann = server.enrol("user-referral", "ann");
    let base = server.base.clone();

    step("a link of a partner leads to the site");
    let reply = server.visit(&format!("/r/{}", ann.code)).send();
    assert_eq!(reply.location(), "/");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("referrer-policy"), Some("strict-origin-when-cross-origin"));
    assert!(reply.cookie().is_some());

    step("a campaign beside the code is in the touch and removed from the URL");
    let reply = server.visit(&format!("/pricing?ref={}&campaign=may_mail&x=1", ann.code)).send();
    assert!(reply.location().ends_with("/pricing?x=1"), "{}", reply.location());
    let cookie = reply.cookie().expect("a cookie");
    let payload = cookie.split('.').nth(2).expect("a payload");
    let touches = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    assert!(String::from_utf8_lossy(&touches).contains("\tmay_mail\t"), "{}", String::from_utf8_lossy(&touches));

    step("a destination keeps its own query, gets the link's UTM parameters and the visitor's");
    let code = server.link(
        &ann,
        json!({
            "destination": "https://shop.example/pricing?plan=pro#top", "campaign": "spring",
            "utm": {"source": "ann", "utm_medium": "email"},
        }),
    );
    assert_eq!(
        server.visit(&format!("/r/{code}")).send().location(),
        "https://shop.example/pricing?plan=pro&utm_medium=email&utm_source=ann#top"
    );
    let carried = server.visit(&format!("/r/{code}?utm_source=other&gclid=1")).send().location();
    assert_eq!(carried, "https://shop.example/pricing?plan=pro&utm_medium=email&utm_source=ann&gclid=1#top");

    step("?ref= on a page redirects to the same URL without it");
    let on_page = server.visit(&format!("/blog/post?a=1&ref={}&b=%20x", ann.code)).send();
    assert_eq!(on_page.location(), format!("{base}/blog/post?a=1&b=%20x"));
    assert!(on_page.cookie().is_some());

    step("?partner= is a parameter of the agency program only");
    let agency = server.enrol("agency-partner", "agency");
    assert!(server.visit(&format!("/?partner={}", agency.code)).send().cookie().is_some());
    let other = server.visit(&format!("/?partner={}", ann.code)).send();
    assert_eq!((other.status, other.cookie()), (404, None), "the site's own, and there is no site");

    unknown_codes(&server);

    astray(&server, &ann);
}

fn unknown_codes(server: &Server) {
    step("unknown and malformed codes answer as a plain visit does");
    let plain = server.visit("/r/").send();
    for path in [
        "/r/zzzzzzzz",
        "/r/%00",
        "/r/..%2f..",
        "/r/%3Cscript%3E",
        "/r/a/b",
        "/r/%ff",
        &format!("/r/{}", "a".repeat(500)),
    ] {
        let reply = server.visit(path).send();
        assert_eq!((reply.location(), reply.cookie()), (plain.location(), None), "{path}");
        assert_eq!(without_date(&reply), without_date(&plain), "{path}");
    }
    for path in ["/page?ref=zzzzzzzz&x=1", "/page?ref=/docs", "/page?partner=&campaign=spring"] {
        assert_eq!(server.visit(path).send().status, 404, "{path}: there is no site");
    }
}

fn astray(server: &Server, ann: &Partner) {
    step("unsafe destinations are refused when the link is created");
    for bad in [
        "//evil.example",
        "/\\evil.example",
        "https://a@evil.example",
        "javascript:alert(1)",
        "/r/AbC",
        &format!("{}/R/AbC?x", server.base),
        &format!("/pricing?x=1&ref={}", ann.code),
        "https://a.example/\r\nSet-Cookie: a=b",
        "data:text/html,x",
        "https://evil.example%0d%0a",
        "ftp://a.example",
        "",
    ] {
        let body = json!({"partner": ann.id, "destination": bad});
        let problem = server.post("/v1/links", &body).operator().send().expect(422).json();
        assert_eq!(problem["field"], "destination", "{bad:?}: {problem}");
    }
}

fn without_date(reply: &Reply) -> Vec<(String, String)> {
    let mut headers: Vec<_> = reply.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    headers.sort();
    headers
}

#[test]
fn only_a_persons_navigation_gets_the_cookie() {
    let server = Server::start();
    let ann = server.enrol("user-referral", "ann");
    let path = format!("/r/{}", ann.code);
    let visit = || server.visit(&path);

    step("bots, prefetches and embedded loads are redirected and get nothing");
    wait_for_the_hour();
    let mut head = server.ask("HEAD", &path);
    for (name, value) in [("user-agent", CHROME), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")] {
        head = head.header(name, value);
    }
    let cases: Vec<(&str, Ask<'_>)> = vec![
        ("an unfurler", visit().header("user-agent", SLACKBOT)),
        ("curl", visit().header("user-agent", "curl/8.5.0")),
        ("no user agent", visit().header("user-agent", "")),
        ("HEAD", head),
        ("an image", visit().header("sec-fetch-mode", "no-cors").header("sec-fetch-dest", "image")),
        ("a frame", visit().header("sec-fetch-dest", "iframe")),
        ("a script's fetch", visit().header("sec-fetch-mode", "cors").header("sec-fetch-dest", "empty")),
    ];
    for (what, ask) in cases {
        let reply = ask.send();
        assert_eq!((reply.location().as_str(), reply.cookie()), ("/", None), "{what}");
    }
    step("what a browser only prepares is asked for again at the click");
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("sec-purpose", "prefetch;anonymous-client-ip"),
        ("purpose", "prefetch"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
    ] {
        for path in [path.clone(), format!("/page?ref={}", ann.code)] {
            let reply = server.visit(&path).header(name, value).send();
            assert_eq!((reply.status, reply.cookie(), reply.header("cache-control")), (503, None, Some("no-store")));
        }
    }
    let mut head = server.ask("HEAD", &path).header("sec-purpose", "prefetch");
    head = head.header("user-agent", CHROME);
    assert_eq!(head.send().location(), "/");
    assert_eq!(server.visit("/docs?ref=main").header("sec-purpose", "prefetch").send().status, 404, "the site's");

    step("Office programs get a page that leads on");
    let office = visit().header("user-agent", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)").send().expect(200);
    assert_eq!((office.header("content-type"), office.cookie()), (Some("text/html; charset=utf-8"), None));
    assert!(office.text.contains(&format!("url={}{path}\"", server.base)), "{}", office.text);

    step("plain http goes to https first, except on this machine and behind a proxy");
    let plain = visit().header("host", "go.example").send();
    assert_eq!((plain.location(), plain.cookie()), (format!("https://go.example{path}"), None));
    let proxied = visit().header("host", "go.example").header("x-forwarded-proto", "https").send();
    assert!(proxied.cookie().is_some());

    step("a service worker that passes a navigation on");
    let worker = visit().header("sec-fetch-dest", "empty").header("user-agent", format!("{CHROME} sw")).send();
    assert!(worker.cookie().is_some());

    step("an older browser without Sec-Fetch headers gets it");
    let old = visit().without("sec-fetch-mode").without("sec-fetch-dest").send();
    let cookie = old.cookie().expect("the cookie");

    step("a visitor's hour counts once, with the cookie and without; a bot is counted apart");
    visit().header("cookie", &cookie).send();
    visit().send();
    assert_eq!(clicks(&server, &ann, (2, 3)), (2, 3), "of the bots every user agent is one");
}

#[test]
fn links_count_as_they_arrive() {
    let server = Server::start();
    let ann = server.enrol("user-referral", "ann");
    let code = &ann.code;

    step("with what a sentence, an app or a keyboard adds");
    let short = [
        format!("/r/{code}/"),
        format!("/r/{code}."),
        format!("/r/{code})"),
        format!("/r/{code},"),
        format!("/r/{code}%22"),
        format!("/r/{code}%E2%80%9D"),
        format!("/r/{code}%20"),
        format!("/r/{code}%E2%80%8B"),
        format!("/r/{code}&utm_source=x"),
        format!("//r/{code}"),
        format!("/R/{code}"),
        format!("/r/{}", code.to_ascii_lowercase()),
        format!("/r/{}", code.to_ascii_uppercase()),
    ];
    for path in &short {
        let reply = server.visit(path).send();
        let to = if path.contains('&') { "/?utm_source=x" } else { "/" };
        assert_eq!((reply.location().as_str(), reply.cookie().is_some()), (to, true), "{path}");
    }
    for (query, left) in [
        (format!("?ref={code}."), ""),
        (format!("?ref={code}?utm_source=mail"), "?utm_source=mail"),
        (format!("?x=1&amp;ref={code}"), "?x=1"),
        (format!("?REF={code}"), ""),
        (format!("?ref=main&partner=none&ref={code}&ref=zzzz"), "?ref=main&partner=none"),
    ] {
        let reply = server.visit(&format!("/page{query}")).send();
        let to = format!("{}/page{left}", server.base);
        assert_eq!((reply.location(), reply.cookie().is_some()), (to, true), "{query}");
    }

    step("a page's own files and fetches keep their parameters");
    for (mode, dest) in [("no-cors", "image"), ("cors", "empty"), ("no-cors", "script")] {
        let ask = server.visit(&format!("/page?ref={code}"));
        let reply = ask.header("sec-fetch-mode", mode).header("sec-fetch-dest", dest).send();
        assert_eq!((reply.status, reply.cookie()), (404, None), "{mode}");
    }

    step("a code pasted whole at sign-up");
    for (n, given) in
        [format!(" \u{201c}{code}\u{201d}, "), format!("{}/r/{code}/?utm_source=x", server.base)].iter().enumerate()
    {
        let up =
            server.deliver(&signed_up(&format!("pasted{n}"), &ahead(0), json!({"code": given}))).expect(200).json();
        assert_eq!(up["attribution"][0]["partner"], json!(ann.id), "{given}: {up}");
    }

    step("destinations as they are pasted");
    let made = server.link(&ann, json!({"destination": " https://b\u{fc}cher.example/caf\u{e9} "}));
    assert_eq!(server.visit(&format!("/r/{made}")).send().location(), "https://xn--bcher-kva.example/caf%C3%A9");
}

/// Clicks are counted by the hour. Makes sure that the following steps fall into one hour, even on a busy machine.
pub fn wait_for_the_hour() {
    const HOUR_MS: i64 = 3_600_000;
    const STORY_MS: i64 = 120_000;
    let left = HOUR_MS - now_ms().rem_euclid(HOUR_MS);
    if left < STORY_MS {
        std::thread::sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0) + 100));
    }
}

/// The counted clicks of a partner's link, as soon as they reach `wanted`, or the count when time runs out.
pub fn clicks(server: &Server, partner: &Partner, wanted: (i64, i64)) -> (i64, i64) {
    let started = Instant::now();
    loop {
        let answer = server.read(&format!("/v1/links/{}", partner.code));
        let count = |kind: &str| answer["clicks"][kind].as_i64().unwrap_or(-1);
        let found = (count("visits"), count("bots"));
        if found == wanted || started.elapsed() > WRITTEN_WITHIN {
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_cookie_holds_the_touches_and_no_forgery() {
    let server = Server::start();
    let partners: Vec<Partner> = (0..9).map(|n| server.enrol("user-referral", &format!("p{n}"))).collect();

    step("nine links clicked: the cookie stays within its limits and the last touch counts");
    let mut cookie = String::new();
    for partner in &partners {
        let reply = server.visit(&format!("/r/{}", partner.code)).header("cookie", &cookie).send();
        cookie = reply.cookie().expect("the cookie");
    }
    assert!(cookie.len() < 4_096, "{}", cookie.len());
    let token = token_of(&server, &cookie).expect("a token");
    let up = server.deliver(&signed_up("nine", &ahead(0), json!({"token": token}))).expect(200).json();
    assert_eq!(up["attribution"][0]["partner"], json!(partners[8].id), "{up}");
    let receipt = server.read("/v1/accounts/nine/attribution");
    let candidates = receipt["programs"][0]["candidates"].as_array().expect("touches").clone();
    assert_eq!(candidates.len(), 9, "they fit: {receipt}");

    step("a cookie with any byte changed is invalid");
    let one = server.visit(&format!("/r/{}", partners[0].code)).send().cookie().expect("the cookie");
    let value_at = one.find('=').expect("a name") + 1;
    for place in (value_at..one.len()).step_by(7) {
        let mut bytes = one.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(bytes).expect("ASCII");
        assert_eq!(token_of(&server, &forged), None, "byte {place} of {one}");
    }

    step("an invalid cookie neither hides a valid one nor stops a visit");
    let good = format!("__Host-manicule=v1.k1.x.y; {one}");
    assert!(token_of(&server, &good).is_some());
    for junk in ["__Host-manicule=", "__Host-manicule=v1", &format!("__Host-manicule={}", "a".repeat(6_000))] {
        assert_eq!(token_of(&server, junk), None, "{}", &junk[..junk.len().min(40)]);
        let reply = server.visit(&format!("/r/{}", partners[0].code)).header("cookie", junk).send();
        assert!(reply.cookie().is_some());
    }

    step("a cookie is found behind others, however long and whatever their bytes");
    for before in ["a".repeat(3_000), "a".repeat(6_000), format!("{}\u{e9}", "a".repeat(3_000)), "\u{e9}".repeat(2_000)]
    {
        let cookies = format!("junk={before}; {one}");
        let reply = server.visit(&format!("/r/{}", partners[1].code)).header("cookie", cookies).send();
        assert_eq!(visitor_of(&reply.cookie().expect("the cookie")), visitor_of(&one), "{} bytes", before.len());
    }

    step("a forged token loses its touches, not the event");
    let up = server.deliver(&signed_up("forged", &ahead(0), json!({"token": "v1.k1.AAAA.AAAA"}))).expect(200).json();
    assert_eq!(up["attribution"][0]["attributed"], json!(false), "{up}");

    step("another site's page cannot request the token");
    let foreign = server.get("/v1/attribution").header("cookie", one).header("sec-fetch-site", "cross-site").send();
    foreign.problem(403, "cross_origin");
}

/// The payload's first field.
fn visitor_of(cookie: &str) -> String {
    let payload = cookie.split('.').nth(2).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).expect("a payload");
    String::from_utf8(payload).expect("text").split('\t').next().expect("a visitor").to_owned()
}

fn token_of(server: &Server, cookie: &str) -> Option<String> {
    let answer = server.get("/v1/attribution").header("cookie", cookie).send().expect(200).json();
    answer["token"].as_str().map(str::to_owned)
}

#[test]
fn ended_links_count_as_plain_visits() {
    let server = Server::start();
    let ann = server.enrol("user-referral", "ann");

    step("a link works until it expires");
    let in_time = |lasts_ms: i64| {
        let expires = now_ms() + lasts_ms;
        let body = json!({"partner": ann.id, "expires_at": UtcMillis(expires).to_rfc3339()});
        let made = server.post("/v1/links", &body).operator().send();
        let code =
            (now_ms() < expires).then(|| made.expect(201).json()["code"].as_str().expect("a code").to_owned())?;
        let touched = server.visit(&format!("/r/{code}")).send();
        (now_ms() < expires).then_some((code, expires, touched))
    };
    // On a busy machine the link may expire before the response arrives. Then another link with a longer life is tried.
    let (code, expires, touched) = [3_000, 12_000, 48_000].into_iter().find_map(in_time).expect("an answer in time");
    let cookie = touched.cookie().expect("the cookie of a link that is not over");

    step("a link that is turned off before its first click never works");
    let off = server.link(&ann, json!({"destination": "/landing"}));
    server.ask("DELETE", &format!("/v1/links/{off}")).operator().send().expect(200);
    let reply = server.visit(&format!("/r/{off}")).send();
    assert_eq!((reply.location().as_str(), reply.cookie()), ("/", None));
    let shown = server.read(&format!("/v1/links/{off}"));
    assert!(shown["disabled_at"].is_string(), "{shown}");

    step("after its instant the expired link is a plain visit, with and without the cookie");
    std::thread::sleep(Duration::from_millis(u64::try_from(expires - now_ms()).unwrap_or(0) + 300));
    for ask in [server.visit(&format!("/r/{code}")), server.visit(&format!("/r/{code}")).header("cookie", cookie)] {
        let reply = ask.send();
        assert_eq!((reply.location().as_str(), reply.cookie()), ("/", None));
    }

    step("an expiry in the past is refused");
    let body: Value = json!({"partner": ann.id, "expires_at": ahead(-1_000)});
    let problem = server.post("/v1/links", &body).operator().send().problem(422, "malformed");
    assert_eq!(problem["field"], "expires_at");
}
