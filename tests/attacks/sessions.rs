//! An attacker plants cookies in a victim's browser, from a neighboring host or over plain HTTP, to get the victim's
//! access or to make the victim work in the attacker's account.

use super::browser::{Browser, token_in};
use super::raw;
use super::world::{Outside, assert_unharmed};
use crate::client::{Reply, step};
use crate::server::Server;
use serde_json::json;

/// Characters that cookie parsers have been known to drop, and others around which a name may be misread.
const DROPPED: [&str; 12] = [
    "\u{2000}", "\u{a0}", "\u{85}", "\u{3000}", "\u{feff}", "\u{1680}", "\u{202f}", "\u{200b}", "\u{2028}", "\"", "$",
    ",",
];
/// More of these, which a header cannot hold as text: they are written byte by byte.
const BYTES: [&[u8]; 7] = [b"\x00", b"\xa0", b"\x01", b"\x7f", b"\x1c", b"\x0b", b"\x0c"];

const SESSION: &str = "__Host-manicule_session";
const FORM: &str = "__Host-manicule_form";

/// Every way to put a planted cookie next to the victim's own: with extra characters around its name, before and after.
fn plantings(name: &str, planted: &str, own: &str) -> Vec<String> {
    let names = DROPPED.iter().flat_map(|sign| [format!("{sign}{name}"), format!("{name}{sign}")]);
    let names = names.chain([name.to_ascii_uppercase(), format!("x{name}")]);
    names.flat_map(|n| [format!("{n}={planted}; {name}={own}"), format!("{name}={own}; {n}={planted}")]).collect()
}

/// Both orders of two cookies with the same name, and with other cookies in between.
fn twice(name: &str, planted: &str, own: &str) -> Vec<String> {
    [(planted, own), (own, planted), (planted, planted)]
        .iter()
        .flat_map(|(a, b)| {
            [
                format!("{name}={a}; {name}={b}"),
                format!("{name}={a};x=1;\t{name} = {b}"),
                format!("{name}={a}; {name}={b}; {name}="),
            ]
        })
        .collect()
}

fn sign_in(server: &Server, cookies: &str) -> Reply {
    server.visit("/sign-in").header("cookie", cookies).send()
}

/// Where the newly opened session leads. Empty if none was opened.
fn led_to(reply: &Reply) -> &str {
    if reply.status == 303 { reply.header("location").unwrap_or("") } else { "" }
}

#[test]
fn planted_cookies_hijack_no_session() {
    let outside = Outside::start();
    let mut server = outside.worker(&[("CONSENT_COOKIE", "cookie_consent")]);
    the_site_s_session(&outside, &server, "astro-session");
    our_own_cookies(&server);
    consent(&server);
    step("the site's session has another name: only that cookie counts");
    let vars = outside.vars();
    let mut vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    vars.push(("EMDASH_SESSION_COOKIE", "site_sid"));
    server.restart(&vars);
    outside.site.asked();
    assert_eq!(led_to(&sign_in(&server, "astro-session=renamed.50")), "");
    assert!(outside.site.asked().is_empty(), "the old name says nothing");
    the_site_s_session(&outside, &server, "site_sid");
    assert_unharmed(&server);
}

fn the_site_s_session(outside: &Outside, server: &Server, name: &str) {
    step("a planted cookie with a similar name: neither the victim's access nor the attacker's session");
    outside.site.asked();
    for (n, cookies) in plantings(name, "thief-N.10", "boss-N.50").into_iter().enumerate() {
        let cookies = cookies.replace("-N.", &format!("-{name}-{n}."));
        let victim = sign_in(server, &cookies);
        assert!(["/operator", ""].contains(&led_to(&victim)), "{cookies:?}: {:?}", victim.header("location"));
        // Then the attacker uses that session alone, from another network.
        let thief = sign_in(server, &format!("{name}=thief-{name}-{n}.10"));
        assert_eq!(led_to(&thief), "/partner", "{cookies:?}");
        let own = thief.header("set-cookie").and_then(|c| c.split(';').next()).unwrap_or("").to_owned();
        assert_eq!(server.visit("/operator").header("cookie", own).send().status, 303, "{cookies:?}");
    }
    step("the site was queried with the one cookie that its answer is cached under");
    for asked in outside.site.asked() {
        let sent = asked.header("cookie").unwrap_or("");
        assert!(sent.starts_with(&format!("{name}=")) && !sent.contains(';'), "{sent:?}");
    }
    step("the same in bytes that are not text");
    for (n, sign) in BYTES.iter().enumerate() {
        let planted = format!("{name}=thief-{name}-b{n}.10");
        let own = format!("{name}=boss-{name}-b{n}.50");
        let header = [b"cookie: ", *sign, planted.as_bytes(), b"; ", own.as_bytes()].concat();
        let (status, text) = raw::ask(server, "GET", "/sign-in", &[&header]);
        assert!(
            status == 0 || status == 400 || text.to_ascii_lowercase().contains("location: /operator") || status == 200,
            "{status} {text}"
        );
        assert_eq!(led_to(&sign_in(server, &planted)), "/partner", "{sign:?}");
    }
    step("two cookies with the same name count as none, and the site is queried about neither");
    outside.site.asked();
    for cookies in twice(name, "thief-twice.10", "boss-twice.50") {
        assert_eq!(led_to(&sign_in(server, &cookies)), "", "{cookies}");
        let generate = server.ask("POST", "/api/referral/generate").header("cookie", &*cookies);
        generate.send().problem(401, "not_signed_in");
        let join = server.visit("/partner/join").header("cookie", &*cookies).send();
        assert!(!join.text.contains("people.example"), "{cookies}");
    }
    assert!(outside.site.asked().is_empty());
    // Two Cookie headers reach the Worker as one, joined by a comma.
    let two: [&[u8]; 2] = [b"cookie: astro-session=thief-two.10", b"cookie: astro-session=boss-two.50"];
    let (status, text) = raw::ask(server, "GET", "/sign-in", &two);
    assert!(status == 200 && !text.to_ascii_lowercase().contains("location:"), "{text}");
}

