//! `tiered-credits`: five tiers that are granted immediately and once each, from a budget that may be short; tokens
//! that expire; visitors who are recognized only by their fingerprint.

use super::client::{CHROME, step};
use super::facts::{Partner, ahead, event, merge, signed_up};
use super::redirect::{clicks, wait_for_the_hour};
use super::server::Server;
use serde_json::{Value, json};

const PROGRAM: &str = "tiered-credits";

fn fund(server: &Server, cents: i64) -> Value {
    let body = json!({"amount_cents": cents, "reason": "the month's budget"});
    server.post("/v1/programs/tiered-credits/budget", &body).operator().send().expect(201).json()
}

/// The amount in the budget, and the number of rewards that wait for it.
fn budget(server: &Server) -> (i64, i64) {
    let answer = server.read("/v1/programs/tiered-credits/budget");
    (answer["balance_cents"].as_i64().expect("cents"), answer["waiting"].as_i64().expect("a count"))
}

fn viewed(account: &str, listing: &str, when: &str) -> Value {
    event(
        &format!("view-{account}-{listing}-{when}"),
        "listing.viewed",
        when,
        account,
        json!({"data": {"listing_id": listing}}),
    )
}

fn bought(account: &str, purchase: &str, when: &str, cents: i64) -> Value {
    let rest = json!({"data": {"purchase_id": purchase}, "amount": {"cents": cents, "currency": "usd"}});
    event(&format!("buy-{purchase}"), "purchase.completed", when, account, rest)
}

/// Rule, cents and state of the accruals that an event caused.
#[track_caller]
fn brought(server: &Server, event: &Value) -> Vec<(String, i64, String)> {
    let reply = server.deliver(event);
    let outcome = reply.json();
    // What adds nothing is stored and decides nothing.
    let is_stored = outcome["outcome"] == "stored";
    reply.expect(if is_stored { 202 } else { 200 });
    assert!(is_stored || outcome["outcome"] == "applied", "{outcome}");
    let text = |line: &Value, name: &str| line[name].as_str().expect("a text").to_owned();
    let lines = outcome["accruals"].as_array().expect("lines").clone();
    lines.iter().map(|l| (text(l, "reward_id"), l["net_cents"].as_i64().expect("cents"), text(l, "state"))).collect()
}

fn line(rule: &str, cents: i64, state: &str) -> Vec<(String, i64, String)> {
    vec![(rule.to_owned(), cents, state.to_owned())]
}

#[test]
fn five_tiers_are_granted_once_each_and_immediately() {
    let server = Server::start();
    let owner = server.enrol(PROGRAM, "owner");
    step("a token of 32 random bytes");
    assert!(
        owner.code.len() == 64 && owner.code.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        "{}",
        owner.code
    );
    fund(&server, 100_000);
    let cookie = server.visit(&format!("/?ref={}", owner.code)).send().cookie().expect("the cookie");
    let token = server.get("/v1/attribution").header("cookie", cookie).send().expect(200).json()["token"].clone();

    step("$5 with the sign-up, in the event's answer");
    let mut up = signed_up("friend", &ahead(0), json!({"token": token}));
    merge(&mut up, json!({"occurred_at": ahead(-1_000)}));
    assert_eq!(brought(&server, &up), line("tier-1", 500, "available"));
    assert_eq!(server.balance(&owner), (0, 500));

    step("$10 with the third distinct listing");
    for listing in ["nail-bar", "nail-bar", "spa"] {
        assert_eq!(brought(&server, &viewed("friend", listing, &ahead(0))), []);
    }
    assert_eq!(brought(&server, &viewed("friend", "barber", &ahead(0))), line("tier-2", 1_000, "available"));

    step("$25, $50, and 10 % of the first purchase");
    for (kind, rule, cents) in [("newsletter.confirmed", "tier-3", 2_500), ("rfq.submitted", "tier-4", 5_000)] {
        assert_eq!(
            brought(&server, &event(kind, kind, &ahead(0), "friend", json!({}))),
            line(rule, cents, "available")
        );
        let again = event(&format!("{kind}-2"), kind, &ahead(0), "friend", json!({}));
        assert_eq!(brought(&server, &again), [], "once");
    }
    assert_eq!(brought(&server, &bought("friend", "p1", &ahead(0), 123_459)), line("tier-5", 12_345, "available"));
    assert_eq!(brought(&server, &bought("friend", "p2", &ahead(0), 900_000)), []);
    assert_eq!(brought(&server, &viewed("friend", "florist", &ahead(0))), []);
    assert_eq!(server.balance(&owner), (0, 500 + 1_000 + 2_500 + 5_000 + 12_345));

    step("at most $250, to the cent");
    for (account, cents, earned) in [("at", 250_000, 25_000), ("under", 249_999, 24_999), ("over", 250_010, 25_000)] {
        server.tell(&[signed_up(account, "2025-01-06T00:00:00Z", json!({"code": owner.code}))]);
        let event = bought(account, &format!("p-{account}"), "2025-01-07T00:00:00Z", cents);
        assert_eq!(brought(&server, &event), line("tier-5", earned, "available"));
    }
    let spent = 21_345 + 3 * 500 + 74_999;
    assert_eq!((server.balance(&owner), budget(&server)), ((0, spent), (100_000 - spent, 0)));

    step("every credit is a debit of the budget; nothing is owed for unreferred accounts");
    let rows = server.transfers();
    let credits = rows.iter().filter(|t| t["debit"] == json!("tiered-credits/credit:usd/budget"));
    assert_eq!(credits.filter_map(|t| t["amount_cents"].as_i64()).sum::<i64>(), spent);
    assert_eq!(brought(&server, &signed_up("stranger", &ahead(0), json!({}))), []);
    server.audit();
}

