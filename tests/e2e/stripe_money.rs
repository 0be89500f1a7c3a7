//! The full money flow with Stripe: subscribe, pay, refund, dispute, pay out, reverse; and failures of Stripe.

mod operators;

use super::client::{now_ms, step};
use super::facts::{Partner, merge, signed_up};
use super::server::Server;
use super::stripe::Stripe;
use manicule::codec::message::email::words::{operator, partner};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const AGENCY: &str = "agency-partner";
const SWEEP: &str = "*/10 * * * *";

/// A partner of the agency program who can be paid, with a client that has signed up. Returns the partner and the
/// account at Stripe.
fn agency(stripe: &Stripe, server: &Server, name: &str) -> (Partner, String) {
    let partner = server.enrol(AGENCY, &format!("agency-{name}"));
    server.tell(&[signed_up(name, "2025-01-05T00:00:00Z", json!({"code": partner.code}))]);
    stripe.at("2025-01-05T00:00:00Z");
    let account = stripe.onboards(server, &partner);
    (partner, account)
}

/// The client with this name pays this much on this day. Returns the invoice.
fn pays(stripe: &Stripe, name: &str, when: &str, cents: i64) -> Value {
    stripe.at(when);
    let lines = json!([{"unit_amount": cents}]);
    stripe.happens("invoice_paid", &json!({"email": format!("{name}@friends.example"), "lines": lines}))["invoice"]
        .clone()
}

/// Settles a month of the agency program. Returns the run's id.
fn settled(server: &Server, month: &str) -> String {
    server.settle(AGENCY, "monthly", month)["id"].as_str().expect("an id").to_owned()
}

fn approve(server: &Server, run: &str) {
    server.post(&format!("/v1/runs/{run}/approve"), &json!({"reason": "compared"})).operator().send().expect(200);
}

fn decide(server: &Server, id: &str, what: &str) -> Value {
    server.post(&format!("/v1/payouts/{id}/{what}"), &json!({"reason": "a test"})).operator().send().expect(200).json()
}

/// Pending, available and paid cents.
fn balances(server: &Server, partner: &Partner) -> (i64, i64, i64) {
    let shown = server.read(&format!("/v1/partners/{}", partner.id));
    let cents = |name: &str| shown["balances"][0][name].as_i64().unwrap_or(0);
    (cents("pending_cents"), cents("available_cents"), cents("paid_cents"))
}

