//! `developer-affiliate`, earnings: four tiers with their caps, the steps from pending to payable, churn, and the
//! reconciliation with the billing system.

use super::client::step;
use super::developer_attribution::{enrol, joined};
use super::facts::{Partner, event, merge, paid};
use super::server::Server;
use serde_json::{Value, json};

const PROGRAM: &str = "developer-affiliate";

/// The payable amount in a partner's statement of a month's run.
fn payable(server: &Server, partner: &Partner, period: &str) -> i64 {
    let run = server.settle(PROGRAM, "monthly", period);
    let report = server.read(&format!("/v1/runs/{}", run["id"].as_str().expect("an id")));
    let rows = report["partners"]["data"].as_array().expect("statements");
    rows.iter().find(|r| r["partner_id"] == json!(partner.id)).and_then(|r| r["payable_cents"].as_i64()).unwrap_or(0)
}

/// Rule, net cents, gross cents and reason of an account's accruals for a partner.
fn lines(server: &Server, partner: &Partner, account: &str) -> Vec<(String, i64, i64, String)> {
    let mine = server.entries(partner).into_iter().filter(|e| e["account"] == json!(account));
    let text = |e: &Value, name: &str| e[name].as_str().expect("a text").to_owned();
    let cents = |e: &Value, name: &str| e[name].as_i64().expect("cents");
    mine.map(|e| (text(&e, "reward_id"), cents(&e, "amount_cents"), cents(&e, "gross_cents"), text(&e, "reason")))
        .collect()
}

fn signed(account: &str, when: &str, code: &str) -> Value {
    joined(account, when, &format!("a@{account}.example"), json!({"code": code}))
}

#[test]
fn three_tiers_from_pending_to_payable() {
    let server = Server::start();
    let dev = enrol(&server, "dev", "developer");
    step("a team of six at $600 a month: $50, $250 and 15 % for six months");
    let mut active =
        event("act", "account.active", "2025-01-05T00:00:00Z", "team", json!({"data": {"api_calls": 1_000}}));
    merge(&mut active, json!({"account": {"team_size": 6}}));
    server.tell(&[signed("team", "2025-01-01T00:00:00Z", &dev.code), active]);
    for month in 1..=7 {
        server.tell(&[paid("team", &format!("in-{month}"), &format!("2025-{month:02}-10T00:00:00Z"), 60_000)]);
    }
    assert_eq!(server.balance(&dev), (54_000, 0), "six of seven invoices; states are judged by runs");

    step("the run of 1 February grants both flat rewards; nothing is available");
    assert_eq!(payable(&server, &dev, "2025-01"), 0);
    assert_eq!(server.balance(&dev), (54_000 + 30_000, 0));

    step("sustained on 1 April: what was earned is available, and payable thirty days later");
    assert_eq!(payable(&server, &dev, "2025-02"), 0);
    assert_eq!(server.balance(&dev), (84_000, 0));
    assert_eq!(payable(&server, &dev, "2025-03"), 0);
    assert_eq!(server.balance(&dev), (27_000, 57_000));
    assert_eq!(payable(&server, &dev, "2025-04"), 57_000);
    assert_eq!(server.balance(&dev), (18_000, 66_000), "April's is available, and its own thirty days begin");
    assert_eq!(payable(&server, &dev, "2025-05"), 66_000);
    assert_eq!(payable(&server, &dev, "2025-08"), 84_000);

    step("at exactly $500 a month there is no third tier; flat rewards are once");
    server.tell(&[
        signed("small", "2025-01-01T00:00:00Z", &dev.code),
        paid("small", "in-small", "2025-01-10T00:00:00Z", 50_000),
    ]);
    server.settle(PROGRAM, "monthly", "2025-09");
    let rules: Vec<String> = lines(&server, &dev, "small").into_iter().map(|l| l.0).collect();
    assert_eq!(rules, ["tier-1"]);
    assert_eq!(server.balance(&dev), (0, 89_000), "its hold was over, so it vests in the run that grants it");
    server.audit();
}

