//! Every route of the table: its response for each kind of caller and method, checked against `openapi.json`.

mod calls;

use crate::support::openapi as described;

use calls::{Call, Held, Payouts, calls, redeem_call};

use super::client::{Reply, step};
use super::facts::{Partner, ahead, merge, paid, signed_up};
use super::server::Server;
use super::stand_in::StandIn;
use super::stripe::Stripe;
use manicule::http::auth::Access;
use manicule::http::route::{ROUTES, Route};
use serde_json::{Value, json};

/// Commissions of three agencies. One is paid; the payouts of the others are planned by the run that this returns.
fn pay_out(server: &Server, stripe: &Stripe, agency: &Partner) -> (Payouts, Value) {
    let (first, other) = (server.enrol("agency-partner", "first"), server.enrol("agency-partner", "other"));
    for (account, partner, when) in [("a", &first, "2024-09-01"), ("b", &other, "2025-01-07")] {
        stripe.onboards(server, partner);
        server.tell(&[
            signed_up(account, &format!("{when}T00:00:00Z"), json!({"code": partner.code})),
            paid(account, &format!("in-{account}"), &format!("{when}T01:00:00Z"), 10_000),
        ]);
    }
    stripe.onboards(server, agency);
    let early = server.settle("agency-partner", "monthly", "2024-11");
    let approve = format!("/v1/runs/{}/approve", early["id"].as_str().expect("an id"));
    server.post(&approve, &json!({})).operator().send().expect(200);
    let run = server.settle("agency-partner", "monthly", "2025-03");
    let of = |partner: &Partner| {
        let list = server.read(&format!("/v1/payouts?partner={}", partner.id));
        list["data"][0]["id"].as_str().unwrap_or_else(|| panic!("no payout: {list}")).to_owned()
    };
    (Payouts { paid: of(&first), planned: of(agency), other: of(&other) }, run)
}

/// At least one row of everything: partners, links, clicks, commissions, a credit, a review, runs, messages.
fn fill(server: &Server, stripe: &Stripe) -> Held {
    let agency = server.enrol("agency-partner", "agency");
    let ann = server.enrol("user-referral", "ann");
    let code = server.link(
        &ann,
        json!({"destination": "/a", "campaign": "c", "utm": {"source": "s"}, "expires_at": ahead(3_600_000)}),
    );
    server.visit(&format!("/r/{code}")).send();
    server.tell(&[
        signed_up("client", "2025-01-06T00:00:00Z", json!({"code": agency.code})),
        paid("client", "in-c", "2025-01-07T00:00:00Z", 10_000),
    ]);
    // One friend is reassigned and the credit moves with the account. The other credit stays available for redemption.
    let people = [("friend", "friend@friends.example"), ("pal", "pal@pals.example"), ("self", "ann@partners.example")];
    for (account, email) in people {
        let mut up = signed_up(account, "2025-01-06T00:00:00Z", json!({"code": ann.code}));
        merge(&mut up, json!({"account": {"email": email}}));
        let discounted = |n: u32| {
            let mut event = paid(account, &format!("in-{account}-{n}"), "2025-01-07T00:00:00Z", 2_000);
            merge(&mut event, json!({"data": {"discount_cents": 500}}));
            event
        };
        server.tell(&[up, discounted(1), discounted(2)]);
    }
    server.settle("user-referral", "weekly", "2025-W06");
    let (delivery, transaction) = super::credits::delivered(server, stripe);
    let redeem = redeem_call(&ann.id).body(json!({"partner": ann.id, "amount_cents": 200, "reason": "an order"}));
    let redeem = redeem.header("idempotency-key", "order-1");
    let redeemed = redeem.send(server, "POST", &redeem.path, Some(&server.operator_token)).expect(201).json();
    let (payouts, run) = pay_out(server, stripe, &agency);
    server.cron("*/10 * * * *", super::client::now_ms());
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let hooks = json!({"url": "https://hooks.invalid.example/x", "types": ["payout"]});
    let preview = json!({"program": "agency-partner", "cadence": "monthly", "period": "2025-04", "preview": true});
    let begun = |path: &str, body: &Value| text(&server.post(path, body).operator().send().expect(200).json()["id"]);
    let run_preview = begun("/v1/runs", &preview);
    let dry_run = begun("/v1/programs/user-referral/dry-run", &json!({"period": "2025-01"}));
    let endpoint = server.post("/v1/webhook-endpoints", &hooks).operator().send().expect(201).json();
    let adjust = json!({"partner": agency.id, "amount_cents": 500, "reason": "agreed by phone"});
    let adjusted = server.post("/v1/adjustments", &adjust).operator().send().expect(201).json();
    let outbox = server.read("/v1/outbox");
    let messages = outbox["data"].as_array().expect("messages");
    let rewarded = messages.iter().find(|m| m["type"] == "reward.granted.referrer").expect("a reward was told");
    Held {
        endpoint: text(&endpoint["id"]),
        message: text(&rewarded["id"]),
        review: text(&server.read("/v1/reviews")["data"][0]["id"]),
        adjustment: text(&adjusted["id"]),
        document: server.read("/v1/programs/user-referral")["document"].clone(),
        run_preview,
        dry_run,
        run: text(&run["id"]),
        partner: agency.id,
        code,
        payouts,
        referrer: ann.id,
        redemption: text(&redeemed["id"]),
        delivery,
        transaction,
    }
}

