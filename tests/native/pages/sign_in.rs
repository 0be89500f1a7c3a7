//! Signing in and out: proofs, sessions, and everything that must not let anyone in.

mod links;
mod sessions;

use super::fixture::{Browser, OPERATOR_TOKEN, ORIGIN, PagesFixture, Shown, TOO_OFTEN, link_of};
use crate::support::world::at;
use manicule::codec::identity::session::SiteUser;
use manicule::codec::message::email::Mail;
use manicule::codec::message::email::words::sign_in::sign_in_subject;
use manicule::codec::outgoing::RequestFailed;
use manicule::engine::identity::access::Role;
use manicule::http::auth::hex_sha256;
use manicule::http::context::RateLimited;
use manicule::pages::text::shared::field;
use manicule::pages::text::visitor::{notice, sign_in as text};
use std::cell::RefCell;
use std::rc::Rc;

const SESSION: &str = "__Host-manicule_session";
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A fixture with a partner, ann, and an email service.
fn fixture() -> (PagesFixture, Rc<RefCell<Vec<Mail>>>, String) {
    let mut fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    let mails = fixture.post_office();
    fixture.config.operators = vec![("ops@example.com".to_owned(), Role::Admin)];
    let (partner, _) =
        fixture.world.partner(fixture.now.get(), "user-referral", "ann", "Ann@Example.com").expect("a partner");
    (fixture, mails, partner)
}

fn later(fixture: &PagesFixture, ms: i64) {
    fixture.now.set(fixture.now.get().plus_ms(ms));
}

fn sessions(fixture: &PagesFixture, which: &str) -> i64 {
    fixture.world.db.number(&format!("SELECT COUNT(*) FROM session WHERE {which}"))
}

/// Requests a link through the form with this address.
fn ask(browser: &Browser<'_>, email: &str, to: &str) -> Shown {
    browser.get("/sign-in").is(200);
    browser.post("/sign-in", &[("email", email), ("to", to)])
}

/// Follows the link in the latest email and presses its button.
fn follow(browser: &Browser<'_>, mails: &Rc<RefCell<Vec<Mail>>>) -> Shown {
    let path = link_of(mails.borrow().last().expect("a mail"));
    browser.get(&path).is(200);
    browser.post(&path, &[])
}

#[test]
fn hostile_input_is_escaped_and_redirects_nowhere() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    browser.get("/sign-in");
    let evil = "\"><script>alert(1)</script>";
    for bad in [evil, "", "nobody", "a@b.example,c@d.example", "a@b.example\r\nBcc: c@d.example"] {
        let shown = browser.post("/sign-in", &[("email", bad), ("to", evil)]);
        shown.is(422).says(field::ENTER_EMAIL);
        assert!(!shown.html.contains("<script>alert"), "{}", shown.html);
    }
    assert!(
        browser
            .post("/sign-in", &[("email", evil)])
            .html
            .contains("value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\"")
    );
    for to in [
        "//evil.example",
        "https://evil.example/partner",
        "/\\evil.example",
        "/partner\\..\\..",
        "/partner//evil.example",
        "javascript:alert(1)",
        "/sign-in",
        evil,
    ] {
        mails.borrow_mut().clear();
        let browser = fixture.browser();
        later(&fixture, HOUR);
        let shown = browser.get(&format!(
            "/sign-in?to={}",
            to.replace('\\', "%5C").replace('<', "%3C").replace('>', "%3E").replace('"', "%22")
        ));
        assert!(shown.html.contains("name=\"to\" value=\"\""), "{to}: {}", shown.html);
        ask(&browser, "ann@example.com", to);
        assert_eq!(follow(&browser, &mails).location, "/partner", "{to}");
    }
}