#[test]
fn agencies_content_and_caps() {
    let server = Server::start();
    let dev = enrol(&server, "dev", "developer");
    let agency = enrol(&server, "agency", "agency");
    step("15 % over all accounts of a month: $2,000 at most, in the order of payment");
    server.tell(&[
        signed("big-1", "2025-01-01T00:00:00Z", &dev.code),
        signed("big-2", "2025-01-01T00:00:00Z", &dev.code),
        paid("big-2", "in-big-2", "2025-02-11T00:00:00Z", 1_000_000),
        paid("big-1", "in-big-1", "2025-02-10T00:00:00Z", 1_000_000),
        paid("big-1", "in-big-1-mar", "2025-03-01T00:00:00Z", 1_000_000),
    ]);
    step("20 % of an agency's client at $800: $160; all clients together $5,000 a month at most");
    server.tell(&[
        signed("client-1", "2025-01-01T00:00:00Z", &agency.code),
        signed("client-2", "2025-01-01T00:00:00Z", &agency.code),
        paid("client-1", "in-client-1", "2025-02-10T00:00:00Z", 80_000),
        paid("client-2", "in-client-2", "2025-02-11T00:00:00Z", 2_500_000),
        paid("client-1", "in-client-1-year", "2026-02-09T23:59:59.999Z", 80_000),
        paid("client-1", "in-client-1-later", "2026-02-10T00:00:00Z", 80_000),
    ]);
    step("content: 15 % for life without a floor, $10,000 for an account at most");
    let post = server.link(&dev, json!({"source": "content", "campaign": "tutorial"}));
    server.tell(&[
        signed("reader", "2025-01-01T00:00:00Z", &post),
        paid("reader", "in-reader-1", "2025-02-10T00:00:00Z", 10_000),
        paid("reader", "in-reader-2", "2025-03-10T00:00:00Z", 4_000_000),
        paid("reader", "in-reader-3", "2026-05-10T00:00:00Z", 4_000_000),
    ]);
    server.settle(PROGRAM, "monthly", "2025-03");
    let by_invoice = |partner: &Partner, account: &str, rule: &str| -> Vec<(i64, i64)> {
        let all = lines(&server, partner, account).into_iter().filter(|l| l.0 == rule);
        all.map(|(_, stands, earned, _)| (stands, earned)).collect()
    };
    assert_eq!(by_invoice(&dev, "big-1", "tier-3"), [(150_000, 150_000), (150_000, 150_000)]);
    assert_eq!(by_invoice(&dev, "big-2", "tier-3"), [(50_000, 150_000)]);
    let capped = &lines(&server, &dev, "big-2").into_iter().find(|l| l.0 == "tier-3").expect("a line").3;
    assert!(capped.contains("100000 cents are over the partner's cap in 2025-02"), "{capped}");
    assert_eq!(by_invoice(&agency, "client-1", "tier-4"), [(16_000, 16_000), (16_000, 16_000)], "twelve months");
    assert_eq!(by_invoice(&agency, "client-2", "tier-4"), [(484_000, 500_000)]);
    assert_eq!(by_invoice(&agency, "client-2", "tier-3"), []);
    assert_eq!(by_invoice(&dev, "reader", "content"), [(1_500, 1_500), (600_000, 600_000), (398_500, 600_000)]);
    server.audit();
}

