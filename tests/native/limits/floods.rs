//! What strangers send by the thousand leaves no more than `docs/limits.md` says.

use crate::funnel::fixture::{BROWSER, FunnelFixture};
use crate::pages::fixture::PagesFixture;
use crate::support::world::{World, at};
use manicule::base::limits::{MAIL_LINKS_PER_HOUR, STAGES_PER_MINUTE, WRONG_TOKENS_PER_MINUTE};
use manicule::base::network::AROUND;
use manicule::base::time::UtcMillis;
use serde_json::json;

pub const FUNNEL: &str = "partner-funnel";
pub const NOW: &str = "2026-06-10T12:00:00Z";
pub const FLOOD: usize = 1_000;

pub fn rows(world: &World, table: &str) -> i64 {
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
fn networks_of_ipv6_that_one_subscriber_has_count_as_one() {
    // 56 bits are 256 networks of 64; 48 bits are 256 times as many, and count as 16.
    let of_56 = |n: usize| format!("2001:db8:1:{:x}::1", 0x700 + n % 256);
    let of_48 = |n: usize| format!("2001:db8:2:{:x}::1", n * 61 % 0x1_0000);
    let fixture = FunnelFixture::new(1);
    let (_, code) = fixture.partner(FUNNEL, "seo");
    let (_, other) = fixture.partner(FUNNEL, "agency");
    let stored = || rows(&fixture.world, "funnel_event");
    let tell = |n: usize, code: &str, ip: &str| {
        let agent = format!("{BROWSER} {n}");
        let headers = [("cf-connecting-ip", ip), ("user-agent", agent.as_str())];
        fixture.collect(at(NOW), json!({"event": "lead_magnet.downloaded", "partner": code}), &headers, 204);
    };
    (0..FLOOD).for_each(|n| tell(n, &code, &of_56(n)));
    assert_eq!(stored(), STAGES_PER_MINUTE);
    (0..2 * FLOOD).for_each(|n| tell(n, &other, &of_48(n)));
    assert_eq!(stored(), 17 * STAGES_PER_MINUTE);
    let before = fixture.world.db.calls.get();
    for n in 0..FLOOD {
        let (token, ip) = (format!("Bearer mop_wrong_{n}"), of_56(n));
        let headers = [("authorization", token.as_str()), ("cf-connecting-ip", ip.as_str())];
        fixture.send(at(NOW), "GET", "/v1/programs", "", b"", &headers);
    }
    // What refuses goes by 64 bits, and by the 48 around them with ten times as much.
    let looked = fixture.world.db.calls.get() - before;
    let most = u64::from(WRONG_TOKENS_PER_MINUTE * AROUND);
    assert!((most - 20..=most).contains(&looked), "{looked} of {FLOOD} were looked up");
    let mut fixture = PagesFixture::new(at(NOW));
    fixture.post_office();
    fixture.config.cookie_keys.clone_from(&fixture.config.setup.cookie_keys);
    for n in 0..200 {
        let browser = fixture.browser();
        browser.get("/sign-in").is(200);
        let email = format!("victim{n}@example.com");
        browser.post_with(&[("cf-connecting-ip", &of_56(n))], "/sign-in", &[("email", &email), ("to", "")]).is(303);
    }
    assert_eq!(rows(&fixture.world, "magic_link"), MAIL_LINKS_PER_HOUR);
}
