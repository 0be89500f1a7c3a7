//! `agency-partner`, modifiers and bonuses: the volume bonus with its backfill, the high-value bonus, and platinum from
//! the moment it is reached.

use super::client::step;
use super::facts::{Partner, event, paid, signed_up};
use super::server::Server;
use serde_json::{Value, json};

const PROGRAM: &str = "agency-partner";

/// Rule, cents and state of an invoice's accruals, in the order of the rules.
fn lines(server: &Server, partner: &Partner, invoice: &str) -> Vec<(String, i64, String)> {
    let text = |e: &Value, name: &str| e[name].as_str().expect("a text").to_owned();
    let (own, better) = (format!("invoice:{invoice}"), format!("invoice:{invoice}:"));
    let mine = server
        .entries(partner)
        .into_iter()
        .filter(|e| e["source"].as_str().is_some_and(|b| b == own || b.starts_with(&better)))
        .filter(|e| e["state"] != json!("void"));
    let mut found: Vec<_> =
        mine.map(|e| (text(&e, "reward_id"), e["amount_cents"].as_i64().expect("cents"), text(&e, "state"))).collect();
    found.sort();
    found
}

fn line(rule: &str, cents: i64, state: &str) -> (String, i64, String) {
    (rule.to_owned(), cents, state.to_owned())
}

fn client(server: &Server, agency: &Partner, name: &str, when: &str) {
    server.tell(&[signed_up(name, when, json!({"code": agency.code}))]);
}

#[test]
fn five_clients_in_a_quarter_raise_the_earlier_accruals() {
    let server = Server::start();
    let agency = server.enrol(PROGRAM, "agency");
    step("four qualifying referrals in the quarter: 20 %, nothing more");
    for n in 1..=5 {
        client(&server, &agency, &format!("c{n}"), "2025-01-02T00:00:00Z");
    }
    for (n, when) in [
        (1, "2025-01-05T00:00:00Z"),
        (2, "2025-01-06T00:00:00Z"),
        (3, "2025-02-05T00:00:00Z"),
        (4, "2025-02-06T00:00:00Z"),
    ] {
        server.tell(&[paid(&format!("c{n}"), &format!("in-{n}"), when, 50_000)]);
    }
    server.tell(&[paid("c1", "in-1-feb", "2025-02-05T00:00:00Z", 50_000)]);
    server.settle(PROGRAM, "monthly", "2025-02");
    assert_eq!(server.balance(&agency), (50_000, 0), "five invoices, none vested at 1 March");
    assert_eq!(lines(&server, &agency, "in-1"), [line("first-year", 10_000, "pending")]);

    step("the fifth on the quarter's last millisecond: every invoice paid in it earns 25 %, those before it included");
    server.tell(&[
        paid("c5", "in-5", "2025-03-31T23:59:59.999Z", 50_000),
        paid("c1", "in-1-apr", "2025-04-01T00:00:00Z", 50_000),
    ]);
    let before = server.entries(&agency);
    let asked = json!({"program": PROGRAM, "cadence": "monthly", "period": "2025-03", "preview": true});
    let seen = server.post("/v1/runs", &asked).operator().send().expect(200).json();
    let bonus = json!({"partner": agency.id, "modifier_id": "volume", "difference_cents": 6 * 2_500});
    assert_eq!(seen["terms"], json!([bonus]), "{seen}");
    assert_eq!(seen["vests"][0]["cents"], json!(3 * 12_500 + 10_000), "{seen}");
    assert_eq!(server.entries(&agency), before, "the preview wrote nothing");
    server.settle(PROGRAM, "monthly", "2025-03");
    for (invoice, state) in [
        ("in-1", "available"),
        ("in-2", "available"),
        ("in-1-feb", "available"),
        ("in-3", "pending"),
        ("in-5", "pending"),
    ] {
        let wanted = [line("first-year", 10_000, state), line("volume", 2_500, state)];
        assert_eq!(lines(&server, &agency, invoice), wanted, "{invoice}");
    }
    let next = lines(&server, &agency, "in-1-apr");
    assert_eq!(next, [line("first-year", 10_000, "available")], "the next quarter's, past its hold and before the run");
    assert_eq!(server.balance(&agency), (3 * 12_500, 3 * 12_500 + 10_000));

    step("after each one's sixty days all of it is available: $125 a month for each client, $100 in the next quarter");
    server.settle(PROGRAM, "monthly", "2025-05");
    assert_eq!(server.balance(&agency), (0, 6 * 12_500 + 10_000));

    step("a draft that asks for six has no bonus to give, and one that asks for four the same as now");
    let told = |at_least: i64| {
        let mut draft = server.read("/v1/programs/agency-partner")["document"].clone();
        draft["version"] = json!(2);
        draft["modifiers"][0]["when_any"][0]["qualifying_referrals"]["at_least"] = json!(at_least);
        let body = json!({"document": draft, "from": "2025-01-01T00:00:00Z", "to": "2025-04-01T00:00:00Z"});
        let reply = server.post("/v1/programs/agency-partner/dry-run", &body).operator().send().expect(200).json();
        (reply["actual_net_cents"].as_i64(), reply["simulated_net_cents"].as_i64())
    };
    assert_eq!(told(6), (Some(6 * 12_500), Some(6 * 10_000)));
    assert_eq!(told(4), (Some(6 * 12_500), Some(6 * 12_500)));

    step("a refund takes its share of both lines");
    server.tell(&[super::facts::refunded("c2", "in-2", "2025-06-10T00:00:00Z", 25_000)]);
    assert_eq!(server.balance(&agency), (0, 6 * 12_500 + 10_000 - 6_250));
    server.audit();
}

