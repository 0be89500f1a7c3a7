//! A fingerprint across the month's end, and codes as people paste them.

use super::fixture::FunnelFixture;
use crate::support::world::{at, now};
use manicule::engine::link::LinkRecord;
use manicule::engine::link::click::{Click, Visitor};
use manicule::service::link::click;
use serde_json::{Value, json};
use std::rc::Rc;

const PROGRAM: &str = "tiered-credits";
const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// A click without a cookie, as the redirect writes it.
fn click_of(fixture: &FunnelFixture, (partner, code): &(String, String), ip: &str, when: &str) {
    let link = LinkRecord {
        code: code.clone().into(),
        partner_id: partner.clone().into(),
        program_id: PROGRAM.into(),
        fingerprinted: true,
        ..LinkRecord::default()
    };
    let one = Click {
        id: format!("clk_{}", fixture.world.next()),
        link: Rc::new(link),
        campaign: String::new(),
        visitor: Visitor::Fingerprint { ip: ip.to_owned(), user_agent: AGENT.to_owned() },
        at: at(when),
        bot: false,
        country: None,
        utm_source: None,
        utm_medium: None,
        referrer_host: None,
    };
    let salt = now(click::load_salt(&fixture.world.db, at(when), [7; 32])).unwrap();
    now(click::write(&fixture.world.db, &[one], &salt)).unwrap();
}

/// What a form's field gets.
fn visitor_of(fixture: &FunnelFixture, ip: &str, when: &str) -> Value {
    let headers = [("cf-connecting-ip", ip), ("user-agent", AGENT)];
    let answer = fixture.send(at(when), "GET", "/v1/attribution", "", b"", &headers);
    serde_json::from_slice::<Value>(&answer.body).unwrap()["visitor"].clone()
}

/// The partner that gets the account.
fn partner_of(fixture: &FunnelFixture, account: &str, when: &str, credential: Value) -> Value {
    let up = json!({
        "id": format!("up_{account}"), "type": "account.signed_up", "occurred_at": when, "account": {"id": account},
        "attribution": credential,
    });
    let outcome = fixture.world.take(at(when), &up, None).unwrap().outcome;
    let all = outcome["attribution"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|g| g["group"] == json!("salonhub")).map(|g| g["partner"].clone()).unwrap_or_default()
}

#[test]
fn a_click_of_january_and_a_form_of_february_are_one_visitor() {
    let fixture = FunnelFixture::new(41);
    let [one, two] = ["one", "two"].map(|who| fixture.partner(PROGRAM, who));
    click_of(&fixture, &one, "192.0.2.1", "2026-01-30T12:00:00Z");
    // Nobody has clicked in February.
    let visitor = visitor_of(&fixture, "192.0.2.1", "2026-02-02T09:00:00Z");
    assert_eq!(partner_of(&fixture, "a", "2026-02-02T09:00:00Z", json!({"visitor": visitor})), json!(one.0));
    // Another visitor has.
    click_of(&fixture, &two, "192.0.2.2", "2026-02-01T00:00:00Z");
    let visitor = visitor_of(&fixture, "192.0.2.1", "2026-02-03T09:00:00Z");
    assert_eq!(visitor.as_str().map(|v| v.split('.').count()), Some(2), "{visitor}");
    assert_eq!(partner_of(&fixture, "b", "2026-02-03T09:00:00Z", json!({"visitor": visitor})), json!(one.0));
    let stranger = visitor_of(&fixture, "192.0.2.3", "2026-02-03T09:00:00Z");
    assert_eq!(stranger.as_str().map(|v| v.split('.').count()), Some(1), "{stranger}");
    assert_eq!(partner_of(&fixture, "c", "2026-02-03T09:00:00Z", json!({"visitor": stranger})), Value::Null);
    // Clicks of two partners in two months prove nothing.
    click_of(&fixture, &two, "192.0.2.1", "2026-02-04T00:00:00Z");
    let both = visitor_of(&fixture, "192.0.2.1", "2026-02-05T09:00:00Z");
    assert_eq!(partner_of(&fixture, "d", "2026-02-05T09:00:00Z", json!({"visitor": both})), Value::Null);
    // Thirty days after the month, its salt finds nobody.
    let late = visitor_of(&fixture, "192.0.2.1", "2026-03-03T00:00:00Z");
    assert_eq!(partner_of(&fixture, "e", "2026-03-03T00:00:00Z", json!({"visitor": late})), json!(two.0));
    click_of(&fixture, &two, "192.0.2.9", "2026-03-03T00:00:00Z");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM visitor_salt WHERE month = '2026-01'"), 0);
}

#[test]
fn an_ipv6_visitor_is_its_network() {
    let fixture = FunnelFixture::new(42);
    let one = fixture.partner(PROGRAM, "one");
    click_of(&fixture, &one, "2001:db8:1:2::1", "2026-02-01T12:00:00Z");
    for (account, ip, want) in [("a", "2001:db8:1:2:8f3a:1:2:3", json!(one.0)), ("b", "2001:db8:1:3::1", Value::Null)] {
        let visitor = visitor_of(&fixture, ip, "2026-02-02T09:00:00Z");
        assert_eq!(partner_of(&fixture, account, "2026-02-02T09:00:00Z", json!({"visitor": visitor})), want, "{ip}");
    }
}

#[test]
fn codes_are_pasted_whole() {
    let fixture = FunnelFixture::new(43);
    let (partner, code) = fixture.partner(PROGRAM, "one");
    for (n, given) in [
        code.clone(),
        format!(" {code}\n"),
        format!("\u{201c}{code}\u{201d}."),
        format!("{code}\u{200b}"),
        code.to_ascii_uppercase(),
        format!("https://ref.example/r/{code}/?utm_source={}", "x".repeat(300)),
        format!("HTTPS://REF.EXAMPLE/R/{}", code.to_ascii_lowercase()),
        format!("https://shop.example/prices?x=1&ref={code}&campaign=y"),
    ]
    .iter()
    .enumerate()
    {
        let found = partner_of(&fixture, &format!("a{n}"), "2026-02-02T09:00:00Z", json!({"code": given}));
        assert_eq!(found, json!(partner), "{given:?}");
    }
}