#[test]
fn forms_must_come_from_our_own_pages() {
    let (fixture, _, _) = fixture();
    let browser = fixture.browser();
    browser.get("/sign-in");
    browser.ask("POST", "/sign-in", &[("origin", ORIGIN)], "email=ann%40example.com&form_token=x").is(403);
    browser.ask("POST", "/sign-out", &[("origin", "null")], "").is(403);
    // A page without a referrer has the origin "null". The browser itself says that the request is same-origin.
    let shown = browser.get("/sign-in");
    let token = shown
        .html
        .split("name=\"form_token\" value=\"")
        .nth(1)
        .and_then(|r| r.split('"').next())
        .expect("a token")
        .to_owned();
    let body = format!("email=x&form_token={token}");
    browser.ask("POST", "/sign-in", &[("origin", "null")], &body).is(403);
    browser.ask("POST", "/sign-in", &[("origin", "null"), ("sec-fetch-site", "cross-site")], &body).is(403);
    browser.ask("POST", "/sign-in", &[("origin", "null"), ("sec-fetch-site", "same-origin")], &body).is(422);
}

#[test]
fn operators_sign_in_by_email_or_token() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    ask(&browser, "Ops@example.com", "");
    let shown = follow(&browser, &mails);
    assert_eq!(shown.location, "/operator");
    assert!(shown.header("set-cookie").contains("Max-Age=604800;"));
    assert_eq!(sessions(&fixture, "operator = 1 AND actor = 'operator:ops@example.com'"), 1);

    let other = fixture.browser();
    other.get("/sign-in/token?to=/operator/runs").is(200);
    for wrong in ["", "x", "<script>", &hex_sha256(OPERATOR_TOKEN.as_bytes())] {
        let shown = other.post("/sign-in/token", &[("token", wrong)]);
        shown.is(422).says(text::TOKEN_REFUSED);
        assert!(wrong.is_empty() || !shown.html.contains(&format!("value=\"{wrong}\"")));
    }
    let shown = other.post("/sign-in/token", &[("token", OPERATOR_TOKEN), ("to", "/operator/runs")]);
    assert_eq!(shown.location, "/operator/runs");
    assert!(shown.header("set-cookie").contains("Max-Age=43200;"));
    assert_eq!(sessions(&fixture, "way = 'token' AND operator = 1 AND actor = 'token:bootstrap'"), 1);
    let stored = format!("{:?}", fixture.world.db.look("SELECT * FROM session"));
    assert!(!stored.contains(OPERATOR_TOKEN));
}

/// Whether a browser is still signed in: the sign-in page redirects an operator or a partner.
fn is_in(browser: &Browser<'_>) -> bool {
    browser.get("/sign-in").status == 303
}

#[test]
fn an_operator_session_ends_when_its_address_or_token_is_removed() {
    let (mut fixture, mails, _) = fixture();
    let token = "fedcba9876543210fedcba9876543210";
    let insert = "INSERT INTO api_token (id, name, sha256, scopes, created_at_ms, expires_at_ms) VALUES ('tok_1', 'laptop', ?1, 'read', ?2, ?2 + 86400000)";
    fixture
        .world
        .db
        .connection
        .borrow()
        .execute(insert, (hex_sha256(token.as_bytes()), fixture.now.get().0))
        .expect("a token");
    let enter = |fixture: &PagesFixture| {
        let browser = fixture.browser();
        browser.get("/sign-in/token");
        assert_eq!(browser.post("/sign-in/token", &[("token", token)]).location, "/operator");
        browser.cookie(SESSION).expect("a session")
    };
    let with = |fixture: &PagesFixture, cookie: &str| {
        let browser = fixture.browser();
        browser.keep(SESSION, cookie);
        is_in(&browser)
    };
    let (first, run) = (enter(&fixture), |fixture: &PagesFixture, sql: &str| {
        fixture.world.db.connection.borrow().execute(sql, []).expect("a change");
    });
    assert!(with(&fixture, &first));
    run(&fixture, "UPDATE api_token SET revoked_at_ms = 5");
    assert!(!with(&fixture, &first), "revoked");
    run(&fixture, "UPDATE api_token SET revoked_at_ms = NULL");
    assert!(!with(&fixture, &first), "an ended session stays ended");
    let second = enter(&fixture);
    run(&fixture, &format!("UPDATE api_token SET expires_at_ms = {}", fixture.now.get().0));
    assert!(!with(&fixture, &second), "expired");

    // The first token is the configuration's.
    let operator = fixture.operator();
    assert!(is_in(&operator));
    let cookie = operator.cookie(SESSION).expect("a session");
    fixture.config.operator_token_sha256 = None;
    assert!(!with(&fixture, &cookie));

    // An address that the configuration no longer lists.
    let browser = fixture.browser();
    ask(&browser, "ops@example.com", "");
    follow(&browser, &mails);
    let cookie = browser.cookie(SESSION).expect("a session");
    assert!(with(&fixture, &cookie));
    fixture.config.operators.clear();
    assert!(!with(&fixture, &cookie));
}

