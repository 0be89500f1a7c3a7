//! What strangers send by the thousand leaves no more than `docs/limits.md` says.

use crate::funnel::fixture::{BROWSER, FunnelFixture};
use crate::pages::fixture::PagesFixture;
use crate::support::world::{World, at};
use manicule::base::limits::{CAMPAIGNS_MAX, MAIL_LINKS_PER_HOUR, STAGES_PER_MINUTE, WRONG_TOKENS_PER_MINUTE};
use manicule::base::time::UtcMillis;
use manicule::codec::outgoing::RequestFailed;
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::Rc;

const FUNNEL: &str = "partner-funnel";
const NOW: &str = "2026-06-10T12:00:00Z";
const FLOOD: usize = 1_000;

fn rows(world: &World, table: &str) -> i64 {
    world.db.number(&format!("SELECT COUNT(*) FROM {table}"))
}

#[test]
fn beacons_of_one_network() {
    let fixture = FunnelFixture::new(1);
    let (_, code) = fixture.partner(FUNNEL, "seo");
    let (_, other) = fixture.partner(FUNNEL, "agency");
    let now = at(NOW);
    let tell = |n: usize, code: &str, ip: &str, when: UtcMillis| {
        // Each with a User-Agent of its own, which makes a visitor of its own.
        let agent = format!("{BROWSER} {n}");
        let headers = [("cf-connecting-ip", ip), ("user-agent", agent.as_str())];
        fixture.collect(when, json!({"event": "lead_magnet.downloaded", "partner": code}), &headers, 204);
    };
    for n in 0..FLOOD {
        tell(n, &code, "192.0.2.1", now);
    }
    assert_eq!(rows(&fixture.world, "funnel_event"), STAGES_PER_MINUTE);
    tell(0, &code, "192.0.2.2", now);
    tell(0, &other, "192.0.2.1", now);
    tell(0, &code, "192.0.2.1", now.plus_ms(60_000));
    assert_eq!(rows(&fixture.world, "funnel_event"), STAGES_PER_MINUTE + 3, "another network, link or minute");
    // Cookies do not help: each can be a fresh one.
    for n in 0..FLOOD {
        let cookie = fixture.cookie(&format!("vis_{n}"), &[(FUNNEL, &code, "", now)]);
        let headers = [("cf-connecting-ip", "192.0.2.9"), ("cookie", cookie.as_str())];
        fixture.collect(now, json!({"event": "lead_magnet.downloaded"}), &headers, 204);
    }
    assert_eq!(rows(&fixture.world, "funnel_event"), 2 * STAGES_PER_MINUTE + 3);
}

#[test]
fn campaigns_of_a_link_and_week() {
    let fixture = FunnelFixture::new(1);
    let partner = fixture.partner(FUNNEL, "seo");
    let now = at(NOW);
    let other = || fixture.world.db.number("SELECT COUNT(*) FROM click WHERE campaign = '(other)'");
    for n in 0..FLOOD {
        let _ = fixture.world.at(now);
        fixture.click(FUNNEL, &partner, &format!("made-up-{n}"), &format!("v{n}"), now);
    }
    assert_eq!(rows(&fixture.world, "campaign_week"), CAMPAIGNS_MAX);
    assert_eq!(
        (rows(&fixture.world, "click"), other()),
        (FLOOD as i64, FLOOD as i64 - CAMPAIGNS_MAX),
        "clicks are counted"
    );
    // Known names stay, in clicks and in the funnel; new ones are others, until the next week.
    let stage = |campaign: &str, when: UtcMillis| {
        fixture.visitor_event(when, "lead_magnet.downloaded", &partner.1, campaign, &format!("s-{campaign}"));
        let last = "SELECT campaign FROM funnel_event ORDER BY seq DESC LIMIT 1";
        fixture.world.db.look(last)[0]["campaign"].as_str().expect("a name").to_owned()
    };
    assert_eq!((stage("made-up-7", now), stage("new", now)), ("made-up-7".to_owned(), "(other)".to_owned()));
    assert_eq!(stage("", now), "", "none is none");
    assert_eq!(stage("new", at("2026-06-15T00:00:00Z")), "new", "the next week begins on Monday");
    for n in 0..FLOOD {
        let event = "lead_magnet.downloaded";
        fixture.visitor_event(at("2026-06-16T00:00:00Z"), event, &partner.1, &format!("late-{n}"), &format!("w{n}"));
    }
    assert_eq!(rows(&fixture.world, "campaign_week"), 2 * CAMPAIGNS_MAX);
    let names = fixture.world.db.number("SELECT COUNT(DISTINCT campaign) FROM funnel_event WHERE week = '2026-W25'");
    assert_eq!(names, CAMPAIGNS_MAX + 1);
    // The link's own campaign needs no place.
    let connection = fixture.world.db.connection.borrow();
    connection.execute("UPDATE link SET campaign = 'own' WHERE code = ?1", [&partner.1]).expect("a campaign");
    drop(connection);
    assert_eq!(stage("own", at("2026-06-16T00:00:00Z")), "own");
    let _ = fixture.world.at(now);
    fixture.click(FUNNEL, &partner, "own", "vx", at("2026-06-16T00:00:00Z"));
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM click WHERE campaign = 'own'"), 1);
    assert_eq!(rows(&fixture.world, "campaign_week"), 2 * CAMPAIGNS_MAX);
}

