//! A hundred concurrent requests to every call that moves money: the money moves once, or as far as there is money to
//! move.

use super::fixture::{PROGRAM, SWEEP};
use super::world::{assert_unharmed, at_once};
use crate::client::{Reply, now_ms, step};
use crate::facts::{Partner, ahead, event, merge, monday_after, paid, refunded, sign, signed_up};
use crate::server::Server;
use crate::stripe::{SECRET, Stripe};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CREDITS: &str = "tiered-credits";
const MANY: usize = 100;

/// How often each status was returned.
fn counted(replies: &[Reply]) -> BTreeMap<u16, usize> {
    let mut all = BTreeMap::new();
    for reply in replies {
        assert!(reply.status < 500, "{reply:?}");
        *all.entry(reply.status).or_default() += 1;
    }
    all
}

fn keyed(server: &Server, path: &str, key: &str, body: &Value) -> Reply {
    server.post(path, body).operator().header("idempotency-key", key).patient().send()
}

fn credit(server: &Server, partner: &Partner) -> (i64, i64) {
    let shown = server.read(&format!("/v1/credits?partner={}", partner.id));
    let cents = |name: &str| shown["balances"][0][name].as_i64().unwrap_or(0);
    (cents("available_cents"), cents("redeemed_cents"))
}

#[test]
fn money_moves_once() {
    let (stripe, server) = Stripe::beside(&[("PAYOUT_APPROVAL", "manual")]);
    budget(&server);
    let salon = salon(&server);
    redeemed(&server, &salon);
    given_back(&server, &salon);
    let agency = server.enrol(PROGRAM, "agency");
    stripe.onboards(&server, &agency);
    told(&server, &agency);
    moved(&server, &agency);
    paid_out(&stripe, &server, &agency);
    runs(&server);
    stripes_events(&server);
    assert_unharmed(&server);
}

fn budget(server: &Server) {
    step("funding: one key funds once, a hundred keys a hundred times");
    let path = format!("/v1/programs/{CREDITS}/budget");
    let body = json!({"amount_cents": 1_000, "reason": "the budget"});
    let funded = |server: &Server| server.read(&path)["balance_cents"].as_i64().expect("cents");
    assert_eq!(counted(&at_once(MANY, |_| keyed(server, &path, "one", &body))), [(201, MANY)].into());
    assert_eq!(funded(server), 1_000);
    assert_eq!(counted(&at_once(MANY, |n| keyed(server, &path, &format!("key-{n}"), &body))), [(201, MANY)].into());
    assert_eq!(funded(server), 101_000);
}

/// A partner with $55 in credits.
fn salon(server: &Server) -> Partner {
    let salon = server.enrol(CREDITS, "salon");
    let rfq = event("rfq-friend", "rfq.submitted", &ahead(0), "friend", json!({}));
    server.tell(&[signed_up("friend", &ahead(-1_000), json!({"code": salon.code})), rfq]);
    assert_eq!(credit(server, &salon), (5_500, 0));
    salon
}

fn redeemed(server: &Server, salon: &Partner) {
    step("redeeming: up to the balance, and one key once");
    let body = json!({"partner": salon.id, "amount_cents": 300, "reason": "an order"});
    let replies = at_once(MANY, |n| keyed(server, "/v1/credits/redeem", &format!("order-{n}"), &body));
    assert_eq!(counted(&replies), [(201, 18), (422, MANY - 18)].into());
    assert_eq!(credit(server, salon), (100, 5_400));
    let one = json!({"partner": salon.id, "amount_cents": 60, "reason": "an order"});
    let replies = at_once(MANY, |_| keyed(server, "/v1/credits/redeem", "the-same", &one));
    assert_eq!(counted(&replies), [(201, MANY)].into());
    assert!(replies.iter().all(|reply| reply.text == replies[0].text));
    assert_eq!(credit(server, salon), (40, 5_460));
}