#[test]
fn a_partner_is_not_an_operator() {
    let (fixture, _, partner) = fixture();
    let browser = fixture.signed_in("ann@example.com", &partner);
    browser.get("/sign-in?to=/operator").is_page().says(text::IS_PARTNER);
    browser.get("/sign-in?to=/partner/links").is(303);
}

fn site_user(role: i64) -> Option<SiteUser> {
    Some(SiteUser { id: "01M7".to_owned(), email: "p@example.com".to_owned(), name: Some("P".to_owned()), role })
}

#[test]
fn users_of_the_site_sign_in_by_role() {
    let (fixture, _, _) = fixture();
    fixture.site_says(Ok(None));
    let browser = fixture.browser();
    let shown = browser.get("/sign-in?to=/partner/links");
    shown.is(200).says(text::BY_SITE);
    assert!(shown.html.contains("href=\"/sign-in/site?to=%2Fpartner%2Flinks\""), "{}", shown.html);
    let away = browser.get("/sign-in/site?to=/partner/links");
    assert_eq!(
        (away.status, away.location.as_str()),
        (303, "/_emdash/admin/login?redirect=%2Fsign-in%3Fto%3D%252Fpartner%252Flinks")
    );
    browser.keep("astro-session", "abc");
    browser.get("/sign-in").is(200).says(text::BY_SITE);

    fixture.site_says(Err("it answered 500".to_owned()));
    browser.get("/sign-in?to=/partner").is(503).says(text::SITE_UNAVAILABLE);
    fixture.site_says(Ok(site_user(5)));
    browser.get("/sign-in").is(200).says(text::SITE_ROLE_TOO_LOW);
    assert_eq!(sessions(&fixture, "1"), 0);

    fixture.site_says(Ok(site_user(10)));
    browser.get("/sign-in?to=/operator").is(200).says(text::SITE_PARTNER);
    assert_eq!(
        (sessions(&fixture, "1"), browser.get("/sign-in?to=/partner/links").location.as_str()),
        (0, "/partner/links")
    );
    assert_eq!(
        sessions(&fixture, "way = 'site' AND site_user = '01M7' AND operator = 0 AND actor = 'session:01M7'"),
        1
    );

    fixture.site_says(Ok(site_user(50)));
    let chief = fixture.browser();
    chief.keep("astro-session", "abc");
    assert_eq!(chief.get("/sign-in").location, "/operator");
    assert_eq!(sessions(&fixture, "way = 'site' AND operator = 1"), 1);
    // Without the site's cookie the site is not queried.
    fixture.browser().get("/sign-in").is(200);
    // After signing out, nobody is signed in again automatically.
    browser.get("/sign-out");
    browser.post("/sign-out", &[]);
    browser.get("/sign-in?done=signed-out").is(200);
}