#[test]
fn rewards_wait_in_order_for_a_short_budget() {
    let server = Server::start();
    let owner = server.enrol(PROGRAM, "owner");
    let up = |account: &str, day: u32| {
        signed_up(account, &format!("2025-01-{day:02}T00:00:00Z"), json!({"code": owner.code}))
    };
    let rfq = |account: &str, day: u32| {
        event(&format!("rfq-{account}"), "rfq.submitted", &format!("2025-01-{day:02}T12:00:00Z"), account, json!({}))
    };
    step("nothing in the budget: rewards wait, in no balance");
    assert_eq!(brought(&server, &up("first", 1)), line("tier-1", 0, "waiting"));
    assert_eq!(brought(&server, &rfq("first", 2)), line("tier-4", 0, "waiting"));
    assert_eq!(brought(&server, &up("second", 3)), line("tier-1", 0, "waiting"));
    assert_eq!((server.balance(&owner), budget(&server)), ((0, 0), (0, 3)));

    step("$4.99 covers none; $53.99 the first alone: a small one does not overtake the large one");
    fund(&server, 499);
    assert_eq!((server.balance(&owner), budget(&server)), ((0, 0), (499, 3)));
    fund(&server, 4_900);
    assert_eq!((server.balance(&owner), budget(&server)), ((0, 500), (4_899, 2)));
    assert_eq!(brought(&server, &up("third", 4)), line("tier-1", 0, "waiting"), "new ones queue up, too");

    step("funded: all waiting rewards are released, in the order of their events");
    let answer = fund(&server, 1_200);
    assert_eq!(answer["balance_cents"], json!(6_099), "{answer}");
    assert_eq!((server.balance(&owner), budget(&server)), ((0, 6_500), (99, 0)));
    let released: Vec<Value> = server
        .transfers()
        .into_iter()
        .filter(|t| t["debit"] == json!("tiered-credits/credit:usd/budget"))
        .map(|t| t["amount_cents"].clone())
        .collect();
    assert_eq!(released, [json!(500), json!(5_000), json!(500), json!(500)]);

    step("funding needs an amount and a reason, is done once per key, and is in the audit log");
    let ask = |body: &Value| server.post("/v1/programs/tiered-credits/budget", body).operator();
    assert_eq!(ask(&json!({"amount_cents": 0, "reason": "x"})).send().expect(422).json()["field"], "amount_cents");
    assert_eq!(ask(&json!({"amount_cents": 1})).send().expect(422).json()["field"], "reason");
    let body = json!({"amount_cents": 1_000, "reason": "again"});
    let first = ask(&body).header("idempotency-key", "fund-1").send().expect(201).json();
    assert_eq!(ask(&body).header("idempotency-key", "fund-1").send().expect(201).json(), first);
    assert_eq!(budget(&server), (1_099, 0));
    let audit = server.read("/v1/audit");
    let entry = audit["data"].as_array().expect("entries").iter().find(|a| a["reason"] == json!("again"));
    let entry = entry.unwrap_or_else(|| panic!("no entry: {audit}"));
    assert_eq!((&entry["before"]["balance_cents"], &entry["after"]["balance_cents"]), (&json!(99), &json!(1_099)));
    server.post("/v1/programs/user-referral/budget", &body).operator().send().problem(422, "no_budget");
    server.audit();
}

