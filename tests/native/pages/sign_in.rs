//! Signing in and out: proofs, sessions, and everything that must not let anybody in.

use super::fixture::{Browser, OPERATOR_TOKEN, ORIGIN, PagesFixture, Shown, TOO_OFTEN, link_of};
use crate::support::world::at;
use manicule::codec::identity::session::SiteUser;
use manicule::codec::message::email::Mail;
use manicule::codec::outgoing::RequestFailed;
use manicule::engine::identity::access::Role;
use manicule::http::auth::hex_sha256;
use manicule::http::limit::RateLimited;
use std::cell::RefCell;
use std::rc::Rc;

const SESSION: &str = "__Host-manicule_session";
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A house with a partner, ann, and a post office.
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

/// Asks for a link by the form, as somebody who types this address.
fn ask(browser: &Browser<'_>, email: &str, to: &str) -> Shown {
    browser.get("/sign-in").is(200);
    browser.post("/sign-in", &[("email", email), ("to", to)])
}

/// Follows the latest mail's link and presses its button.
fn follow(browser: &Browser<'_>, mails: &Rc<RefCell<Vec<Mail>>>) -> Shown {
    let path = link_of(mails.borrow().last().expect("a mail"));
    browser.get(&path).is(200);
    browser.post(&path, &[])
}

#[test]
fn a_mailed_link_lets_its_reader_in_once() {
    let (fixture, mails, partner) = fixture();
    let browser = fixture.browser();
    let asked = ask(&browser, "ann@example.com", "/partner/links");
    assert_eq!((asked.status, asked.location.as_str()), (303, "/sign-in/sent"));
    assert_eq!(asked.batches, 1);
    let mail = mails.borrow()[0].clone();
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("ann@example.com", "Sign in to ref.example"));
    let path = link_of(&mail);
    let token = path.rsplit('/').next().expect("a token").to_owned();
    assert_eq!(token.len(), 64);
    assert!(
        !format!("{:?}", fixture.world.db.look("SELECT * FROM magic_link")).contains(&token),
        "only its hash is kept"
    );

    // A scanner looks at it, and nothing happens.
    let scanner = fixture.browser();
    let shown = scanner.get(&path);
    shown.is_page().says("You are about to sign in as ann@example.com");
    assert_eq!(shown.header("referrer-policy"), "no-referrer");
    assert_eq!(sessions(&fixture, "1"), 0);

    let shown = follow(&browser, &mails);
    assert_eq!((shown.status, shown.location.as_str()), (303, "/partner/links"));
    let cookie = browser.cookie(SESSION).expect("a session");
    assert!(cookie.ends_with(&format!(".{partner}")), "the one partner is chosen: {cookie}");
    let set = shown.header("set-cookie");
    assert!(set.ends_with("; Path=/; Max-Age=5184000; Secure; HttpOnly; SameSite=Lax"), "{set}");
    let secret = cookie.split('.').next().expect("a token");
    assert_eq!(sessions(&fixture, &format!("token_sha256 = '{}'", hex_sha256(secret.as_bytes()))), 1);
    assert_eq!(sessions(&fixture, "way = 'mail' AND email = 'ann@example.com' AND operator = 0"), 1);

    // A second time, from another browser or the same, it is of no use.
    for again in [&fixture.browser(), &browser] {
        again.get("/sign-in?done=x");
        again.post(&path, &[]).is(410).says("This link no longer works");
        again.get(&path).is(410);
    }
    assert_eq!(sessions(&fixture, "1"), 1);
}

#[test]
fn a_link_used_by_two_at_once_lets_one_in() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    let path = link_of(&mails.borrow()[0]);
    browser.get(&path).is(200);
    // Between the look and the use, somebody else has used it.
    fixture
        .world
        .db
        .connection
        .borrow()
        .execute_batch(
            "CREATE TEMP TRIGGER first BEFORE INSERT ON session BEGIN SELECT RAISE(ABORT, 'magic_link: used already'); END",
        )
        .expect("a trigger");
    let shown = browser.post(&path, &[]);
    shown.is(410);
    assert_eq!((browser.cookie(SESSION), sessions(&fixture, "1")), (None, 0));
    // The schema's own guard says the same.
    let used = |db: &crate::support::sqlite::Sqlite| {
        db.connection.borrow().execute("UPDATE magic_link SET used_at_ms = 5", []).map_err(|e| e.to_string())
    };
    assert_eq!(used(&fixture.world.db), Ok(1));
    assert_eq!(used(&fixture.world.db), Err("magic_link: used already".to_owned()));
}