#[test]
fn every_route_answers_as_described() {
    let user =
        json!({"success": true, "data": {"id": "u1", "email": "u@example.com", "name": null, "role": 10}}).to_string();
    let emdash = StandIn::start(move |_| (200, user.clone()));
    let (stripe, server) = Stripe::beside(&[("EMDASH_ORIGIN", &emdash.base), ("PAYOUT_APPROVAL", "manual")]);
    let held = fill(&server, &stripe);
    let calls = calls(&server, &held);
    let document = described::document();
    assert_eq!(server.get("/openapi.json").send().expect(200).json(), document, "the served document is the file");
    let schema = server.get("/program.schema.json").send().expect(200);
    assert_eq!(schema.text, manicule::program::check::schema::TEXT);
    assert_eq!(schema.header("content-type"), Some("application/schema+json"));

    for route in ROUTES {
        let name = format!("{} {}", route.method, route.path);
        step(&name);
        let call =
            calls.iter().find(|c| c.route == (route.method, route.path)).unwrap_or_else(|| panic!("{name} is untried"));
        let token = matches!(route.access, Access::Operator(_)).then_some(server.operator_token.as_str());
        refuses_strangers(&server, call, route, &document);
        refuses_other_methods(&server, call, token);
        if let Some(unknown) = &call.unknown {
            let reply = call.send(&server, route.method, unknown, token);
            is_described(&document, route, &reply.clone());
            reply.problem(404, "not_found");
        }
        let reply = call.send(&server, route.method, &call.path, token).expect(call.status);
        is_described(&document, route, &reply);
        if route.method == "GET" {
            let head = call.send(&server, "HEAD", &call.path, token).expect(call.status);
            assert_eq!(head.text, "", "HEAD of {name}");
            assert_eq!(head.header("content-type"), reply.header("content-type"), "HEAD of {name}");
        }
    }
    server.audit();
    preview(&server, &document);
    paging(&server);
    unknown_addresses(&server);
}

fn refuses_strangers(server: &Server, call: &Call, route: &Route, document: &Value) {
    if !matches!(route.access, Access::Operator(_)) {
        return;
    }
    for token in [None, Some("wrong"), Some(server.emdash_token.as_str()), Some("")] {
        let reply = call.send(server, route.method, &call.path, token);
        is_described(document, route, &reply);
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        reply.problem(401, "unauthorized");
    }
}

fn refuses_other_methods(server: &Server, call: &Call, token: Option<&str>) {
    let taken: Vec<&str> = ROUTES.iter().filter(|r| r.path == call.route.1).map(|r| r.method).collect();
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH"].into_iter().filter(|m| !taken.contains(m)) {
        let reply = call.send(server, method, &call.path, token);
        assert_eq!(reply.header("allow"), Some(taken.join(", ").as_str()), "{method} {}", call.path);
        reply.problem(405, "method_not_allowed");
    }
}

