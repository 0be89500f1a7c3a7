//! A fingerprint across the month's end, and codes as people paste them.

use super::fixture::FunnelFixture;
use crate::support::clicks::written;
use crate::support::world::{at, now};
use manicule::engine::link::LinkRecord;
use manicule::engine::link::click::{Address, Click, Visitor};
use manicule::service::link::click;
use manicule::store::event::intake::{EventVisitor, visitor_clicks};
use serde_json::{Value, json};
use std::rc::Rc;

const PROGRAM: &str = "tiered-credits";
const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// A click without a cookie, as the redirect writes it.
fn click_of(fixture: &FunnelFixture, of: &(String, String), ip: &str, when: &str) {
    let one = click_in(fixture, PROGRAM, of, ip, when);
    store(fixture, &[one]);
}

fn store(fixture: &FunnelFixture, clicks: &[Click]) {
    let salt = now(click::load_salt(&fixture.world.db, clicks[0].at, [7; 32])).unwrap();
    written(&fixture.world, clicks.to_vec(), &salt);
}

fn click_in(fixture: &FunnelFixture, program: &str, (partner, code): &(String, String), ip: &str, when: &str) -> Click {
    let link = LinkRecord {
        code: code.clone().into(),
        partner_id: partner.clone().into(),
        program_id: program.into(),
        fingerprinted: true,
        ..LinkRecord::default()
    };
    Click {
        id: format!("clk_{}", fixture.world.next()),
        link: Rc::new(link),
        campaign: String::new(),
        visitor: Visitor::Fingerprint { user_agent: AGENT.to_owned() },
        address: Address::new(ip),
        at: at(when),
        ..Click::default()
    }
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

/// Of more clicks than an event keeps, those that decide are kept: those before the sign-up, and of each program the first
/// and the last.
#[test]
fn no_number_of_clicks_hides_the_one_that_decides() {
    let fixture = FunnelFixture::new(47);
    let [one, two] = ["one", "two"].map(|who| fixture.partner(PROGRAM, who));
    let when = |hour: usize, minute: usize| format!("2026-03-{:02}T{:02}:{minute:02}:00Z", 6 + hour / 24, hour % 24);
    click_of(&fixture, &one, "192.0.2.1", "2026-03-04T12:00:00Z");
    let visitor = visitor_of(&fixture, "192.0.2.1", "2026-03-05T09:00:00Z");
    let later: Vec<Click> =
        (0..60).map(|hour| click_in(&fixture, PROGRAM, &two, "192.0.2.1", &when(hour, 30))).collect();
    store(&fixture, &later);
    // The sign-up's event comes a week late.
    let up = json!({
        "id": "up_late", "type": "account.signed_up", "occurred_at": "2026-03-05T09:00:00Z", "account": {"id": "late"},
        "attribution": {"visitor": visitor},
    });
    let outcome = fixture.world.take(at("2026-03-12T00:00:00Z"), &up, None).unwrap().outcome;
    assert!(outcome["attribution"].to_string().contains(&one.0), "{outcome}");

    let program = "developer-affiliate";
    let many = (0..60).map(|hour| match hour {
        30 => click_in(&fixture, program, &one, "192.0.2.9", &when(hour, 1)),
        _ => click_in(&fixture, program, &two, "192.0.2.9", &when(hour, 0)),
    });
    store(&fixture, &many.collect::<Vec<_>>());
    click_of(&fixture, &two, "192.0.2.9", "2026-03-02T12:00:00Z");
    let asked = at("2026-03-10T09:00:00Z");
    let visitor = visitor_of(&fixture, "192.0.2.9", "2026-03-10T09:00:00Z");
    let of = |id: &str, visitor: &str| EventVisitor::new(&id.into(), visitor, asked);
    let visitors = [of("a", visitor.as_str().unwrap()), of("b", "nobody")];
    let kept = now(fixture.world.at(asked).read(visitor_clicks(&visitors))).unwrap();
    assert!(kept.iter().all(|(by, _)| by.event.as_str() == "a"), "each event has its own visitor's");
    let kept: Vec<_> = kept.into_iter().map(|(_, touch)| touch).collect();
    let of = |program: &str| kept.iter().filter(|t| t.program == *program).map(|t| t.at).collect::<Vec<_>>();
    assert_eq!((kept.len(), of(PROGRAM)), (50, vec![at("2026-03-02T12:00:00Z")]));
    let others = of(program);
    let ends = (others.first().copied(), others.last().copied());
    assert_eq!(ends, (Some(at("2026-03-08T11:00:00Z")), Some(at("2026-03-06T00:00:00Z"))));
    assert!(others.contains(&at("2026-03-07T06:01:00Z")), "the other partner's only one: {others:?}");
}