#[test]
fn links_grow_old_and_foreign_ones_are_none() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    let path = link_of(&mails.borrow()[0]);
    for wrong in [
        "/sign-in/mail/x".to_owned(),
        format!("{path}0"),
        path.to_uppercase().replace("/SIGN-IN/MAIL", "/sign-in/mail"),
    ] {
        browser.get(&wrong).is(410);
        browser.post(&wrong, &[]).is(410);
    }
    // A link to sign in is none to join.
    browser.get(&path.replace("/sign-in/mail/", "/partner/join/")).is(410);
    later(&fixture, 15 * MINUTE - 1);
    browser.get(&path).is(200);
    later(&fixture, 1);
    browser.get(&path).is(410);
    browser.post(&path, &[]).is(410);
    assert_eq!(sessions(&fixture, "1"), 0);
}

#[test]
fn the_answer_does_not_tell_who_is_known() {
    let (fixture, mails, _) = fixture();
    let known = ask(&fixture.browser(), "ann@example.com", "");
    let unknown = ask(&fixture.browser(), "nobody@example.com", "");
    let plain = |shown: &Shown| (shown.status, shown.location.clone(), shown.html.clone(), shown.batches);
    assert_eq!(plain(&known), plain(&unknown));
    assert_eq!(mails.borrow().len(), 1);
    fixture.browser().get("/sign-in/sent").is(200).says("If we recognize that address");
}

#[test]
fn an_address_gets_five_mails_an_hour() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    for _ in 0..7 {
        assert_eq!(ask(&browser, "ANN@example.com", "").location, "/sign-in/sent");
    }
    assert_eq!(mails.borrow().len(), 5);
    later(&fixture, HOUR + 1);
    ask(&browser, "ann@example.com", "");
    assert_eq!(mails.borrow().len(), 6);
}

#[test]
fn a_mail_that_does_not_leave_tells_nobody_and_does_not_count() {
    let (mut fixture, mails, _) = fixture();
    *fixture.world.mailer.borrow_mut() = Box::new(|_| Err(RequestFailed("down for ann@example.com".to_owned())));
    let browser = fixture.browser();
    let known = ask(&browser, "ann@example.com", "/partner/links");
    let unknown = ask(&fixture.browser(), "nobody@example.com", "/partner/links");
    let plain = |shown: &Shown| (shown.status, shown.location.clone(), shown.html.clone(), shown.batches);
    assert_eq!(plain(&known), plain(&unknown), "that it failed does not tell who is known");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM magic_link WHERE is_live = 1"), 0, "it does not count");
    fixture.config.setup.mail.binding = false;
    let browser = fixture.browser();
    browser.get("/sign-in/token");
    browser.get("/sign-in").is(200).says("Email is not set up here");
    browser.post("/sign-in", &[("email", "ann@example.com")]).is(503).says("Email is not set up on this site yet");
    assert_eq!(mails.borrow().len(), 0);
}

#[test]
fn a_mail_that_fails_is_tried_once_more() {
    let (fixture, _, _) = fixture();
    let tries = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&tries);
    *fixture.world.mailer.borrow_mut() = Box::new(move |mail| {
        seen.borrow_mut().push(link_of(mail));
        if seen.borrow().len() == 1 { Err(RequestFailed("reset".to_owned())) } else { Ok(()) }
    });
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    let tries = tries.borrow();
    assert_eq!((tries.len(), &tries[0]), (2, &tries[1]), "the same link");
    browser.get(&tries[0]).is(200);
}

#[test]
fn a_network_that_asks_too_often_is_told_so() {
    let (fixture, mails, _) = fixture();
    TOO_OFTEN.set(vec![(RateLimited::Mail, "192.0.2.1".to_owned())]);
    let from = |ip: &str, email: &str| {
        let browser = fixture.browser();
        browser.get("/sign-in?to=/partner/links");
        browser.post_with(&[("cf-connecting-ip", ip)], "/sign-in", &[("email", email), ("to", "/partner/links")])
    };
    for email in ["ann@example.com", "nobody@example.com"] {
        let shown = from("192.0.2.1", email);
        shown.is(429).says("We sent nothing");
        let typed = format!("value=\"{email}\"");
        assert!(shown.html.contains(&typed) && shown.html.contains("value=\"/partner/links\""), "{}", shown.html);
    }
    assert_eq!((mails.borrow().len(), fixture.world.db.number("SELECT COUNT(*) FROM magic_link")), (0, 0));
    assert_eq!(from("192.0.2.2", "ann@example.com").location, "/sign-in/sent");
    assert_eq!(mails.borrow().len(), 1);
}

