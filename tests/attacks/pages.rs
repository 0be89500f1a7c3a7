//! A malicious script on the site, on our own host, tries what only a person may do: open pages, use their form tokens,
//! or read a page in another window.

use super::browser::{Browser, token_in};
use super::raw;
use super::tables::{self, Page};
use super::world::{Outside, assert_unharmed};
use crate::client::{Reply, step};
use crate::server::Server;
use manicule::http::route::ROUTES;

/// Mode and destination that browsers send with same-origin requests that no person navigated to.
const SCRIPTS: [(&str, &str); 16] = [
    ("cors", "empty"),
    ("same-origin", "empty"),
    ("no-cors", "empty"),
    ("cors", "document"),
    ("no-cors", "script"),
    ("no-cors", "style"),
    ("no-cors", "image"),
    ("cors", "manifest"),
    ("navigate", "iframe"),
    ("navigate", "frame"),
    ("navigate", "embed"),
    ("navigate", "object"),
    ("navigate", "fencedframe"),
    ("same-origin", "worker"),
    ("same-origin", "serviceworker"),
    ("websocket", "empty"),
];

/// Headers of requests by people: plain navigation, navigation through a service worker of the site, and clients that
/// send none.
const PERSONS: [&[(&str, &str)]; 3] = [
    &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-fetch-site", "none")],
    &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "empty"), ("sec-fetch-site", "same-origin")],
    &[],
];

/// Headers that all our responses carry, by type of response.
const HARDENED: [&str; 2] = ["x-content-type-options", "permissions-policy"];

#[test]
fn pages_answer_only_top_level_navigation() {
    let outside = Outside::start();
    let server = outside.worker(&[("ORIGIN_URL", &outside.site.base)]);
    let partner = server.enrol("agency-partner", "ann");
    let person = Browser::of_site(&server, "ann.10");
    person.send("/partner/programs", &[("partner", &partner.id)]);
    let operator = Browser::of_token(&server, &server.operator_token);
    let nobody = Browser::new(&server);
    nobody.token();
    for (browser, pages) in
        [(&operator, tables::operators()), (&person, tables::partners()), (&nobody, tables::sign_in())]
    {
        for page in &pages {
            by_scripts(browser, page, &partner.code);
        }
    }
    masked(&person, &nobody);
    our_own_answers(&server, &[&person, &operator, &nobody], &partner.code);
    passed_on(&outside, &server, &partner.code);
    methods(&server);
    assert_unharmed(&server);
}

fn by_scripts(browser: &Browser<'_>, page: &Page, code: &str) {
    let path = page.path(&[code]);
    let name = format!("{} {path}", page.method);
    step(&name);
    let is_picture = path.ends_with("/qr.svg") || path.ends_with("/qr.png");
    let asked = |headers: &[(&str, &str)]| {
        let token = if page.method == "POST" { browser.token() } else { String::new() };
        let mut ask = match page.method {
            // Each request has a valid token: the test is whether a token alone is enough.
            "POST" => {
                browser.form(&path, &[("form_token", &token)]).without("sec-fetch-mode").without("sec-fetch-dest")
            }
            _ => browser.ask("GET", &path),
        };
        for (header, value) in headers {
            ask = ask.header(header, *value);
        }
        ask
    };
    for (mode, dest) in SCRIPTS {
        let headers = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
        if is_picture && dest == "image" {
            continue;
        }
        // The token is obtained only once, because a refusal does not use it up.
        if page.method == "POST" && !["empty", "iframe", "document"].contains(&dest) {
            continue;
        }
        let reply = asked(&headers).send();
        assert_eq!(reply.status, 403, "{name} {mode} {dest}: {}", reply.text);
        assert!(reply.text.contains("not_a_visit") && !reply.text.contains("form_token"), "{name}: {}", reply.text);
        assert_eq!(reply.header("access-control-allow-origin"), None, "{name}");
    }
    if page.method == "GET" {
        for headers in PERSONS {
            let reply = asked(headers).send();
            assert!(reply.status < 500 && !reply.text.contains("not_a_visit"), "{name} {headers:?}: {}", reply.text);
        }
    }
}

fn masked(person: &Browser<'_>, nobody: &Browser<'_>) {
    step("a form's token differs in each response, is valid wherever it was shown, and belongs to one browser");
    for (browser, page, post) in [(person, "/partner/links", "/partner/share"), (nobody, "/sign-in", "/sign-in/token")]
    {
        let shown: Vec<String> = (0..4).map(|_| token_in(&browser.get(page).text)).collect();
        for (n, token) in shown.iter().enumerate() {
            assert!(
                token.len() == 128
                    && shown[..n].iter().all(|other| other[..64] != token[..64] && other[64..] != token[64..])
            );
            let sent = browser.form(post, &[("form_token", token)]).send().status;
            assert!(sent == 200 || sent == 422, "{sent}");
        }
        let (a, b) = (&shown[0], &shown[1]);
        let flipped = |at: usize| {
            let other = if &a[at..=at] == "0" { "1" } else { "0" };
            format!("{}{other}{}", &a[..at], &a[at + 1..])
        };
        let mut bad: Vec<String> = (0..128).step_by(7).map(flipped).collect();
        bad.extend([
            String::new(),
            "0".repeat(128),
            format!("{}{}", &a[..64], &b[64..]),
            a[..126].to_owned(),
            format!("{a}00"),
            a[..64].to_owned(),
        ]);
        for token in bad {
            assert_eq!(browser.form(post, &[("form_token", &token)]).send().status, 403, "{token}");
        }
        assert_eq!(browser.form(post, &[]).send().status, 403);
    }
    let foreign = token_in(&nobody.get("/sign-in").text);
    assert_eq!(person.form("/partner/share", &[("form_token", &foreign)]).send().status, 403);
}

