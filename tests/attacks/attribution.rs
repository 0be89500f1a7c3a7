//! An attacker wants to be paid for visitors they did not refer: with a forged or planted attribution cookie, with
//! images and beacons embedded in the site's own pages, or with requests that no person clicked.

use super::world::assert_unharmed;
use crate::client::{Ask, CHROME, Reply, now_ms, step};
use crate::facts::Partner;
use crate::server::Server;
use serde_json::{Value, json};

const NAME: &str = "__Host-manicule";

fn told(server: &Server, cookies: &str) -> Value {
    server
        .get("/v1/attribution")
        .header("cookie", cookies)
        .header("sec-fetch-site", "same-origin")
        .send()
        .expect(200)
        .json()
}

/// The partner who would be paid for a browser with these cookies. The probe is a click that keeps the existing
/// touches.
fn program(server: &Server, cookies: &str) -> Value {
    told(server, cookies)["program"].clone()
}

fn clicked(server: &Server, partner: &Partner) -> String {
    let reply = server.visit(&format!("/r/{}", partner.code)).send();
    reply.cookie().expect("the cookie").split_once('=').expect("a value").1.to_owned()
}

#[test]
fn nobody_is_paid_for_what_they_did_not_bring() {
    let server = Server::start();
    let (ann, bob) = (server.enrol("user-referral", "ann"), server.enrol("agency-partner", "bob"));
    let older = clicked(&server, &ann);
    std::thread::sleep(std::time::Duration::from_millis(5));
    let newer = clicked(&server, &bob);
    forged(&server, &newer);
    stuffed(&server, &older, &newer);
    without_navigation(&server, &ann);
    pictures(&server);
    assert_unharmed(&server);
}

fn forged(server: &Server, good: &str) {
    step("a token with any byte changed, or recombined, is invalid: by cookie, by form, by event");
    assert_eq!(program(server, &format!("{NAME}={good}")), "agency-partner");
    let flipped = |at: usize| {
        let mut bytes = good.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let parts: Vec<&str> = good.split('.').collect();
    let [version, kid, payload, mac] = parts[..] else { panic!("{good}") };
    let mut forged: Vec<String> = (0..good.len()).filter(|at| good.as_bytes()[*at] != b'.').map(flipped).collect();
    forged.extend([
        format!("v2.{kid}.{payload}.{mac}"),
        format!("{version}.k9.{payload}.{mac}"),
        format!("{version}..{payload}.{mac}"),
        format!("{version}.{kid}.{mac}.{payload}"),
        format!("{version}.{kid}.{payload}."),
        format!("{version}.{kid}..{mac}"),
        format!("{version}.{kid}.{payload}.{mac}="),
        format!("{version}.{kid}.{payload}=.{mac}"),
        format!("{version}.{kid}.{payload}.{mac}.{mac}"),
        format!("\"{good}\""),
        format!("{good}{good}"),
        good[..good.len() - 1].to_owned(),
        good.to_ascii_lowercase(),
        format!("{good}%00"),
        format!("{good}{}", "A".repeat(5_000)),
        String::new(),
    ]);
    for cookie in &forged {
        assert_eq!(program(server, &format!("{NAME}={cookie}")), json!(null), "{cookie}");
    }
    step("another cookie's name is not accepted either");
    for name in [
        "__Secure-manicule",
        "manicule",
        "__host-manicule",
        "__Host-manicule_",
        "__Host-manicul",
        "\u{2000}__Host-manicule",
    ] {
        assert_eq!(program(server, &format!("{name}={good}")), json!(null), "{name}");
    }
    for (n, token) in forged.iter().step_by(97).enumerate() {
        let up = crate::facts::signed_up(&format!("forged-{n}"), &crate::facts::ahead(0), json!({"token": token}));
        let bound = server.deliver(&up);
        assert!(bound.status == 422 || !bound.text.contains("\"partner\":\"ptn_"), "{}", bound.text);
    }
}

fn stuffed(server: &Server, older: &str, newer: &str) {
    step("invalid cookies beside valid ones are ignored; of two valid ones the newest touch counts, in any order");
    let bad = [format!("{NAME}=v1.k1.x.y"), format!("{NAME}="), format!("{NAME}={}", &newer[..newer.len() - 2])];
    for bad in &bad {
        for cookies in [
            format!("{bad}; {NAME}={newer}"),
            format!("{NAME}={newer}; {bad}"),
            format!("{bad}; {NAME}={newer}; {bad}"),
        ] {
            assert_eq!(program(server, &cookies), "agency-partner", "{cookies}");
        }
    }
    for cookies in [format!("{NAME}={older}; {NAME}={newer}"), format!("{NAME}={newer}; {NAME}={older}")] {
        assert_eq!(program(server, &cookies), "agency-partner", "{cookies}");
    }
    let planted = format!("\u{2000}{NAME}={newer}; {NAME}={older}");
    assert_eq!(program(server, &planted), "user-referral", "a planted one is not read");
    step("ten thousand of them are parsed quickly");
    let many = format!("{}{NAME}={newer}", "x=1;".repeat(3_000));
    let began = now_ms();
    assert_eq!(program(server, &many), "agency-partner");
    assert!(now_ms() - began < 5_000);
}

fn without_navigation(server: &Server, ann: &Partner) {
    step("requests that are not navigations set no cookie, at either URL");
    let headers: [(&str, &str, &str); 11] = [
        ("GET", "no-cors", "image"),
        ("GET", "navigate", "iframe"),
        ("GET", "navigate", "frame"),
        ("GET", "navigate", "embed"),
        ("GET", "navigate", "object"),
        ("GET", "navigate", "fencedframe"),
        ("GET", "cors", "empty"),
        ("GET", "no-cors", "script"),
        ("GET", "no-cors", "style"),
        ("GET", "same-origin", "empty"),
        ("HEAD", "navigate", "document"),
    ];
    for path in [format!("/r/{}", ann.code), format!("/?ref={}", ann.code)] {
        for (method, mode, dest) in headers {
            let ask = server.ask(method, &path).header("user-agent", CHROME);
            let reply = ask.header("sec-fetch-mode", mode).header("sec-fetch-dest", dest).send();
            // A parameter of what a page loads goes to the site, and there is none.
            let status = if path.starts_with("/r/") || method == "HEAD" { 302 } else { 404 };
            assert_eq!((reply.status, reply.cookie()), (status, None), "{method} {path} {mode} {dest}");
        }
        for (name, value) in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")] {
            assert_eq!(server.visit(&path).header(name, value).send().cookie(), None, "{name}");
        }
    }
    step("only same-origin pages learn who referred a visitor");
    for site in ["same-site", "cross-site", "Same-Origin", ""] {
        let reply = server.get("/v1/attribution").header("sec-fetch-site", site).send();
        assert_eq!(reply.header("access-control-allow-origin"), None);
        reply.problem(403, "cross_origin");
    }
    server.ask("OPTIONS", "/v1/attribution").header("origin", "https://evil.example").send().expect(405);
}