fn given_back(server: &Server, salon: &Partner) {
    step("returning: the whole once, and never more than was redeemed");
    let list = server.read(&format!("/v1/credits/redemptions?partner={}&limit=200", salon.id));
    let ids: Vec<&str> = list["data"].as_array().expect("rows").iter().filter_map(|r| r["id"].as_str()).collect();
    let path = |id: &str| format!("/v1/credits/redemptions/{id}/reversals");
    let whole = json!({"reason": "returned"});
    let replies = at_once(MANY, |n| keyed(server, &path(ids[1]), &format!("back-{n}"), &whole));
    assert_eq!(counted(&replies), [(201, 1), (422, MANY - 1)].into());
    let part = json!({"amount_cents": 100, "reason": "a part"});
    let replies = at_once(MANY, |n| {
        server.post(&path(ids[2]), &part).operator().header("idempotency-key", format!("part-{n}")).patient().send()
    });
    assert_eq!(counted(&replies), [(201, 3), (422, MANY - 3)].into());
    assert_eq!(credit(server, salon), (640, 4_860));
}

fn told(server: &Server, agency: &Partner) {
    step("one payment under one id, and under thirty ids; a refund of more than was paid, in any order");
    server.tell(&[signed_up("client", "2024-09-01T00:00:00Z", json!({"code": agency.code}))]);
    let invoice = |n: usize| {
        let mut event = paid("client", "in-1", "2024-09-01T01:00:00Z", 100_000);
        event["id"] = json!(format!("evt-{n}"));
        event
    };
    counted(&at_once(MANY, |_| deliver(server, &invoice(0))));
    counted(&at_once(30, |n| deliver(server, &invoice(n))));
    assert_eq!(server.balance(agency), (20_000, 0));
    let refund = |n: usize| {
        let mut event = refunded("client", "in-2", "2024-09-02T00:00:00Z", 45_000);
        merge(&mut event, json!({"id": format!("re-{n}"), "data": {"refund_id": format!("re-{n}")}}));
        event
    };
    counted(&at_once(20, |n| deliver(server, &refund(n))));
    counted(&at_once(20, |_| deliver(server, &paid("client", "in-2", "2024-09-01T02:00:00Z", 50_000))));
    assert_eq!(server.balance(agency), (20_000, 0), "nothing is left of what was refunded whole");
    server.audit();
}

/// As senders do: a delivery that cannot be accepted now is sent again.
fn deliver(server: &Server, event: &Value) -> Reply {
    let tries = std::iter::repeat_with(|| deliver_once(server, event)).take(10);
    tries.into_iter().find(|reply| reply.status != 503).expect("taken")
}

fn deliver_once(server: &Server, event: &Value) -> Reply {
    let (body, second) = (event.to_string(), now_ms() / 1_000);
    let signature = sign(&server.webhook_secret, "msg_1", second, body.as_bytes());
    let ask = server.ask("POST", "/v1/webhooks/events").body(body).header("webhook-id", "msg_1");
    ask.header("webhook-timestamp", second.to_string()).header("webhook-signature", signature).patient().send()
}

fn moved(server: &Server, agency: &Partner) {
    step("reassigning an account back and forth concurrently: one partner has all of it");
    let others = [server.enrol(PROGRAM, "second"), server.enrol(PROGRAM, "third")];
    let all = [agency, &others[0], &others[1]];
    let replies = at_once(30, |n| {
        let body = json!({"program": PROGRAM, "partner": all[n % 3].id, "reason": format!("it is theirs, {n}")});
        server.post("/v1/accounts/client/reassign", &body).operator().patient().send()
    });
    counted(&replies);
    let held: Vec<(i64, i64)> = all.iter().map(|partner| server.balance(partner)).collect();
    assert_eq!(held.iter().map(|(pending, available)| pending + available).sum::<i64>(), 20_000, "{held:?}");
    let back = json!({"program": PROGRAM, "partner": agency.id, "reason": "it is the agency's"});
    server.post("/v1/accounts/client/reassign", &back).operator().send().expect(200);
    assert_eq!(server.balance(agency), (20_000, 0));
    server.audit();
}