#[test]
fn visits_make_no_promotion_codes() {
    let mut fixture = FunnelFixture::new(1);
    let program = "user-referral";
    let (_, code) = fixture.partner(program, "friend");
    sql(
        &fixture.world,
        "UPDATE program_version SET document = json_set(document, '$.benefit.as_promotion_code', json('true')) WHERE program_id = 'user-referral'",
    );
    fixture.config.setup.stripe = Some(manicule::service::setup::Stripe {
        key: "sk_test_517bd8823e6ea4497977a22a9a0761f3".to_owned(),
        api_base: "https://stripe.example".to_owned(),
    });
    let asked = Rc::new(Cell::new(0));
    let counted = Rc::clone(&asked);
    fixture.world.setup = fixture.config.setup.clone();
    *fixture.world.service.borrow_mut() = Box::new(move |_| {
        counted.set(counted.get() + 1);
        Err(RequestFailed("it does not answer".to_owned()))
    });
    let now = at(NOW);
    let here = ("sec-fetch-site", "same-origin");
    let told = |n: usize, method: &str, path: &str, headers: &[(&str, &str)]| {
        let cookie = fixture.cookie(&format!("vis_{n}"), &[(program, &code, "", now)]);
        let mut all = vec![("cookie", cookie.as_str()), ("cf-connecting-ip", "192.0.2.1")];
        all.extend(headers);
        let response = fixture.send(now, method, path, "", b"", &all);
        (response.status, serde_json::from_slice::<Value>(&response.body).expect("JSON"))
    };
    for n in 0..FLOOD {
        let (status, body) = told(n, "GET", "/v1/attribution", &[here]);
        assert_eq!((status, &body["program"], &body["promotion_code"]), (200, &json!(program), &Value::Null), "{body}");
    }
    assert_eq!((rows(&fixture.world, "promotion_code"), asked.get()), (0, 0));
    // A person who presses the button gets one, from a page of this origin alone.
    let path = "/v1/attribution/promotion-code";
    assert_eq!(told(1, "POST", path, &[("sec-fetch-site", "cross-site")]).0, 403);
    assert_eq!(told(1, "POST", path, &[here, ("user-agent", "Googlebot/2.1")]).1["program"], Value::Null);
    assert_eq!((rows(&fixture.world, "promotion_code"), asked.get()), (0, 0));
    let (status, body) = told(1, "POST", path, &[here]);
    assert_eq!(
        (status, &body["program"], &body["promotion_code"]),
        (200, &json!(program), &Value::Null),
        "Stripe is away"
    );
    assert_eq!(rows(&fixture.world, "promotion_code"), 1);
    assert!(asked.get() > 0);
    sql(&fixture.world, "UPDATE promotion_code SET promotion_id = 'promo_1', attempt = 1, revision = revision + 1");
    let known = told(1, "GET", "/v1/attribution", &[here]).1["promotion_code"].clone();
    assert!(known.is_string(), "{known}");
    assert_eq!(told(1, "POST", path, &[here]).1["promotion_code"], known);
    // Too many from one network: the known one is told all the same.
    crate::support::site::ALL_TOO_OFTEN.set(true);
    assert_eq!(told(2, "POST", path, &[here]).0, 429);
    assert_eq!(told(1, "POST", path, &[here]).1["promotion_code"], known);
    crate::support::site::ALL_TOO_OFTEN.set(false);
    assert_eq!(rows(&fixture.world, "promotion_code"), 1);
}

fn sql(world: &World, text: &str) {
    world.db.connection.borrow().execute_batch(text).expect("the statement of the test");
}

#[test]
fn links_to_addresses_that_one_network_types() {
    let mut fixture = PagesFixture::new(at(NOW));
    fixture.post_office();
    fixture.config.cookie_keys.clone_from(&fixture.config.setup.cookie_keys);
    assert!(fixture.config.cookie_keys.is_some());
    let ask = |n: usize, ip: &str| {
        let browser = fixture.browser();
        browser.get("/sign-in").is(200);
        let email = format!("victim{n}@example.com");
        browser.post_with(&[("cf-connecting-ip", ip)], "/sign-in", &[("email", &email), ("to", "")]).status
    };
    for n in 0..300 {
        assert_eq!(ask(n, "192.0.2.1"), 303, "the answer is the same");
    }
    assert_eq!(rows(&fixture.world, "magic_link"), MAIL_LINKS_PER_HOUR);
    ask(0, "192.0.2.2");
    assert_eq!(rows(&fixture.world, "magic_link"), MAIL_LINKS_PER_HOUR + 1, "another network");
    fixture.now.set(fixture.now.get().plus_ms(3_600_001));
    ask(1, "192.0.2.1");
    assert_eq!(rows(&fixture.world, "magic_link"), MAIL_LINKS_PER_HOUR + 2, "the next hour");
}

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
fn wrong_links() {
    let mut fixture = PagesFixture::new(at(NOW));
    fixture.post_office();
    let browser = fixture.browser();
    let before = fixture.world.db.calls.get();
    let mut answers = Vec::new();
    for n in 0..200 {
        for path in ["/sign-in/mail", "/partner/join", "/partner/email"] {
            let asked = browser.ask("GET", &format!("{path}/wrong{n}"), &[("cf-connecting-ip", "192.0.2.7")], "");
            answers.push(asked.status);
        }
    }
    let many = WRONG_TOKENS_PER_MINUTE as usize;
    assert!(answers[..many].iter().all(|status| [404, 410].contains(status)), "{answers:?}");
    assert!(answers[many..].iter().all(|status| *status == 429), "{answers:?}");
    assert!(fixture.world.db.calls.get() - before <= 2 * u64::from(WRONG_TOKENS_PER_MINUTE));
}
