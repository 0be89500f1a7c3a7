//! Wrong tokens, of the API and of emailed links: what a look costs is bounded, and who has a right one is let in.

use super::floods::{FLOOD, NOW, rows};
use crate::funnel::fixture::FunnelFixture;
use crate::pages::fixture::{PagesFixture, link_of};
use crate::support::world::at;
use manicule::base::limits::WRONG_TOKENS_PER_MINUTE;
use manicule::base::time::{DAY_MS, UtcMillis};
use manicule::codec::message::email::Mail;
use manicule::http::auth::hex_sha256;
use std::cell::RefCell;
use std::rc::Rc;

const NETWORK: [(&str, &str); 1] = [("cf-connecting-ip", "192.0.2.7")];

#[test]
fn wrong_tokens() {
    let fixture = FunnelFixture::new(1);
    let now = at(NOW);
    let ask = |token: &str, ip: &str, when: UtcMillis| {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str()), ("cf-connecting-ip", ip)];
        fixture.send(when, "GET", "/v1/programs", "", b"", &headers).status
    };
    let calls = || fixture.world.db.calls.get();
    let before = calls();
    let mut answers = Vec::new();
    for n in 0..FLOOD {
        answers.push(ask(&format!("mop_wrong_{n}"), "192.0.2.1", now));
    }
    let many = WRONG_TOKENS_PER_MINUTE as usize;
    assert!(answers[..many].iter().all(|status| *status == 401) && answers[many..].iter().all(|status| *status == 429));
    assert_eq!(calls() - before, u64::from(WRONG_TOKENS_PER_MINUTE), "the others cost the database nothing");
    assert_eq!(ask("mop_wrong", "192.0.2.2", now), 401, "another network");
    assert_eq!(ask("mop_of_the_tests", "192.0.2.1", now), 200, "the first operator's token needs no look");
    assert_eq!(ask("mop_wrong", "192.0.2.1", now.plus_ms(60_000)), 401, "the next minute");
    for table in ["session", "audit", "api_token"] {
        let before = rows(&fixture.world, table);
        ask("mop_wrong_again", "192.0.2.3", now);
        assert_eq!(rows(&fixture.world, table), before, "{table}");
    }
}

#[test]
fn a_token_that_was_right_is_looked_up_whatever_its_network_sends() {
    let fixture = FunnelFixture::new(1);
    let ask = |token: &str, when: UtcMillis| {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str()), NETWORK[0]];
        fixture.send(when, "GET", "/v1/programs", "", b"", &headers).status
    };
    let execute =
        |sql: &str| fixture.world.db.connection.borrow().execute_batch(sql).expect("the statement of the test");
    let (now, later) = (at(NOW), at(NOW).plus_ms(3 * DAY_MS));
    let (sha256, end) = (hex_sha256(b"mop_of_an_app"), later.plus_ms(DAY_MS).0);
    execute(&format!(
        "INSERT INTO api_token (id, name, sha256, scopes, created_at_ms, expires_at_ms) VALUES ('tok_1', 'app', '{sha256}', 'read', {}, {end})",
        now.0
    ));
    assert_eq!(ask("mop_of_an_app", now), 200);
    (0..FLOOD).for_each(|n| assert!(ask(&format!("mop_wrong_{n}"), later) >= 401));
    assert_eq!((ask("mop_wrong", later), ask("mop_of_an_app", later)), (429, 200), "days after its last use");
    execute("UPDATE api_token SET revoked_at_ms = created_at_ms + 1");
    assert_eq!(ask("mop_of_an_app", later), 401, "it is looked up, not believed");
}