#[test]
fn a_large_contract_earns_five_hundred_once() {
    let server = Server::start();
    let agency = server.enrol(PROGRAM, "agency");
    let started = |id: &str, account: &str, when: &str, annual: i64| {
        let data = json!({"data": {"subscription_id": id, "annual_value_cents": annual}});
        event(&format!("start-{id}"), "subscription.started", when, account, data)
    };
    step("$4,999.99 a year is not $5,000");
    client(&server, &agency, "small", "2025-01-02T00:00:00Z");
    server.tell(&[started("sub-small", "small", "2025-01-03T00:00:00Z", 499_999)]);
    assert_eq!(server.balance(&agency), (0, 0));

    step("$5,000 is: $500 pending beside the commission, and once");
    client(&server, &agency, "large", "2025-01-02T00:00:00Z");
    server.tell(&[
        started("sub-large", "large", "2025-01-03T00:00:00Z", 500_000),
        started("sub-more", "large", "2025-01-20T00:00:00Z", 900_000),
        paid("large", "in-large", "2025-01-03T00:00:00Z", 500_000),
    ]);
    assert_eq!(server.balance(&agency), (50_000 + 100_000, 0));
    server.settle(PROGRAM, "monthly", "2025-02");
    assert_eq!(server.balance(&agency), (150_000, 0), "sixty days are not over on 1 March");
    server.settle(PROGRAM, "monthly", "2025-03");
    assert_eq!(server.balance(&agency), (0, 150_000));

    step("canceled inside the hold it is void, and not earned again");
    let other = server.enrol(PROGRAM, "other");
    client(&server, &other, "leaver", "2025-01-02T00:00:00Z");
    server.tell(&[
        started("sub-leaver", "leaver", "2025-01-03T00:00:00Z", 500_000),
        paid("leaver", "in-leaver", "2025-01-03T00:00:00Z", 41_667),
        event("bye", "account.cancelled", "2025-02-01T00:00:00Z", "leaver", json!({})),
    ]);
    assert_eq!(server.balance(&other), (0, 0));
    server.tell(&[
        paid("leaver", "in-back", "2025-05-03T00:00:00Z", 41_667),
        started("sub-back", "leaver", "2025-05-03T00:00:00Z", 500_000),
    ]);
    assert_eq!(server.balance(&other), (8_333, 0), "the commission alone");
    server.audit();
}

#[test]
fn platinum_applies_from_the_moment_it_is_reached() {
    let server = Server::start();
    let agency = server.enrol(PROGRAM, "agency");
    step("twenty clients, ten in each of two months, nineteen of whom pay in March");
    for n in 1..=20 {
        let month = if n <= 10 { "01" } else { "02" };
        client(&server, &agency, &format!("c{n:02}"), &format!("2025-{month}-03T00:00:00Z"));
    }
    for n in 1..=19 {
        server.tell(&[paid(&format!("c{n:02}"), &format!("mar-{n:02}"), "2025-03-10T00:00:00Z", 50_000)]);
    }
    server.settle(PROGRAM, "monthly", "2025-03");
    assert_eq!(
        lines(&server, &agency, "mar-01"),
        [line("first-year", 10_000, "pending"), line("volume", 2_500, "pending")]
    );

    step("the twentieth in the second quarter: 25 % on what is paid after it, not on what was paid before");
    server.tell(&[
        paid("c01", "apr-before", "2025-04-09T23:59:59.999Z", 50_000),
        paid("c20", "apr-20", "2025-04-10T00:00:00Z", 50_000),
    ]);
    for n in 1..=20 {
        server.tell(&[paid(&format!("c{n:02}"), &format!("may-{n:02}"), "2025-05-10T00:00:00Z", 50_000)]);
    }
    server.settle(PROGRAM, "monthly", "2025-05");
    let may: i64 =
        (1..=20).flat_map(|n| lines(&server, &agency, &format!("may-{n:02}"))).map(|(_, cents, _)| cents).sum();
    assert_eq!(may, 250_000, "$2,500 a month in the first year");
    assert_eq!(lines(&server, &agency, "may-07").len(), 2);
    assert_eq!(lines(&server, &agency, "may-07")[1].0, "platinum");
    for invoice in ["apr-before", "apr-20"] {
        let found = lines(&server, &agency, invoice);
        assert_eq!(found.iter().map(|l| l.1).sum::<i64>(), 10_000, "{invoice}: {found:?}");
    }

    step("after the first year 15% instead of 10%: $1,500 a month, permanently");
    for n in 1..=20 {
        server.tell(&[paid(&format!("c{n:02}"), &format!("jul-{n:02}"), "2026-07-10T00:00:00Z", 50_000)]);
    }
    server.settle(PROGRAM, "monthly", "2026-07");
    let july: i64 =
        (1..=20).flat_map(|n| lines(&server, &agency, &format!("jul-{n:02}"))).map(|(_, cents, _)| cents).sum();
    assert_eq!(july, 150_000);

    step("another agency gets there by $50,000 of yearly revenue with one client");
    let other = server.enrol(PROGRAM, "other");
    client(&server, &other, "whale", "2025-01-02T00:00:00Z");
    let data = json!({"data": {"subscription_id": "sub-whale", "annual_value_cents": 5_000_000}});
    server.tell(&[
        paid("whale", "whale-1", "2025-01-03T00:00:00Z", 100_000),
        event("start-whale", "subscription.started", "2025-01-03T00:00:00Z", "whale", data),
        paid("whale", "whale-2", "2025-02-03T00:00:00Z", 100_000),
    ]);
    server.settle(PROGRAM, "monthly", "2026-08");
    assert_eq!(lines(&server, &other, "whale-1").iter().map(|l| l.1).sum::<i64>(), 20_000);
    assert_eq!(lines(&server, &other, "whale-2").iter().map(|l| l.1).sum::<i64>(), 25_000);
    server.audit();
}