fn paid_out(stripe: &Stripe, server: &Server, agency: &Partner) {
    step("concurrently starting, approving, canceling, sending: one transfer or none");
    let start = json!({"program": PROGRAM, "cadence": "monthly", "period": "2024-11"});
    counted(&at_once(20, |_| server.post("/v1/runs", &start).operator().patient().send()));
    let run = server.settle(PROGRAM, "monthly", "2024-11");
    let run = run["id"].as_str().expect("an id");
    let payouts = server.read(&format!("/v1/payouts?partner={}", agency.id));
    assert_eq!(payouts["data"].as_array().map(Vec::len), Some(1), "{payouts}");
    let id = payouts["data"][0]["id"].as_str().expect("an id").to_owned();
    let reason = json!({"reason": "so"});
    let replies = at_once(60, |n| match n % 5 {
        0 => server.post(&format!("/v1/payouts/{id}/cancel"), &reason).operator().patient().send(),
        1 => server.post(&format!("/v1/payouts/{id}/hold"), &reason).operator().patient().send(),
        2 => server.post(&format!("/v1/payouts/{id}/release"), &reason).operator().patient().send(),
        3 => server.try_cron(SWEEP, now_ms()).expect("a sweep"),
        _ => server.post(&format!("/v1/runs/{run}/approve"), &json!({})).operator().patient().send(),
    });
    counted(&replies);
    server.cron(SWEEP, now_ms());
    let transfers = stripe.list("transfer").len();
    let state = server.read(&format!("/v1/payouts/{id}"))["state"].clone();
    assert!(transfers == usize::from(state == "paid"), "{state}: {transfers}");
    step("paid nevertheless, then reversed: once");
    if state != "paid" {
        server.settle(PROGRAM, "monthly", "2024-12");
        let list = server.read("/v1/runs")["data"].clone();
        for run in list.as_array().expect("runs").iter().filter_map(|run| run["id"].as_str()) {
            server.post(&format!("/v1/runs/{run}/approve"), &json!({})).operator().send();
        }
        server.cron(SWEEP, now_ms());
    }
    let list = server.read(&format!("/v1/payouts?partner={}&state=paid", agency.id));
    let id = list["data"][0]["id"].as_str().unwrap_or_else(|| panic!("{list}")).to_owned();
    let whole = json!({"amount_cents": 20_000, "reason": "sent by mistake"});
    let replies = at_once(20, |n| keyed(server, &format!("/v1/payouts/{id}/reversals"), &format!("rev-{n}"), &whole));
    assert_eq!(counted(&replies).get(&201), Some(&1), "{:?}", counted(&replies));
    at_once(5, |_| server.try_cron(SWEEP, now_ms()).expect("a sweep"));
    let back: i64 = stripe.list("transfer").iter().filter_map(|t| t["amount_reversed"].as_i64()).sum();
    assert_eq!(back, 20_000);
    server.audit();
}

fn runs(server: &Server) {
    step("five concurrent Monday runs and sweeps settle once");
    let monday = monday_after(7);
    let replies = at_once(10, |n| {
        let trigger = if n % 2 == 0 { "0 9 * * MON" } else { SWEEP };
        server.try_cron(trigger, monday).expect("a run")
    });
    assert_eq!(counted(&replies), [(200, 10)].into());
    let twice = "SELECT COUNT(*) FROM (SELECT 1 FROM run GROUP BY program_id, cadence, period HAVING COUNT(*) > 1)";
    assert_eq!(server.database_rows(twice), 0);
}

fn stripes_events(server: &Server) {
    step("a hundred concurrent deliveries of a Stripe event count once");
    let second = now_ms() / 1_000;
    let account = json!({"id": "evt_race", "type": "account.updated", "created": second, "livemode": false, "account": "acct_race", "data": {"object": {"id": "acct_race"}}});
    let plan = json!({"id": "evt_plan", "type": "plan.created", "created": second, "livemode": false, "data": {"object": {"id": "plan_1"}}});
    for (door, secret, event) in [
        ("/v1/webhooks/stripe", SECRET, &plan),
        ("/v1/webhooks/stripe-connect", crate::stripe::CONNECT_SECRET, &account),
    ] {
        let body = event.to_string();
        let signature = crate::facts::stripe_signature(secret, second, body.as_bytes());
        let replies = at_once(MANY, |_| {
            server.ask("POST", door).body(body.clone()).header("stripe-signature", &*signature).patient().send()
        });
        assert_eq!(counted(&replies), [(200, MANY)].into(), "{door}");
    }
}