#[track_caller]
fn is_described(document: &Value, route: &Route, reply: &Reply) {
    if !reply.header("content-type").is_some_and(|kind| kind.contains("json")) {
        // An image or an empty body: the description only says that there is a response.
        let answers = &document["paths"][route.path][route.method.to_lowercase()]["responses"];
        assert!(answers[reply.status.to_string()].is_object(), "{} {}: {}", route.method, route.path, reply.status);
        return;
    }
    let faults = described::faults(document, route.method, route.path, reply.status, &reply.json());
    assert!(faults.is_empty(), "{} {} answered {}: {faults:#?}", route.method, route.path, reply.status);
}

fn preview(server: &Server, document: &Value) {
    step("a preview has its own response, before the run and after it");
    let start = ROUTES.iter().find(|r| (r.method, r.path) == ("POST", "/v1/runs")).expect("the route");
    for (program, cadence, period) in [
        ("agency-partner", "monthly", "2025-03"),
        ("agency-partner", "monthly", "2025-05"),
        ("user-referral", "weekly", "2025-W07"),
    ] {
        let body = json!({"program": program, "cadence": cadence, "period": period, "preview": true});
        let reply = server.post("/v1/runs", &body).operator().send().expect(200);
        is_described(document, start, &reply);
    }
}

fn paging(server: &Server) {
    step("lists are paged by cursor, without gaps or repeats");
    for path in ["/v1/runs", "/v1/ledger/transfers", "/v1/outbox"] {
        let whole = server.read(path)["data"].clone();
        let (mut pages, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.read(&format!("{path}?limit=1&cursor={cursor}"));
            pages.extend(page["data"].as_array().expect("rows").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(json!(pages), whole, "{path}");
        for bad in ["limit=0", "limit=201", "limit=x"] {
            let problem = server.get(&format!("{path}?{bad}")).operator().send().problem(400, "malformed");
            assert_eq!(problem["field"], "limit");
        }
    }
    let beyond = ["nonsense", "9223372036854775807", "9223372036854775807.x", "-9223372036854775808.x"];
    for (path, cursor) in ["/v1/runs", "/v1/ledger/transfers"].iter().flat_map(|p| beyond.map(|c| (p, c))) {
        let problem = server.get(&format!("{path}?cursor={cursor}")).operator().send().problem(400, "malformed");
        assert_eq!(problem["field"], "cursor");
    }
    let problem = server.get("/v1/leaderboard").operator().send().problem(400, "missing");
    assert_eq!(problem["field"], "program");
}

fn unknown_addresses(server: &Server) {
    step("unknown URLs");
    for path in ["/v1/none", "/v1/partners/", "/v1/partners/a/b", "/api/referral/none", "/elsewhere", "/"] {
        server.get(path).operator().send().problem(404, "not_found");
    }
    step("ids with characters that URLs escape");
    let odd = "a+b/c%";
    server.tell(&[signed_up(odd, "2025-01-06T00:00:00Z", json!({}))]);
    for path in ["/v1/accounts/a+b%2Fc%25/attribution", "/v1/accounts/a%2Bb%2Fc%25/attribution"] {
        assert_eq!(server.read(path)["account"], odd);
    }
    step("runs that cannot be started name the field");
    for (body, field) in [
        (json!({"program": "none", "cadence": "weekly", "period": "2025-W02"}), "program"),
        (json!({"program": "user-referral", "cadence": "monthly", "period": "2025-02"}), "cadence"),
        (json!({"program": "user-referral", "cadence": "daily", "period": "2025-02"}), "cadence"),
        (json!({"program": "user-referral", "cadence": "weekly", "period": "2025-02"}), "period"),
        (json!({"program": "user-referral", "cadence": "weekly", "period": "2095-W02"}), "period"),
        (json!({"program": "user-referral", "cadence": "weekly"}), "period"),
    ] {
        let problem = server.post("/v1/runs", &body).operator().send().expect(422).json();
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
}