#[test]
fn the_site_is_checked_again_every_five_minutes() {
    let (fixture, _, _) = fixture();
    fixture.site_says(Ok(site_user(50)));
    let enter = || {
        let browser = fixture.browser();
        browser.keep("astro-session", "abc");
        browser.get("/sign-in").is(303);
        browser
    };
    let out = |browser: &Browser<'_>| browser.get("/sign-out");
    let browser = enter();
    fixture.site_says(Ok(None));
    later(&fixture, 5 * MINUTE - 1);
    assert!(is_in(&browser), "it was checked a moment ago");
    later(&fixture, 1);
    assert!(!is_in(&browser));
    assert_eq!(sessions(&fixture, "ended_at_ms IS NULL"), 0);
    out(&browser).is(200);

    // An error does not end the session, and shows nothing.
    fixture.site_says(Ok(site_user(50)));
    let browser = enter();
    later(&fixture, 5 * MINUTE);
    fixture.site_says(Err("it answered 502".to_owned()));
    browser.get("/sign-in").is(503);
    assert_eq!(sessions(&fixture, "ended_at_ms IS NULL"), 1);
    fixture.site_says(Ok(site_user(50)));
    assert_eq!(browser.get("/sign-in").batches, 2);
    assert_eq!(browser.get("/sign-in").batches, 1);

    // A person who is no longer an operator at the site is not one here; neither is another user of the site.
    for other in [site_user(10), Some(SiteUser { id: "02".to_owned(), ..site_user(50).expect("a user") })] {
        fixture.site_says(Ok(site_user(50)));
        let browser = enter();
        later(&fixture, 5 * MINUTE);
        fixture.site_says(Ok(other));
        let before = sessions(&fixture, "ended_at_ms IS NULL");
        browser.get("/sign-in?to=/operator");
        assert_eq!(
            sessions(&fixture, "id = (SELECT MIN(id) FROM session WHERE ended_at_ms IS NULL)"),
            i64::from(before > 0)
        );
        assert_eq!(sessions(&fixture, &format!("ended_at_ms = {}", fixture.now.get().0)), 1);
    }
}

const RETURN: &str = "__Host-manicule_return";

#[test]
fn who_signed_in_at_the_site_is_led_back_once() {
    let (fixture, _, _) = fixture();
    fixture.site_says(Ok(None));
    let browser = fixture.browser();
    browser.get("/_emdash/admin").is_passed_on();
    browser.get("/sign-in/site?to=/partner/links").is(303);
    assert_eq!(browser.cookie(RETURN).as_deref(), Some("%2Fpartner%2Flinks"));
    // Nobody is signed in yet; then the mailed link leads to EmDash's administration.
    browser.get("/_emdash/admin").is_passed_on();
    browser.keep("astro-session", "abc");
    browser.get("/_emdash/admin").is_passed_on();
    fixture.site_says(Err("it answered 502".to_owned()));
    browser.get("/_emdash/admin").is_passed_on();
    fixture.site_says(Ok(site_user(10)));
    for path in ["/_emdash/admin/login", "/_emdash/api/auth/me", "/_emdash/administration", "/"] {
        browser.get(path).is_passed_on();
    }
    let by_script = [("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")];
    browser.ask("GET", "/_emdash/admin", &by_script, "").is_passed_on();
    let back = browser.get("/_emdash/admin");
    assert_eq!((back.status, back.location.as_str()), (302, "/sign-in?to=%2Fpartner%2Flinks"));
    assert_eq!(browser.cookie(RETURN), None);
    browser.get("/_emdash/admin").is_passed_on();

    // Back by EmDash's own way, it is forgotten.
    browser.get("/sign-in/site?to=/partner").is(303);
    assert_eq!(browser.get("/sign-in?to=/partner").location, "/partner");
    browser.get("/_emdash/admin").is_passed_on();

    for foreign in ["%2F%2Fevil.example", "https:%2F%2Fevil.example", "", "%2F_emdash%2Fadmin", "%zz"] {
        browser.keep(RETURN, foreign);
        browser.get("/_emdash/admin").is_passed_on();
    }
    browser.get("/sign-in/site?to=//evil.example").is(303);
    assert_eq!(browser.cookie(RETURN).as_deref(), Some("%2Fpartner"));
}