/// The image or beacon request that a page at `referer` makes with `code`.
fn asks<'a>(server: &'a Server, code: &str, referer: &str) -> [Ask<'a>; 2] {
    let beacon = json!({"event": "page.viewed", "partner": code});
    [server.get(&format!("/v1/stage.gif?partner={code}")), server.post("/v1/collect", &beacon)].map(|ask| {
        let ask = ask.header("user-agent", CHROME).header("sec-fetch-site", "same-origin");
        if referer.is_empty() { ask } else { ask.header("referer", referer) }
    })
}

fn pictures(server: &Server) {
    step("an image or beacon in a page sets a cookie for the code in that page's own URL, and for no other");
    let (seo, other) = (server.enrol("partner-funnel", "seo"), server.enrol("partner-funnel", "other"));
    let closed = server.enrol("user-referral", "closed");
    let base = &server.base;
    let set = |reply: Reply| {
        assert!(reply.status == 200 || reply.status == 204, "{reply:?}");
        reply.header("set-cookie").is_some()
    };
    for ask in asks(server, &seo.code, &format!("{base}/post?partner={}", seo.code)) {
        assert!(set(ask.send()), "the page says so itself");
    }
    let host = base.trim_start_matches("http://");
    for referer in [
        String::new(),
        format!("{base}/post"),
        format!("{base}/post?partner={}", other.code),
        format!("{base}/post#partner={}", seo.code),
        format!("{base}/post?x=partner={}", seo.code),
        format!("{base}/post?partner={}&partner={}", other.code, seo.code),
        format!("{base}/partner={}", seo.code),
        format!("https://evil.example/?partner={}", seo.code),
        format!("http://evil.example/{base}/?partner={}", seo.code),
        format!("http://{host}.evil.example/?partner={}", seo.code),
        format!("http://{host}@evil.example/?partner={}", seo.code),
        format!("https://{host}/?partner={}", seo.code),
        format!("{base}/r/{}", seo.code),
        format!("{base}/v1/x?partner={}", seo.code),
    ] {
        for ask in asks(server, &seo.code, &referer) {
            assert!(!set(ask.send()), "{referer}");
        }
    }
    step("not for a program without this parameter, and not for a page on another site");
    for ask in asks(server, &closed.code, &format!("{base}/post?partner={}", closed.code)) {
        assert!(!set(ask.send()), "user-referral takes no ?partner=");
    }
    for site in ["same-site", "cross-site", "none", ""] {
        for ask in asks(server, &seo.code, &format!("{base}/post?partner={}", seo.code)) {
            assert!(!set(ask.header("sec-fetch-site", site).send()), "{site}");
        }
    }
    for ask in asks(server, &seo.code, &format!("{base}/post?partner={}", seo.code)) {
        assert!(!set(ask.without("sec-fetch-site").send()), "a client that does not say");
    }
}