#[test]
fn hostile_input_is_shown_escaped_and_leads_nowhere() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    browser.get("/sign-in");
    let evil = "\"><script>alert(1)</script>";
    for bad in [evil, "", "nobody", "a@b.example,c@d.example", "a@b.example\r\nBcc: c@d.example"] {
        let shown = browser.post("/sign-in", &[("email", bad), ("to", evil)]);
        shown.is(422).says("Enter an email address");
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
fn a_form_needs_a_page_of_ours() {
    let (fixture, _, _) = fixture();
    let browser = fixture.browser();
    browser.get("/sign-in");
    browser.ask("POST", "/sign-in", &[("origin", ORIGIN)], "email=ann%40example.com&form_token=x").is(403);
    browser.ask("POST", "/sign-out", &[("origin", "null")], "").is(403);
    // A page without a referrer has the origin "null"; the browser itself says that it is ours.
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
fn operators_come_by_address_or_token() {
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
        shown.is(422).says("This token can't open these pages");
        assert!(wrong.is_empty() || !shown.html.contains(&format!("value=\"{wrong}\"")));
    }
    let shown = other.post("/sign-in/token", &[("token", OPERATOR_TOKEN), ("to", "/operator/runs")]);
    assert_eq!(shown.location, "/operator/runs");
    assert!(shown.header("set-cookie").contains("Max-Age=43200;"));
    assert_eq!(sessions(&fixture, "way = 'token' AND operator = 1 AND actor = 'token:bootstrap'"), 1);
    let stored = format!("{:?}", fixture.world.db.look("SELECT * FROM session"));
    assert!(!stored.contains(OPERATOR_TOKEN));
}

/// Whether a browser is still let in: an operator or a partner is led on from the sign-in page.
fn is_in(browser: &Browser<'_>) -> bool {
    browser.get("/sign-in").status == 303
}

#[test]
fn an_operator_ends_with_what_let_it_in() {
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
    assert!(!with(&fixture, &first), "what is over stays over");
    let second = enter(&fixture);
    run(&fixture, &format!("UPDATE api_token SET expires_at_ms = {}", fixture.now.get().0));
    assert!(!with(&fixture, &second), "expired");

    // The first token is the configuration's.
    let operator = fixture.operator();
    assert!(is_in(&operator));
    let cookie = operator.cookie(SESSION).expect("a session");
    fixture.config.operator_token_sha256 = None;
    assert!(!with(&fixture, &cookie));

    // An address that the configuration no longer names.
    let browser = fixture.browser();
    ask(&browser, "ops@example.com", "");
    follow(&browser, &mails);
    let cookie = browser.cookie(SESSION).expect("a session");
    assert!(with(&fixture, &cookie));
    fixture.config.operators.clear();
    assert!(!with(&fixture, &cookie));
}

#[test]
fn a_partner_is_no_operator() {
    let (fixture, _, partner) = fixture();
    let browser = fixture.signed_in("ann@example.com", &partner);
    browser.get("/sign-in?to=/operator").is_page().says("These pages are for operators");
    browser.get("/sign-in?to=/partner/links").is(303);
}

#[test]
fn a_session_is_over_when_it_is_not_used_and_at_last_anyway() {
    let (fixture, mails, _) = fixture();
    let enter = |email: &str| {
        let browser = fixture.browser();
        ask(&browser, email, "");
        follow(&browser, &mails);
        browser
    };
    let (partner, operator) = (enter("ann@example.com"), enter("ops@example.com"));
    later(&fixture, 12 * HOUR - 1);
    assert!(is_in(&partner) && is_in(&operator));
    later(&fixture, 12 * HOUR);
    assert!(is_in(&partner) && !is_in(&operator), "an operator's ends after 12 idle hours");
    later(&fixture, 14 * DAY - 1);
    assert!(is_in(&partner));
    later(&fixture, 14 * DAY);
    assert!(!is_in(&partner));

    let (partner, operator) = (enter("ann@example.com"), enter("ops@example.com"));
    let by_token = fixture.browser();
    by_token.get("/sign-in/token");
    by_token.post("/sign-in/token", &[("token", OPERATOR_TOKEN)]);
    let mut hours = 0;
    while hours < 60 * 24 - 6 {
        later(&fixture, 6 * HOUR);
        hours += 6;
        assert!(is_in(&partner), "{hours}");
        assert_eq!(is_in(&operator), hours < 7 * 24, "{hours}");
        assert_eq!(is_in(&by_token), hours < 12, "{hours}");
    }
    later(&fixture, 6 * HOUR);
    assert!(!is_in(&partner), "after 60 days");
}

#[test]
fn the_token_is_exchanged_once_a_day() {
    let (fixture, mails, partner) = fixture();
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    follow(&browser, &mails);
    let first = browser.cookie(SESSION).expect("a session");
    later(&fixture, DAY - 1);
    assert_eq!(browser.get("/sign-in?to=/partner").batches, 2, "its use is noted");
    assert_eq!(browser.cookie(SESSION).as_ref(), Some(&first));
    assert_eq!(browser.get("/sign-in?to=/partner").batches, 1, "once an hour");
    later(&fixture, 1);
    browser.get("/sign-out").is(200);
    let form = browser.get("/sign-out");
    let shown = browser.get("/sign-in");
    assert_eq!((shown.status, shown.batches), (303, 2));
    let second = browser.cookie(SESSION).expect("a session");
    assert_ne!(first, second);
    assert!(second.ends_with(&format!(".{partner}")) && shown.header("set-cookie").contains("Max-Age=5097600;"));
    let token = form.html.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let sent = |token: &str| {
        browser.ask("POST", "/sign-in/mail/none", &[("origin", ORIGIN)], &format!("form_token={token}")).status
    };
    let token = token.expect("a form");
    assert_eq!(sent(token), 410, "a form that is open elsewhere stays good");
    assert_eq!(sent(&format!("{}{}", if token.starts_with('0') { '1' } else { '0' }, &token[1..])), 403);
    assert!(!browser.get("/sign-out").html.contains(token), "each answer has a mask of its own");

    // Who was under way with the old token is let in for another minute, and is handed nothing.
    let old = fixture.browser();
    old.keep(SESSION, &first);
    later(&fixture, MINUTE - 1);
    let shown = old.get("/sign-in");
    assert_eq!((shown.status, shown.header("set-cookie")), (303, ""));
    later(&fixture, 1);
    assert!(!is_in(&old) && is_in(&browser));
    // A page is shown though its upkeep fails.
    later(&fixture, DAY);
    fixture.world.db.fault.set(Some((fixture.world.db.calls.get() + 1, crate::support::sqlite::Fault::Before)));
    assert!(is_in(&browser));
    assert_eq!(browser.cookie(SESSION), Some(second));
}

#[test]
fn a_sign_in_ends_the_session_before_it() {
    let (fixture, mails, partner) = fixture();
    let browser = fixture.signed_in("ann@example.com", &partner);
    let before = browser.cookie(SESSION).expect("a session");
    browser.get("/sign-in/token");
    browser.post("/sign-in/token", &[("token", OPERATOR_TOKEN)]).is(303);
    let old = fixture.browser();
    old.keep(SESSION, &before);
    assert!(!is_in(&old) && is_in(&browser));
    assert!(mails.borrow().is_empty());
}

#[test]
fn signing_out_ends_it_here_or_everywhere() {
    let (fixture, _, partner) = fixture();
    let (here, there) =
        (fixture.signed_in("ann@example.com", &partner), fixture.signed_in("ann@example.com", &partner));
    let stranger = fixture.signed_in("bob@example.com", "");
    let kept = here.cookie(SESSION).expect("a session");
    here.get("/sign-out").is(200);
    let shown = here.post("/sign-out", &[]);
    assert_eq!(shown.location, "/sign-in?done=signed-out");
    assert!(shown.header("set-cookie").contains("Max-Age=0"));
    here.keep(SESSION, &kept);
    assert!(!is_in(&here) && is_in(&there));
    here.get("/sign-in?done=signed-out").is(200).says("You are signed out.");

    let again = fixture.signed_in("ann@example.com", &partner);
    again.get("/sign-out");
    assert_eq!(again.post("/sign-out", &[("everywhere", "yes")]).location, "/sign-in?done=signed-out-everywhere");
    assert!(!is_in(&there) && is_in(&stranger));
}

fn site_user(role: i64) -> Option<SiteUser> {
    Some(SiteUser { id: "01M7".to_owned(), email: "p@example.com".to_owned(), name: Some("P".to_owned()), role })
}

#[test]
fn the_site_lets_its_users_in_by_role() {
    let (fixture, _, _) = fixture();
    fixture.site_says(Ok(None));
    let browser = fixture.browser();
    let shown = browser.get("/sign-in?to=/partner/links");
    shown.is(200).says("Sign in with your site account");
    assert!(
        shown.html.contains("href=\"/_emdash/admin/login?redirect=%2Fsign-in%3Fto%3D%252Fpartner%252Flinks\""),
        "{}",
        shown.html
    );
    browser.keep("astro-session", "abc");
    browser.get("/sign-in").is(200).says("Sign in with your site account");

    fixture.site_says(Err("it answered 500".to_owned()));
    browser.get("/sign-in?to=/partner").is(503).says("couldn't check your sign-in");
    fixture.site_says(Ok(site_user(5)));
    browser.get("/sign-in").is(200).says("role doesn't allow partner access");
    assert_eq!(sessions(&fixture, "1"), 0);

    fixture.site_says(Ok(site_user(10)));
    browser.get("/sign-in?to=/operator").is(200).says("These pages are for administrators");
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
    // Without a site's cookie nobody is asked.
    fixture.browser().get("/sign-in").is(200);
    // After signing out nobody is let in again unasked.
    browser.get("/sign-out");
    browser.post("/sign-out", &[]);
    browser.get("/sign-in?done=signed-out").is(200);
}

#[test]
fn the_site_is_asked_again_every_five_minutes() {
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
    assert!(is_in(&browser), "it was asked a moment ago");
    later(&fixture, 1);
    assert!(!is_in(&browser));
    assert_eq!(sessions(&fixture, "ended_at_ms IS NULL"), 0);
    out(&browser).is(200);

    // An error ends nothing, and shows nothing.
    fixture.site_says(Ok(site_user(50)));
    let browser = enter();
    later(&fixture, 5 * MINUTE);
    fixture.site_says(Err("it answered 502".to_owned()));
    browser.get("/sign-in").is(503);
    assert_eq!(sessions(&fixture, "ended_at_ms IS NULL"), 1);
    fixture.site_says(Ok(site_user(50)));
    assert_eq!(browser.get("/sign-in").batches, 2);
    assert_eq!(browser.get("/sign-in").batches, 1);

    // Who is no operator there any more is none here; nor is another user.
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

#[test]
fn what_is_over_is_removed() {
    let (fixture, mails, partner) = fixture();
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    follow(&browser, &mails);
    let gone = fixture.signed_in("ann@example.com", &partner);
    gone.get("/sign-out");
    gone.post("/sign-out", &[]);
    let purge = |fixture: &PagesFixture| {
        let ctx = fixture.world.at(fixture.now.get());
        crate::support::world::now(manicule::service::identity::sign_in::purge(&ctx)).expect("a purge");
    };
    purge(&fixture);
    assert_eq!((sessions(&fixture, "1"), fixture.world.db.number("SELECT COUNT(*) FROM magic_link")), (1, 1));
    later(&fixture, DAY + 15 * MINUTE);
    purge(&fixture);
    assert_eq!((sessions(&fixture, "1"), fixture.world.db.number("SELECT COUNT(*) FROM magic_link")), (1, 0));
    later(&fixture, 60 * DAY);
    purge(&fixture);
    assert_eq!(sessions(&fixture, "1"), 0);
}

#[test]
fn a_session_is_found_by_indexes_alone() {
    let (fixture, _, partner) = fixture();
    let browser = fixture.signed_in("ann@example.com", &partner);
    fixture.world.db.heard.replace(Some(std::collections::BTreeSet::new()));
    for path in ["/sign-in", "/partner/programs", "/partner/settings", "/partner/settings/data"] {
        browser.get(path);
    }
    ask(&fixture.browser(), "ann@example.com", "");
    let heard = fixture.world.db.heard.take().expect("statements");
    let about = |sql: &&String| sql.contains("FROM session") || sql.contains("INTO magic_link");
    let heard: Vec<&String> = heard.iter().filter(about).collect();
    assert!(heard.len() >= 4, "{heard:?}");
    for sql in heard {
        let connection = fixture.world.db.connection.borrow();
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a plan");
        let none = vec![rusqlite::types::Null; plan.parameter_count()];
        let rows = plan.query_map(rusqlite::params_from_iter(none), |row| row.get::<_, String>(3)).expect("a plan");
        for step in rows.map(|step| step.expect("a step")) {
            assert!(!step.starts_with("SCAN") || step.contains("CONSTANT ROW"), "{step}: {sql}");
        }
    }
}