/// A partner's sign-in link, with the fixture that made it.
fn mailed(prepare: impl FnOnce(&mut PagesFixture)) -> (PagesFixture, String) {
    let mut fixture = PagesFixture::new(at(NOW));
    let mails: Rc<RefCell<Vec<Mail>>> = fixture.post_office();
    prepare(&mut fixture);
    fixture.world.partner(at(NOW), "user-referral", "ann", "ann@example.com").expect("a partner");
    let browser = fixture.browser();
    browser.get("/sign-in").is(200);
    browser.post("/sign-in", &[("email", "ann@example.com"), ("to", "")]).is(303);
    let path = link_of(mails.borrow().last().expect("a mail"));
    (fixture, path)
}

const PATHS: [&str; 3] = ["/sign-in/mail", "/partner/join", "/partner/email"];

#[test]
fn wrong_links_cost_nothing_and_hold_up_nobody() {
    let (fixture, path) = mailed(|_| {});
    let browser = fixture.browser();
    let calls = || fixture.world.db.calls.get();
    let before = calls();
    let (start, token) = path.rsplit_once('/').expect("a token");
    let changed = if token.starts_with('0') { "1" } else { "0" };
    let mut wrong: Vec<String> = (0..200).flat_map(|n| PATHS.map(|at| format!("{at}/wrong{n}"))).collect();
    wrong.extend(PATHS.map(|at| format!("{at}/{}", "0".repeat(token.len()))));
    wrong.extend([format!("{start}/{changed}{}", &token[1..]), format!("{path}0"), format!("{start}/{}", &token[1..])]);
    wrong.extend([
        format!("/partner/join/{token}"),
        format!("/partner/email/{token}"),
        format!("{start}/{}", token.to_uppercase()),
    ]);
    for path in wrong {
        browser.ask("GET", &path, &NETWORK, "").is(410);
    }
    assert_eq!(calls(), before, "none is looked up");
    browser.ask("GET", &path, &NETWORK, "").is(200).says("ann@example.com");
    assert_eq!(browser.post_with(&NETWORK, &path, &[]).is(303).location, "/partner");
    // A used one is looked up, and does not count either.
    for _ in 0..2 * WRONG_TOKENS_PER_MINUTE {
        browser.ask("GET", &path, &NETWORK, "").is(410);
    }
    // Tokens of the API have a count of their own.
    browser.get("/sign-in/token").is(200);
    browser.post_with(&NETWORK, "/sign-in/token", &[("token", "mop_wrong")]).is(422);
}

#[test]
fn links_are_good_as_long_as_one_of_the_keys_is_kept() {
    let (mut fixture, path) = mailed(|_| {});
    let keys = |text: &str| Some(manicule::codec::attribution::cookie::CookieKeys::parse(text).expect("keys"));
    let old = "k1:517bd8823e6ea4497977a22a9a0761f3176c639de5b0828c788e7c345d4d08b0";
    let new = "k2:9d2c6e0f54a1b7380c2e9f4716d8a35be07fc2914b6a8d03e5f17c29b4608ade";
    fixture.config.setup.cookie_keys = keys(&format!("{new},{old}"));
    fixture.browser().get(&path).is(200);
    fixture.config.setup.cookie_keys = keys(new);
    fixture.browser().get(&path).is(410);
}

#[test]
fn without_keys_wrong_links_are_counted() {
    let (fixture, path) = mailed(|fixture| fixture.config.setup.cookie_keys = None);
    let browser = fixture.browser();
    browser.ask("GET", &path, &NETWORK, "").is(200);
    let before = fixture.world.db.calls.get();
    let wrong = (0..200).flat_map(|n| PATHS.map(|at| format!("{at}/wrong{n}")));
    let answers: Vec<u16> = wrong.map(|path| browser.ask("GET", &path, &NETWORK, "").status).collect();
    let many = WRONG_TOKENS_PER_MINUTE as usize;
    assert!(answers[..many].iter().all(|status| *status == 410), "{answers:?}");
    assert!(answers[many..].iter().all(|status| *status == 429), "{answers:?}");
    assert!(fixture.world.db.calls.get() - before <= 2 * u64::from(WRONG_TOKENS_PER_MINUTE));
}