#[test]
fn early_cancellations_earn_nothing() {
    let server = Server::start();
    let dev = enrol(&server, "dev", "developer");
    step("one leaves on the thirtieth day, one a moment before; one stays");
    for (account, left) in
        [("churned", Some("2025-02-08T23:59:59.999Z")), ("left", Some("2025-02-09T00:00:00Z")), ("stays", None)]
    {
        server.tell(&[
            signed(account, "2025-01-01T00:00:00Z", &dev.code),
            paid(account, &format!("in-{account}"), "2025-01-10T00:00:00Z", 60_000),
        ]);
        server.settle(PROGRAM, "monthly", "2025-01");
        if let Some(left) = left {
            server.tell(&[event(&format!("bye-{account}"), "account.cancelled", left, account, json!({}))]);
        }
    }
    let why = |account: &str| -> Vec<String> { lines(&server, &dev, account).into_iter().map(|l| l.3).collect() };
    assert!(why("churned").iter().all(|r| r == "churned inside 30 days of the first payment"), "{:?}", why("churned"));
    assert!(why("left").iter().all(|r| r.contains("not sustained") || r.contains("cancelled")), "{:?}", why("left"));
    for account in ["churned", "left"] {
        assert!(lines(&server, &dev, account).iter().all(|l| l.1 == 0), "{:?}", lines(&server, &dev, account));
    }
    step("what comes after earns nothing either");
    server.tell(&[paid("left", "in-left-back", "2025-05-10T00:00:00Z", 60_000)]);
    server.settle(PROGRAM, "monthly", "2025-03");
    assert_eq!(server.balance(&dev), (0, 14_000), "the flat reward was granted and vested by this run");

    step("less than $50 is available and not payable");
    let writer = enrol(&server, "writer", "content");
    server.tell(&[
        signed("reader", "2025-01-01T00:00:00Z", &writer.code),
        paid("reader", "in-reader", "2025-01-02T00:00:00Z", 26_666),
    ]);
    server.settle(PROGRAM, "monthly", "2025-04");
    let before_flat = lines(&server, &writer, "reader");
    assert!(before_flat.iter().any(|l| l.0 == "content" && l.1 == 3_999), "{before_flat:?}");
    assert_eq!(payable(&server, &writer, "2025-05"), 8_999, "with the $50 of the first tier it is enough");
    server.audit();
}

#[test]
fn the_reconciliation_finds_what_events_missed() {
    let server = Server::start();
    let dev = enrol(&server, "dev", "developer");
    let started = |id: &str, account: &str| {
        event(
            &format!("start-{id}"),
            "subscription.started",
            "2025-01-09T00:00:00Z",
            account,
            json!({"data": {"subscription_id": id}}),
        )
    };
    server.tell(&[
        signed("gone", "2025-01-01T00:00:00Z", &dev.code),
        started("sub-gone", "gone"),
        paid("gone", "in-gone", "2025-01-10T00:00:00Z", 60_000),
        signed("well", "2025-01-01T00:00:00Z", &dev.code),
        started("sub-well", "well"),
        paid("well", "in-well", "2025-01-10T00:00:00Z", 60_000),
    ]);
    assert_eq!(server.balance(&dev), (18_000, 0));
    let ask = |repair: bool| {
        let accounts = json!([
            {"id": "gone", "subscriptions": []},
            {"id": "well", "subscriptions": [{"id": "sub-well"}, {"id": "sub-more", "monthly_cents": 80_000}]},
            {"id": "nobody", "subscriptions": []},
        ]);
        let body = json!({"as_of": "2025-02-01T00:00:00Z", "repair": repair, "accounts": accounts});
        server.post("/v1/reconciliations", &body).operator().send().expect(200).json()
    };
    let row = |account: &str, subscription: &str, missed: &str, repaired: bool| json!({"account": account, "subscription_id": subscription, "missed": missed, "repaired": repaired});
    step("reported, and nothing changed");
    let told = ask(false);
    assert_eq!((&told["accounts"], &told["unknown_accounts"]), (&json!(3), &json!(["nobody"])), "{told}");
    let missed = |repaired: bool| {
        json!([
            row("gone", "sub-gone", "subscription.cancelled", repaired),
            row("well", "sub-more", "subscription.started", repaired)
        ])
    };
    assert_eq!(told["missed"], missed(false));
    assert_eq!(server.balance(&dev), (18_000, 0));

    step("repaired: the canceled account has churned, and its commission is void");
    let done = ask(true);
    if !server.is_tight {
        assert_eq!(done["missed"], missed(true));
    }
    while server.is_tight && ask(true)["complete"] == false {}
    assert_eq!(server.balance(&dev), (9_000, 0));
    assert_eq!(lines(&server, &dev, "gone")[0].3, "churned inside 30 days of the first payment");
    assert_eq!(ask(true)["missed"], json!([]), "nothing is left to repair");
    let audit = server.read("/v1/audit");
    let entry = audit["data"].as_array().expect("entries").iter().rfind(|a| a["action"] == json!("accounts.reconcile"));
    assert_eq!(entry.map(|e| e["after"]["taken_in"].as_array().map(Vec::len)), Some(Some(2)), "{audit}");
    server.audit();
}