fn our_own_cookies(server: &Server) {
    step("our own session: a similar name counts as nothing, the name twice counts as none, in any order");
    let victim = Browser::of_site(server, "victim.50");
    let thief = Browser::of_site(server, "thief.10");
    let value = |browser: &Browser<'_>| browser.cookie(SESSION).expect("a session");
    let home = |cookies: &str| server.visit("/operator").header("cookie", cookies).send().status;
    assert_eq!(home(&victim.cookies()), 200);
    for cookies in plantings(SESSION, &value(&thief), &value(&victim)) {
        assert_eq!(home(&cookies), 200, "{cookies:?}: the victim's own counts");
        let alone = cookies.split("; ").find(|pair| pair.contains(&value(&thief))).expect("the planted one");
        let shown = server.visit("/partner/programs").header("cookie", alone).send();
        assert_eq!(shown.status, 303, "{alone:?} does not sign in");
    }
    for cookies in twice(SESSION, &value(&thief), &value(&victim)) {
        assert_eq!(home(&cookies), 303, "{cookies:?}");
    }
    step("the form cookie: with a planted one beside it, no form is accepted with the planted one's token");
    let stranger = Browser::new(server);
    let planted = Browser::new(server);
    let (own_token, planted_token) = (stranger.token(), planted.token());
    let (own, other) = (stranger.cookie(FORM).expect("a cookie"), planted.cookie(FORM).expect("a cookie"));
    let post = |cookies: &str, token: &str| {
        let ask = stranger.form("/sign-in/token", &[("form_token", token), ("token", "none")]);
        ask.header("cookie", cookies).elsewhere().send().status
    };
    assert_eq!(
        (post(&format!("{FORM}={own}"), &own_token), post(&format!("{FORM}={own}"), &planted_token)),
        (422, 403)
    );
    for cookies in plantings(FORM, &other, &own) {
        assert_eq!((post(&cookies, &own_token), post(&cookies, &planted_token)), (422, 403), "{cookies:?}");
    }
    for cookies in twice(FORM, &other, &own) {
        assert_eq!((post(&cookies, &own_token), post(&cookies, &planted_token)), (403, 403), "{cookies:?}");
    }
    step("a page that receives two such cookies sets a new one");
    let cookies = format!("{FORM}={other}; {FORM}={own}");
    let page = server.visit("/sign-in").header("cookie", &*cookies).send().expect(200);
    let fresh = page.header("set-cookie").expect("a new one");
    assert!(!fresh.contains(&other) && !fresh.contains(&own), "{fresh}");
    assert_eq!(post(&cookies, &token_in(&page.text)), 403);
}

fn consent(server: &Server) {
    step("planted consent beside a refusal does not count");
    let ann = server.enrol("user-referral", "ann");
    let set =
        |cookies: &str| server.visit(&format!("/r/{}", ann.code)).header("cookie", cookies).send().cookie().is_some();
    assert!(set("cookie_consent=yes") && !set("cookie_consent="));
    for sign in DROPPED {
        for planted in [format!("{sign}cookie_consent=yes"), format!("cookie_consent{sign}=yes")] {
            assert!(!set(&planted), "{planted:?}");
        }
    }
    for cookies in ["cookie_consent=yes; cookie_consent=", "cookie_consent=; cookie_consent=yes", "COOKIE_CONSENT=yes"]
    {
        assert!(!set(cookies), "{cookies}");
    }
    let nothing = json!(null);
    let told = server.get("/v1/attribution").header("cookie", "cookie_consent=yes; cookie_consent=").send().json();
    assert_eq!((&told["visitor"], &told["token"]), (&nothing, &nothing));
}