#[test]
fn tokens_expire_and_can_be_revoked() {
    let server = Server::start();
    let owner = server.enrol(PROGRAM, "owner");
    fund(&server, 10_000);
    let why = |account: &str| {
        let receipt = server.read(&format!("/v1/accounts/{account}/attribution"));
        let all = receipt["programs"].as_array().expect("groups").clone();
        let group = all.into_iter().find(|p| p["group"] == json!("salonhub")).expect("the group");
        (group["attributed"].clone(), group["candidates"][0]["reason"].clone())
    };
    step("an expired token binds nobody who signs up after it, and still those before");
    let expires = super::client::now_ms() + 60_000;
    let code = server.link(&owner, json!({"expires_at": manicule::base::time::UtcMillis(expires).to_rfc3339()}));
    assert_eq!(code.len(), 64);
    let at = |ms: i64| manicule::base::time::UtcMillis(expires + ms).to_rfc3339();
    let coded = json!({"code": code});
    server.tell(&[signed_up("in-time", &at(-1), coded.clone()), signed_up("too-late", &at(0), coded)]);
    assert_eq!(why("in-time").0, json!(true));
    assert_eq!(why("too-late"), (json!(false), json!("the link had expired")));

    step("a token that was turned off is a plain visit, and binds nobody from then on");
    let off = server.link(&owner, json!({}));
    let before = ahead(-1_000);
    server.ask("DELETE", &format!("/v1/links/{off}")).operator().send().expect(200);
    assert_eq!(server.visit(&format!("/?ref={off}")).send().cookie(), None);
    server.tell(&[
        signed_up("before-off", &before, json!({"code": off})),
        signed_up("after-off", &ahead(1_000), json!({"code": off})),
    ]);
    assert_eq!(why("before-off").0, json!(true));
    assert_eq!(why("after-off"), (json!(false), json!("the link was disabled")));
    assert_eq!(server.balance(&owner), (0, 1_000));
    server.audit();
}

#[test]
fn visitors_without_a_cookie_are_recognized_by_fingerprint() {
    let server = Server::start();
    wait_for_the_hour();
    let [one, two] = ["one", "two"].map(|name| server.enrol(PROGRAM, name));
    fund(&server, 10_000);
    // A User-Agent longer than what is stored of it, as some phones send.
    let agent = |who: &str| format!("{CHROME} {who} {}", "x".repeat(300));
    let click = |partner: &Partner, who: &str| {
        server.visit(&format!("/?ref={}", partner.code)).header("user-agent", agent(who))
    };
    let asked = |who: &str| server.get("/v1/attribution").header("user-agent", agent(who));
    let sign_up = |account: &str, visitor: &Value| {
        let up = server.deliver(&signed_up(account, &ahead(0), json!({"visitor": visitor}))).expect(200).json();
        let all = up["attribution"].as_array().expect("groups").clone();
        all.into_iter().find(|g| g["group"] == json!("salonhub")).expect("the group")
    };

    step("a visitor who lost the cookie is found by the clicks before");
    assert!(click(&one, "ann").send().cookie().is_some());
    assert_eq!(clicks(&server, &one, (1, 0)), (1, 0));
    let lost = asked("ann").send().expect(200).json();
    assert_eq!(lost["token"], json!(null));
    assert!(lost["visitor"].as_str().is_some_and(|v| v.starts_with("fp_")), "{lost}");
    let bound = sign_up("ann", &lost["visitor"]);
    assert_eq!((&bound["partner"], &bound["method"]), (&json!(one.id), &json!("fingerprint")), "{bound}");
    let shown = server.read(&format!("/v1/links/{}", one.code));
    assert_eq!(shown["clicks"]["converted"], json!(1), "{shown}");

    step("clicks of two partners prove nothing, even if the second was clicked with the first one's cookie");
    let cookie = click(&one, "bob").send().cookie().expect("the cookie");
    assert!(click(&two, "bob").header("cookie", cookie).send().cookie().is_some());
    assert_eq!((clicks(&server, &one, (2, 0)), clicks(&server, &two, (1, 0))), ((2, 0), (1, 0)));
    let bob = sign_up("bob", &asked("bob").send().json()["visitor"]);
    assert_eq!(bob["attributed"], json!(false), "{bob}");
    let receipt = server.read("/v1/accounts/bob/attribution");
    assert!(receipt.to_string().contains("the visitor's fingerprint stands for more than one partner"), "{receipt}");

    step("Sec-GPC: 1: no fingerprint of the click, and none for the form");
    click(&two, "cleo").header("sec-gpc", "1").send();
    assert_eq!(clicks(&server, &two, (2, 0)), (2, 0), "counted");
    assert_eq!(asked("cleo").header("sec-gpc", "1").send().expect(200).json()["visitor"], json!(null));
    let cleo = sign_up("cleo", &asked("cleo").send().json()["visitor"]);
    assert_eq!(cleo["attributed"], json!(false), "{cleo}");
    assert_eq!((server.balance(&one), server.balance(&two)), ((0, 500), (0, 0)));
    server.audit();
}