fn hardened(reply: &Reply, name: &str) {
    for header in HARDENED {
        let found = reply.headers.iter().filter(|(known, _)| known == header).count();
        assert_eq!(found, 1, "{header} of {name}");
    }
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{name}");
    let kind = reply.header("content-type").unwrap_or("");
    let is_html = kind.starts_with("text/html");
    assert_eq!(reply.header("cross-origin-opener-policy"), is_html.then_some("same-origin"), "{name}");
    let resource = (kind != "image/gif").then_some("same-origin");
    assert_eq!(reply.header("cross-origin-resource-policy"), resource, "{name}");
    if is_html {
        let policy = reply.header("content-security-policy").unwrap_or("");
        for word in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action"] {
            assert!(policy.contains(word), "{word} in {policy:?} of {name}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(reply.header("cache-control").is_some_and(|c| c.contains("no-store")), "{name}");
    }
    assert_eq!(reply.header("strict-transport-security"), None, "{name}: this machine stays on http");
    assert_eq!(reply.header("access-control-allow-origin"), None, "{name}");
    for told in ["server", "x-powered-by"] {
        assert_eq!(reply.header(told), None, "{name}");
    }
}

fn our_own_answers(server: &Server, browsers: &[&Browser<'_>], code: &str) {
    step("every response of ours has the security headers, including errors and wrong methods");
    for page in tables::everywhere().iter().filter(|page| page.method == "GET") {
        let path = page.path(&[code]);
        for browser in browsers {
            hardened(&browser.visit(&path).send(), &path);
        }
        hardened(&server.ask("PUT", &path).send(), &path);
        hardened(&server.ask("POST", &path).body("").send(), &path);
    }
    for route in ROUTES {
        let path = route.path.replace("{id}", "none").replace("{code}", code).replace("{secret}", "none");
        for method in [route.method, "PATCH"] {
            hardened(&server.ask(method, &path).send(), &path);
            hardened(&server.ask(method, &path).operator().send(), &path);
        }
    }
    for path in
        ["/v1/none", "/api/referral/none", "/operator/none", "/partner/a/b/c/d", "/sign-in/none", "/unsubscribe"]
    {
        hardened(&browsers[0].visit(path).send(), path);
    }
    hardened(&server.ask("POST", &format!("/r/{code}")).send(), "/r/CODE");
}

fn passed_on(outside: &Outside, server: &Server, code: &str) {
    step("forwarded requests keep the site's own headers and reveal none of our cookies");
    outside.site.asked();
    for path in ["/", "/blog", "/r", "/operators", "/partnership", "/v10/x", "/Operator"] {
        let ask =
            server.visit(path).header("cookie", "a=1; __Host-manicule_session=x.y; \u{2000}__Host-manicule_session=z");
        let reply = ask.send().expect(200);
        assert_eq!(reply.text, "the site", "{path}");
        for header in HARDENED.iter().chain(&["cross-origin-opener-policy", "cross-origin-resource-policy"]) {
            assert_eq!(reply.header(header), None, "{header} of {path}");
        }
    }
    for asked in outside.site.asked() {
        assert_eq!(asked.header("cookie"), Some("a=1"), "{asked:?}");
    }
    step("a ref link stays a redirect for scripts too: it contains no page");
    assert_eq!(server.visit(&format!("/r/{code}")).header("sec-fetch-mode", "cors").send().status, 302);
}

fn methods(server: &Server) {
    step("undefined methods give 405 on every URL of ours and do nothing");
    let routes = ROUTES.iter().map(|route| (route.path.replace(['{', '}'], ""), route.method));
    let pages = tables::everywhere();
    let pages = pages.iter().map(|page| (page.path(&["none"]), page.method));
    let operator = format!("authorization: Bearer {}", server.operator_token);
    let mut paths: Vec<String> = routes.chain(pages).map(|(path, _)| path).collect();
    paths.push("/unsubscribe".to_owned());
    paths.sort();
    paths.dedup();
    let before = server.read("/v1/audit")["data"].clone();
    for (n, path) in paths.iter().enumerate() {
        let all = [
            "PROPFIND", "SEARCH", "TRACE", "OPTIONS", "LINK", "MKCOL", "LOCK", "REPORT", "PURGE", "QUERY", "get", "FOO",
        ];
        // Two methods per URL, in turns, because one table decides the answer for all of them.
        for method in [all[n % all.len()], all[(n + 5) % all.len()]] {
            let (status, text) = raw::ask(server, method, path, &[operator.as_bytes()]);
            // Methods that the runtime rejects never reach the Worker.
            let is_unknown = [400, 501].contains(&status) && !text.contains("nosniff");
            assert!(status == 405 || is_unknown, "{method} {path}: {text}");
            assert!(status != 405 || text.to_ascii_lowercase().contains("\nallow: "), "{method} {path}: {text}");
        }
    }
    for method in ["PROPFIND", "POST", "DELETE", "SEARCH"] {
        assert_eq!(raw::ask(server, method, "/r/none", &[]).0, 405, "{method}");
    }
    assert_eq!(server.read("/v1/audit")["data"], before);
}