/// The only payout of a partner in this state.
#[track_caller]
fn payout(server: &Server, partner: &Partner, state: &str) -> Value {
    let list = server.read(&format!("/v1/payouts?partner={}&state={state}", partner.id));
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{state}: {list}");
    list["data"][0].clone()
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn sweep(server: &Server) {
    server.cron(SWEEP, now_ms());
}

#[test]
fn from_subscription_to_payout_and_back() {
    let began = super::facts::ahead(0);
    let (stripe, server) = Stripe::beside(&[]);
    let (studio, account) = agency(&stripe, &server, "studio");
    let email = json!("studio@friends.example");

    step(
        "subscribe: $200 a month for each of two seats, 10 % off, 20 % tax; only what was paid for the service counts",
    );
    stripe.at("2025-01-10T00:00:00Z");
    let asked = json!({"email": email, "items": [{"unit_amount": 20_000, "quantity": 2}],
        "discount": {"percent_off": 10}, "tax": {"percent": 20}, "noise": true});
    let first = stripe.happens("subscribe", &asked);
    let subscription = first["subscription"].clone();
    server.catch_up();
    assert_eq!(balances(&server, &studio), (7_200, 0, 0), "20 % of $360, once, whatever else Stripe says of it");

    step("a zero invoice and a trial earn nothing; an annual invoice earns like any other");
    stripe.happens("invoice_paid", &json!({"email": email, "lines": [{"unit_amount": 0}]}));
    let trial = json!({"email": email, "items": [{"unit_amount": 5_000}], "trial_days": 14});
    let trial = stripe.happens("subscription_created", &trial)["subscription"].clone();
    stripe.happens("invoice_paid", &json!({"subscription": trial}));
    stripe.happens("subscription_deleted", &json!({"subscription": trial}));
    assert_eq!(balances(&server, &studio), (7_200, 0, 0));

    step("pay: two more months; one by an event of an old API version");
    stripe.at("2025-02-10T00:00:00Z");
    let second = stripe.happens("invoice_paid", &json!({"subscription": subscription, "api_version": "2024-06-20"}));
    stripe.at("2025-03-10T00:00:00Z");
    let third = stripe.happens("invoice_paid", &json!({"subscription": subscription}));
    assert_eq!(balances(&server, &studio), (7_200 + 8_000 + 8_000, 0, 0));

    step("refund: a quarter of the second, in two parts; one that failed at the bank is undone");
    stripe.at("2025-03-12T00:00:00Z");
    for cents in [7_000, 3_000] {
        stripe.happens("refund", &json!({"invoice": second["invoice"], "amount": cents}));
    }
    let bounced = stripe.happens("refund", &json!({"invoice": third["invoice"]}));
    assert_eq!(balances(&server, &studio).0, 7_200 + 6_000);
    stripe.happens("refund_failed", &json!({"refund": bounced["refund"]}));
    assert_eq!(balances(&server, &studio).0, 7_200 + 6_000 + 8_000);

    step("dispute: the third is frozen while it lasts, and not paid with the others");
    let dispute = stripe.happens("dispute_created", &json!({"invoice": third["invoice"]}));
    let run = settled(&server, "2025-03");
    assert_eq!(balances(&server, &studio), (8_000, 0, 0), "what is payable is set aside");
    let planned = payout(&server, &studio, "planned");
    assert_eq!((&planned["amount_cents"], &planned["destination"]), (&json!(13_200), &json!(account)));

    let paid = paid_out(&stripe, &server, (&studio, &account), &run);

    step("the dispute withdraws the money and returns it; it is won: the next run pays automatically");
    stripe.happens("dispute_funds_withdrawn", &json!({"dispute": dispute["dispute"]}));
    assert_eq!(balances(&server, &studio), (0, 0, 13_200));
    stripe.happens("dispute_funds_reinstated", &json!({"dispute": dispute["dispute"]}));
    stripe.happens("dispute_closed", &json!({"dispute": dispute["dispute"], "status": "won"}));
    settled(&server, "2025-04");
    sweep(&server);
    assert_eq!((balances(&server, &studio), stripe.received(&account)), ((0, 0, 21_200), 21_200));

    reversed(&stripe, &server, (&studio, &account), &paid);

    owed_and_netted(&stripe, &server, (&studio, &account), [&first, &third, &subscription]);

    years(&stripe, &server, &account, &began);
    server.audit();
}

fn owed_and_netted(
    stripe: &Stripe,
    server: &Server,
    (studio, account): (&Partner, &str),
    [first, third, subscription]: [&Value; 3],
) {
    step("a full refund after the payout: it is owed, and netted by later earnings");
    stripe.at("2025-05-12T00:00:00Z");
    stripe.happens("refund", &json!({"invoice": third["invoice"]}));
    stripe.happens("refund", &json!({"invoice": first["invoice"]}));
    assert_eq!(balances(server, studio), (0, 9_800 - 15_200, 11_400));
    settled(server, "2025-05");
    sweep(server);
    assert_eq!(stripe.received(account), 11_400, "nothing is sent to who owes");
    stripe.at("2025-06-10T00:00:00Z");
    stripe.happens("invoice_paid", &json!({"subscription": subscription, "lines": [{"unit_amount": 100_000}]}));
    settled(server, "2025-06");
    sweep(server);
    assert_eq!((balances(server, studio), stripe.received(account)), ((0, 0, 26_000), 26_000));
}

fn paid_out(stripe: &Stripe, server: &Server, (studio, account): (&Partner, &str), run: &str) -> Value {
    step("pay out: nothing is sent before the operator's approval");
    sweep(server);
    assert_eq!((stripe.list("transfer").len(), stripe.received(account)), (0, 0));
    approve(server, run);
    let paid = payout(server, studio, "paid");
    assert_eq!((stripe.received(account), &paid["attempt"]), (13_200, &json!(1)));
    assert_eq!(balances(server, studio), (8_000, 0, 13_200));
    let made = &stripe.list("transfer")[0];
    assert_eq!((&made["id"], &made["transfer_group"]), (&paid["transfer"], &paid["id"]));
    assert_eq!(made["metadata"]["partner"], json!(studio.id));
    let receipt = server.read(&format!("/v1/payouts/{}", id_of(&paid)));
    let moved: i64 = receipt["movements"]["data"]
        .as_array()
        .expect("movements")
        .iter()
        .map(|m| m["amount_cents"].as_i64().expect("cents"))
        .sum();
    assert_eq!((moved, &receipt["period"]), (13_200, &json!("2025-03")), "{receipt}");
    paid
}

fn reversed(stripe: &Stripe, server: &Server, (studio, account): (&Partner, &str), paid: &Value) {
    step("reverse: by an operator, at Stripe itself, and no more than was paid");
    let path = format!("/v1/payouts/{}/reversals", id_of(paid));
    let take = |body: Value, key: &str| server.post(&path, &body).operator().header("idempotency-key", key).send();
    let back = take(json!({"amount_cents": 4_800, "reason": "paid by mistake"}), "k1").expect(201).json();
    assert_eq!(back["state"], "reversed", "{back}");
    let again = take(json!({"amount_cents": 4_800, "reason": "paid by mistake"}), "k1").expect(201).json();
    assert_eq!(again["id"], back["id"]);
    assert_eq!((balances(server, studio), stripe.received(account)), ((0, 4_800, 16_400), 16_400));
    stripe.happens("transfer_reversed", &json!({"transfer": paid["transfer"], "amount": 5_000}));
    assert_eq!((balances(server, studio), stripe.received(account)), ((0, 9_800, 11_400), 11_400));
    take(json!({"amount_cents": 20_000, "reason": "too much"}), "k2").problem(422, "more_than_paid");
    let receipt = server.read(&format!("/v1/payouts/{}", id_of(paid)));
    assert_eq!(receipt["reversals"].as_array().map(Vec::len), Some(1), "our own: {receipt}");
}

fn years(stripe: &Stripe, server: &Server, account: &str, began: &str) {
    step("the yearly totals match Stripe: payouts count when Stripe paid them, reversals when they happened");
    let net = |year: &str| -> i64 {
        let csv = server.get(&format!("/v1/reports/payouts?year={year}")).operator().send().expect(200).text;
        let rows = csv.lines().skip(1).inspect(|row| assert!(row.contains(account), "{csv}"));
        rows.map(|row| row.rsplit(',').next().and_then(|n| n.trim_matches('"').parse::<i64>().ok()).expect("a number"))
            .sum()
    };
    // The reversal arrived while this ran: in one year or, on New Year's Eve, in two.
    let years = BTreeSet::from([began, &super::facts::ahead(0)].map(|when| when[..4].to_owned()));
    let came_back: i64 = years.iter().map(|year| net(year)).sum();
    assert_eq!((net("2025"), came_back), (35_800, -9_800));
    assert_eq!(net("2025") + came_back, stripe.received(account));
}

#[test]
fn each_partner_is_paid_once_despite_stripe_failures() {
    let (stripe, mut server) = Stripe::beside(&[("PAYOUT_APPROVAL", "automatic")]);
    // The failure of the first call, and whether a retry with the same key can succeed: Stripe returns a failure that
    // it has saved for a day.
    let mishaps = [
        ("dropped-before", true, json!({"kind": "drop_before"})),
        ("dropped-after", true, json!({"kind": "drop_after"})),
        ("busy", true, json!({"kind": "429", "times": 2})),
        ("away", true, json!({"kind": "503"})),
        ("late", true, json!({"kind": "delay", "ms": 25_000, "effect": "first"})),
        ("failed", false, json!({"kind": "500_no_effect"})),
        ("failed-but-done", false, json!({"kind": "500_effect"})),
    ];
    let mut partners = Vec::new();
    for (name, ..) in &mishaps {
        partners.push(agency(&stripe, &server, name));
        pays(&stripe, name, "2025-01-10T00:00:00Z", 50_000);
    }
    settled(&server, "2025-03");
    for ((_, _, mishap), (partner, account)) in mishaps.iter().zip(&partners) {
        assert_eq!(payout(&server, partner, "planned")["amount_cents"], 10_000);
        let mut fault = json!({"method": "POST", "path": "/v1/transfers", "where": {"destination": account}});
        merge(&mut fault, mishap.clone());
        stripe.control("faults", &fault);
    }
    step("the first sweep: some results are unknown, and nothing is decided about them");
    sweep(&server);
    let states = |server: &Server, state: &str| {
        server.read(&format!("/v1/payouts?state={state}"))["data"].as_array().map_or(0, Vec::len)
    };
    assert!(states(&server, "submitting") >= 5 && states(&server, "failed") == 0, "{}", server.read("/v1/payouts"));
    let waits = server.read("/v1/payouts?state=submitting")["data"][0].clone();
    let cancel = server.post(&format!("/v1/payouts/{}/cancel", id_of(&waits)), &json!({"reason": "x"}));
    cancel.operator().send().problem(409, "payout_submitting");
    sweep(&server);

    step("an hour later each is retried with its own key");
    for _ in 0..2 {
        server.let_pass(3_600_000);
        sweep(&server);
    }
    for ((name, mends, _), (partner, account)) in mishaps.iter().zip(&partners) {
        let is_paid = (stripe.received(account), balances(&server, partner)) == (10_000, (0, 0, 10_000));
        assert_eq!(is_paid, *mends, "{name}: {}", server.read("/v1/payouts"));
    }
    let keys = |stripe: &Stripe| -> BTreeSet<String> {
        let asked = stripe.look("requests");
        let sent = asked.as_array().expect("requests").iter();
        let sent = sent.filter(|r| r["path"] == "/v1/transfers" && r["method"] == "POST");
        sent.map(|r| r["key"].as_str().expect("every transfer has a key").to_owned()).collect()
    };
    assert_eq!(keys(&stripe).len(), mishaps.len(), "one key each: {:?}", keys(&stripe));

    step("a day later the others are looked up: one exists, the other waits for a person, who has it sent again");
    for _ in 0..2 {
        server.let_pass(23 * 3_600_000);
        stripe.control("clock", &json!({"advance": 23 * 3_600}));
        sweep(&server);
    }
    assert_eq!(keys(&stripe).len(), mishaps.len(), "silence is no answer: {:?}", keys(&stripe));
    decided_by_a_person(&server);
    sweep(&server);
    for ((name, ..), (partner, account)) in mishaps.iter().zip(&partners) {
        assert_eq!((stripe.received(account), balances(&server, partner)), (10_000, (0, 0, 10_000)), "{name}");
    }
    assert_eq!(stripe.list("transfer").len(), mishaps.len(), "one each");
    assert_eq!(keys(&stripe).len(), mishaps.len() + 1, "one new key: {:?}", keys(&stripe));
    server.audit();
}

/// Resolves the one payout that nobody answered.
fn decided_by_a_person(server: &Server) {
    let unclear = server.read("/v1/payouts?state=review")["data"].clone();
    assert_eq!(unclear.as_array().map(Vec::len), Some(1), "{unclear}");
    assert!(unclear[0]["reason"].as_str().is_some_and(|why| why.contains(" was asked ")), "{unclear}");
    let again = json!({"decision": "again", "reason": "Stripe has nothing"});
    server.post(&format!("/v1/payouts/{}/resolve", id_of(&unclear[0])), &again).operator().send().expect(200);
}

#[test]
fn a_key_that_stripe_refuses_stops_payouts_and_says_so() {
    let (stripe, mut server) = Stripe::beside(&[("PAYOUT_APPROVAL", "automatic")]);
    let (one, account) = agency(&stripe, &server, "one");
    pays(&stripe, "one", "2025-01-10T00:00:00Z", 50_000);
    let own = stripe.vars(&[("PAYOUT_APPROVAL", "automatic")]);
    let with_key = |key: &'static str| -> Vec<(&str, &str)> {
        own.iter().map(|(name, value)| if *name == "STRIPE_API_KEY" { (*name, key) } else { (*name, *value) }).collect()
    };

    step("no key: payment calls say so, events come in, the ledger continues, no payout fails");
    server.restart(&own.iter().copied().filter(|(name, _)| *name != "STRIPE_API_KEY").collect::<Vec<_>>());
    stripe.post_to(&server);
    pays(&stripe, "one", "2025-02-10T00:00:00Z", 50_000);
    let run = settled(&server, "2025-02");
    sweep(&server);
    for path in [format!("/v1/partners/{}/onboarding", one.id), format!("/v1/runs/{run}/approve")] {
        server.post(&path, &json!({})).operator().send().problem(409, "stripe_not_set_up");
    }

    step("a live key is only sent to Stripe");
    server.restart(&with_key("sk_live_0123456789"));
    server
        .post(&format!("/v1/partners/{}/onboarding", one.id), &json!({}))
        .operator()
        .send()
        .problem(409, "stripe_not_set_up");
    let health = server.get("/healthz").operator().send().expect(503);
    assert!(health.text.contains("STRIPE_API_BASE"), "{}", health.text);

    step("with the key again, the next run pays all of it");
    server.restart(&own);
    settled(&server, "2025-03");
    sweep(&server);
    assert_eq!((stripe.received(&account), balances(&server, &one)), (20_000, (0, 0, 20_000)));
    server.audit();
}

#[test]
fn make_serve_starts_a_stripe_stand_in() {
    let mut server = Server::with_stand_in();
    let stripe = Stripe::within(&server);
    let partner = server.enrol(AGENCY, "agency-one");
    server.tell(&[signed_up("one", "2025-01-05T00:00:00Z", json!({"code": partner.code}))]);
    let account = stripe.onboards(&server, &partner);
    pays(&stripe, "one", "2025-01-10T00:00:00Z", 50_000);
    let run = settled(&server, "2025-03");
    approve(&server, &run);
    assert_eq!(stripe.received(&account), 10_000);

    step("payouts stay paid when both are restarted");
    server.restart(&[]);
    let stripe = Stripe::within(&server);
    assert_eq!(stripe.received(&account), 10_000);
    assert_eq!(balances(&server, &partner), (0, 0, 10_000));
}
