//! Both Stripe endpoints: who may post, repeated events, and events out of order.

use super::client::{Reply, now_ms, step};
use super::facts::{Partner, signed_up, stripe_signature};
use super::server::Server;
use super::stripe::{CONNECT_SECRET, KEY, SECRET, Stripe, official_signature};
use serde_json::{Value, json};

const OWN: &str = "/v1/webhooks/stripe";
const CONNECT: &str = "/v1/webhooks/stripe-connect";
/// The new secret of an endpoint during a rotation.
const NEXT_SECRET: &str = "whsec_ffeeddccbbaa99887766554433221100";

fn post_webhook(server: &Server, door: &str, body: &str, signature: &str) -> Reply {
    server.ask("POST", door).body(body).header("stripe-signature", signature).send()
}

/// An event as Stripe would send it, to an endpoint that processes it if the signature is valid.
fn event_of(door: &str, id: &str, account: &str) -> String {
    let second = now_ms() / 1_000;
    let mut event = json!({"id": id, "object": "event", "api_version": "2026-10-28.endive", "created": second,
        "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}});
    if door == CONNECT {
        event["type"] = json!("account.updated");
        event["account"] = json!(account);
        event["data"] = json!({"object": {"id": account, "object": "account", "payouts_enabled": true,
            "capabilities": {"transfers": "active"}, "requirements": {"currently_due": [], "disabled_reason": null}}});
    } else {
        event["type"] = json!("customer.created");
        event["data"] = json!({"object": {"id": "cus_1", "object": "customer", "email": "a@client.example"}});
    }
    // Indented as Stripe writes it: the signature is of bytes, not of values.
    serde_json::to_string_pretty(&event).expect("JSON")
}

/// Whether an endpoint has stored an event's id: if so, it refuses the same id with other content.
fn let_in(server: &Server, door: &str, body: &str) -> bool {
    let secret = if door == CONNECT { CONNECT_SECRET } else { SECRET };
    let mut other: Value = serde_json::from_str(body).expect("JSON");
    // One second before the event's own time, so that the content always differs.
    other["created"] = json!(other["created"].as_i64().expect("a time") - 1);
    let text = other.to_string();
    post_webhook(server, door, &text, &stripe_signature(secret, now_ms() / 1_000, text.as_bytes())).status == 409
}

#[test]
fn only_stripe_can_post_webhooks() {
    let (stripe, server) = Stripe::beside(&[("STRIPE_WEBHOOK_SECRETS", &format!("{SECRET} {NEXT_SECRET}"))]);
    let agency = server.enrol("agency-partner", "agency");
    let account = stripe.onboards(&server, &agency);
    let second = now_ms() / 1_000;
    for (door, secret, other) in [(OWN, SECRET, CONNECT_SECRET), (CONNECT, CONNECT_SECRET, SECRET)] {
        step(&format!("{door}: what is not signed by its own secret, now, and over these bytes"));
        let id = if door == OWN { "evt_own" } else { "evt_connect" };
        let body = event_of(door, id, &account);
        let good = stripe_signature(secret, second, body.as_bytes());
        let hex = good.split_once("v1=").expect("a signature").1.to_owned();
        let refused = |signature: &str, code: &str| {
            let problem = post_webhook(&server, door, &body, signature).problem(401, code);
            assert!(!problem.to_string().contains("whsec_"), "{problem}");
        };
        server.ask("POST", door).body(body.clone()).send().problem(401, "webhook_header_missing");
        refused("", "webhook_timestamp_malformed");
        refused(&format!("v1={hex}"), "webhook_timestamp_malformed");
        refused(&format!("t=soon,v1={hex}"), "webhook_timestamp_malformed");
        refused(&format!("t={second}"), "webhook_signature_mismatch");
        refused(&format!("t={second},v1="), "webhook_signature_mismatch");
        refused(&format!("t={second},v0={hex}"), "webhook_signature_mismatch");
        refused(&format!("t={second},v1={}", hex.to_uppercase()), "webhook_signature_mismatch");
        refused(&format!("t={},v1={hex}", second - 1), "webhook_signature_mismatch");
        refused(&stripe_signature(other, second, body.as_bytes()), "webhook_signature_mismatch");
        let decoded = secret.strip_prefix("whsec_").expect("a prefix");
        refused(&stripe_signature(decoded, second, body.as_bytes()), "webhook_signature_mismatch");
        // Half a minute away from the limit, because a request takes time.
        let away = |by: i64| stripe_signature(secret, now_ms() / 1_000 + by, body.as_bytes());
        refused(&away(-330), "webhook_timestamp_too_old");
        refused(&away(330), "webhook_timestamp_too_far_ahead");
        let changed = body.replace(id, "evt_worse");
        post_webhook(&server, door, &changed, &good).problem(401, "webhook_signature_mismatch");
        let compact = serde_json::from_str::<Value>(&body).expect("JSON").to_string();
        post_webhook(&server, door, &compact, &good).problem(401, "webhook_signature_mismatch");

        step(&format!("{door}: a good signature among others, and at the edges of what is believed"));
        assert!(!let_in(&server, door, &body.replace(id, &format!("{id}_never"))), "nothing was kept");
        for (number, signature) in
            [format!("t={second},v1={},v1={hex},v0={hex}", "0".repeat(64)), away(-270), away(270)].iter().enumerate()
        {
            let told = post_webhook(&server, door, &body, signature).expect(200).json();
            assert_eq!(told["event"], id, "{number}: {told}");
        }
        assert!(let_in(&server, door, &body));

        step(&format!("{door}: of the other mode, and what is no event"));
        let live = body.replace(id, "evt_live").replace("\"livemode\": false", "\"livemode\": true");
        let sign = |body: &str| stripe_signature(secret, second, body.as_bytes());
        post_webhook(&server, door, &live, &sign(&live)).problem(422, "stripe_mode_mismatch");
        for (bad, status) in [("", 400), ("{", 400), ("[]", 422), ("{}", 422), ("null", 422)] {
            let reply = post_webhook(&server, door, bad, &sign(bad));
            assert!(reply.status == status || reply.status == 400, "{bad:?}: {} {}", reply.status, reply.text);
        }
        for missing in ["id", "type", "created", "livemode", "data"] {
            let mut part: Value = serde_json::from_str(&body.replace(id, "evt_part")).expect("JSON");
            part.as_object_mut().expect("an object").remove(missing);
            let text = part.to_string();
            let problem = post_webhook(&server, door, &text, &sign(&text)).json();
            let field = problem["field"].as_str().unwrap_or_default();
            assert!(field.starts_with(missing) && problem["status"] == 422, "{missing}: {problem}");
        }
    }

    rotated(&stripe, &server, &account);
    server.audit();
}

/// During a rotation both secrets are valid.
fn rotated(stripe: &Stripe, server: &Server, account: &str) {
    let second = now_ms() / 1_000;
    step("a new secret is valid during a rotation, alone or beside the old one");
    let body = event_of(OWN, "evt_next", account);
    post_webhook(server, OWN, &body, &stripe_signature(NEXT_SECRET, second, body.as_bytes())).expect(200);
    stripe.control("webhooks", &json!({"secrets": [SECRET, NEXT_SECRET]}));
    stripe.happens("customer", &json!({"email": "b@client.example"}));
    stripe.happens("subscribe", &json!({"email": "b@client.example", "items": [{"unit_amount": 1_000}]}));
}

#[test]
fn an_endpoint_without_a_secret_is_closed() {
    let server = Server::start();
    let second = now_ms() / 1_000;
    for door in [OWN, CONNECT] {
        let body = event_of(door, "evt_1", "acct_1");
        // An attacker who knows that there is no secret signs with an empty one.
        for secret in ["", SECRET] {
            post_webhook(&server, door, &body, &stripe_signature(secret, second, body.as_bytes()))
                .problem(503, "not_configured");
        }
    }
}

/// A second implementation: Stripe's own library signs valid events and events that must be refused.
#[test]
fn signatures_by_stripes_own_library_are_accepted() {
    let (stripe, server) = Stripe::beside(&[]);
    let agency = server.enrol("agency-partner", "agency");
    let account = stripe.onboards(&server, &agency);
    let second = now_ms() / 1_000;
    for (door, secret, other) in [(OWN, SECRET, CONNECT_SECRET), (CONNECT, CONNECT_SECRET, SECRET)] {
        step(door);
        // Non-ASCII text, and characters that JSON can write in two ways.
        let id = if door == OWN { "evt_own" } else { "evt_connect" };
        let body = event_of(door, id, &account).replacen('{', "{\"note\": \"na\u{ef}ve \u{2603} / \\u00e9\",", 1);
        let signed = |secret: &str, second: i64| official_signature(&body, secret, second);
        assert_eq!(signed(secret, second), stripe_signature(secret, second, body.as_bytes()), "ours are alike");
        post_webhook(&server, door, &body, &signed(other, second)).problem(401, "webhook_signature_mismatch");
        let away = |by: i64| signed(secret, now_ms() / 1_000 + by);
        // Signing takes time as well, because it starts a program.
        post_webhook(&server, door, &body, &away(-360)).problem(401, "webhook_timestamp_too_old");
        post_webhook(&server, door, &body, &away(360)).problem(401, "webhook_timestamp_too_far_ahead");
        let told = post_webhook(&server, door, &body, &signed(secret, second)).expect(200).json();
        assert_eq!(told["event"], id, "{told}");
        let again = post_webhook(&server, door, &body, &signed(secret, second + 1)).expect(200).json();
        assert_eq!(again, told, "signed anew, as each try of Stripe's is");
    }
    server.audit();
}

/// An agency with one client, who pays twice, gets a partial refund of the first invoice and disputes the second.
struct Story {
    agency: Partner,
    events: Vec<String>,
}

/// Creates it at Stripe with all its events held back.
fn held_back(stripe: &Stripe, server: &Server, name: &str) -> Story {
    let agency = server.enrol("agency-partner", name);
    server.tell(&[signed_up(name, "2025-01-05T00:00:00Z", json!({"code": agency.code}))]);
    let mut events = Vec::new();
    let mut make = |when: &str, scenario: &str, mut body: Value| -> Value {
        stripe.at(when);
        body["deliver"] = json!("hold");
        let made = stripe.control(&format!("scenarios/{scenario}"), &body);
        let ids = made["events"].as_array().expect("events").iter();
        events.extend(ids.map(|e| e["id"].as_str().expect("an id").to_owned()));
        made
    };
    let email = format!("{name}@friends.example");
    let items = json!([{"unit_amount": 15_000, "quantity": 2}]);
    let first = make("2025-01-10T00:00:00Z", "subscribe", json!({"email": email, "items": items}));
    let subscription = &first["subscription"];
    let second = make("2025-02-10T00:00:00Z", "invoice_paid", json!({"subscription": subscription}));
    let refund = json!({"invoice": first["invoice"], "amount": 7_500});
    make("2025-02-11T00:00:00Z", "refund", refund);
    let failing = make("2025-02-12T00:00:00Z", "refund", json!({"invoice": first["invoice"], "amount": 5_000}));
    make("2025-02-13T00:00:00Z", "refund_failed", json!({"refund": failing["refund"]}));
    let asked = json!({"invoice": second["invoice"], "funds_withdrawn": true});
    let dispute = make("2025-02-20T00:00:00Z", "dispute_created", asked);
    make("2025-03-20T00:00:00Z", "dispute_funds_reinstated", json!({"dispute": dispute["dispute"]}));
    make("2025-03-20T00:00:01Z", "dispute_closed", json!({"dispute": dispute["dispute"], "status": "won"}));
    make("2025-03-21T00:00:00Z", "subscription_updated", json!({"subscription": subscription, "quantity": 1}));
    Story { agency, events }
}

/// An accrual: its reward, its state, its net and its gross amount.
type Line = (String, String, Value, Value);

/// The result of each accrual: amounts and states, because sources differ between the stories.
fn standing(server: &Server, partner: &Partner) -> Vec<Line> {
    let text = |e: &Value, name: &str| e[name].as_str().unwrap_or_default().to_owned();
    let entries = server.entries(partner);
    let lines = entries.iter().filter(|e| e["state"] != "void");
    let mut lines: Vec<_> = lines
        .map(|e| (text(e, "reward_id"), text(e, "state"), e["amount_cents"].clone(), e["gross_cents"].clone()))
        .collect();
    lines.sort_by_key(|line| format!("{line:?}"));
    lines
}

#[test]
fn reordered_and_repeated_events_give_the_same_result() {
    let (stripe, server) = Stripe::beside(&[]);
    let mut told = Vec::new();
    for (name, order) in [
        ("in-order", json!({"order": "forward"})),
        ("backwards", json!({"order": "reverse"})),
        ("shuffled-1", json!({"order": "shuffle", "seed": 1})),
        ("shuffled-2", json!({"order": "shuffle", "seed": 2})),
        ("shuffled-3", json!({"order": "shuffle", "seed": 3})),
    ] {
        step(name);
        let story = held_back(&stripe, &server, name);
        let released = stripe.control("webhooks/release", &order)["released"].as_array().map(Vec::len);
        assert_eq!(released, Some(story.events.len()));
        assert_eq!(stripe.look("webhooks/held"), json!([]));
        // Sweeps process the events that waited for an unknown invoice.
        server.cron("*/10 * * * *", now_ms());
        // 20% of twice $300, less a quarter of the first.
        assert_eq!(server.balance(&story.agency), (4_500 + 6_000, 0), "{name}");
        told.push((standing(&server, &story.agency), story));
    }
    for (lines, story) in &told[1..] {
        assert_eq!(lines, &told[0].0, "{}", story.agency.id);
    }

    repeated(&stripe, &server, &told);

    step("twenty concurrent deliveries of a new event: it is stored once");
    let agency = server.enrol("agency-partner", "at-once");
    server.tell(&[signed_up("at-once", "2025-01-05T00:00:00Z", json!({"code": agency.code}))]);
    stripe.at("2025-01-10T00:00:00Z");
    let lines = json!([{"unit_amount": 10_000}]);
    let asked = json!({"email": "at-once@friends.example", "lines": lines, "deliver": "never"});
    let made = stripe.control("scenarios/invoice_paid", &asked);
    let one = stripe.control("webhooks/preview", &json!({"id": made["events"][0]["id"]}));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let send =
            || post_webhook(&server, OWN, &text(&one["body"]), &text(&one["headers"]["stripe-signature"])).status;
        let senders: Vec<_> = (0..20).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(|sender| sender.join().expect("an answer")).collect()
    });
    // With too many concurrent requests, some get a response that asks for a retry, which Stripe does on its own.
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    post_webhook(&server, OWN, &text(&one["body"]), &text(&one["headers"]["stripe-signature"])).expect(200);
    assert_eq!(server.balance(&agency), (2_000, 0));

    step("the same id with another content is refused, and changes nothing");
    let before = server.transfers();
    let mut other: Value = serde_json::from_str(&text(&one["body"])).expect("JSON");
    for name in ["amount_due", "amount_paid", "total", "total_excluding_tax"] {
        other["data"]["object"][name] = json!(99_999_900);
    }
    let other = other.to_string();
    let signature = stripe_signature(SECRET, now_ms() / 1_000, other.as_bytes());
    post_webhook(&server, OWN, &other, &signature).problem(409, "event_id_reused");
    assert_eq!(server.transfers(), before);
    server.audit();
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Redeliveries change nothing.
fn repeated(stripe: &Stripe, server: &Server, told: &[(Vec<Line>, Story)]) {
    step("everything again, three times, and by twenty concurrent deliveries");
    let before = server.transfers();
    for (_, story) in told {
        let answers = stripe.control("webhooks/redeliver", &json!({"ids": story.events, "times": 3}));
        for id in &story.events {
            let attempts = answers[id]["attempts"].as_array().expect("attempts");
            assert_eq!(attempts.len(), 4, "{id}");
            let bodies: Vec<&str> = attempts.iter().filter_map(|a| a["body"].as_str()).collect();
            assert!(attempts.iter().all(|a| a["status"] == 200), "{attempts:?}");
            assert!(bodies[1..].iter().all(|body| body == &bodies[1]), "{bodies:?}");
        }
    }
    let one = stripe.control("webhooks/preview", &json!({"id": told[0].1.events[1]}));
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let send = || {
            post_webhook(server, OWN, &text(&one["body"]), &text(&one["headers"]["stripe-signature"]))
                .expect(200)
                .json()
        };
        let senders: Vec<_> = (0..20).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(|sender| sender.join().expect("an answer")).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(server.transfers(), before);
}

/// The daily sweep fetches events that never arrived. A Worker without a key does not.
#[test]
fn missed_events_are_fetched() {
    let (stripe, mut server) = Stripe::beside(&[]);
    let agency = server.enrol("agency-partner", "agency");
    server.tell(&[signed_up("client", &super::facts::ahead(-60_000), json!({"code": agency.code}))]);
    stripe.control("webhooks", &json!({"mode": "never"}));
    let asked = json!({"email": "client@friends.example", "items": [{"unit_amount": 5_000}]});
    stripe.control("scenarios/subscribe", &asked);
    assert_eq!(server.balance(&agency), (0, 0));

    let own: Vec<(&str, &str)> = stripe.vars(&[]);
    let without: Vec<(&str, &str)> = own.iter().copied().filter(|(name, _)| *name != "STRIPE_API_KEY").collect();
    server.restart(&without);
    server.cron("*/10 * * * *", now_ms());
    assert_eq!(server.balance(&agency), (0, 0), "there is no key to ask with");
    server.restart(&own);
    server.cron("*/10 * * * *", now_ms());
    assert_eq!(server.balance(&agency), (1_000, 0));
    let asked = stripe.look("requests");
    let lists = |path: &str| {
        let all = asked.as_array().expect("requests").iter();
        all.filter(|r| r["path"] == path && r["method"] == "GET").count()
    };
    assert!(lists("/v1/events") >= 1, "{KEY} asked: {asked}");
    server.cron("*/10 * * * *", now_ms());
    assert_eq!(server.balance(&agency), (1_000, 0));
    server.audit();
}
