//! Every route of the table: what it answers, to whom, by which method; each answer as `openapi.json` describes it.

use crate::support::openapi as described;

use super::client::{Reply, step};
use super::facts::{Partner, ahead, merge, paid, sign, signed_up, stripe_signature};
use super::server::Server;
use super::stand_in::StandIn;
use super::stripe::{CONNECT_SECRET, SECRET, Stripe};
use manicule::http::auth::Access;
use manicule::http::route::{ROUTES, Route};
use serde_json::{Value, json};

/// A good call of a route, and the same of something that does not exist.
struct Call {
    route: (&'static str, &'static str),
    path: String,
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
    status: u16,
    /// An address of the same form with an id that nobody has.
    unknown: Option<String>,
}

fn call(route: (&'static str, &'static str), path: impl Into<String>, status: u16) -> Call {
    Call { route, path: path.into(), body: None, headers: Vec::new(), status, unknown: None }
}

impl Call {
    fn body(self, body: Value) -> Call {
        Call { body: Some(body), ..self }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Call {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    fn unknown(self, path: impl Into<String>) -> Call {
        Call { unknown: Some(path.into()), ..self }
    }

    fn send(&self, server: &Server, method: &str, path: &str, token: Option<&str>) -> Reply {
        let mut ask = server.ask(method, path);
        for (name, value) in &self.headers {
            ask = ask.header(name, value.clone());
        }
        if let Some(token) = token {
            ask = ask.bearer(token);
        }
        match (&self.body, method) {
            (_, "GET" | "HEAD" | "DELETE") => ask.send(),
            (Some(body), _) => ask.body(body.to_string()).send(),
            (None, _) => ask.body("").send(),
        }
    }
}

/// Ids of what the books hold before the calls.
struct Held {
    partner: String,
    code: String,
    review: String,
    run: String,
    message: String,
    endpoint: String,
    document: Value,
    payouts: Payouts,
    /// Who has a credit, and a redemption of a part of it.
    referrer: String,
    redemption: String,
    /// A credit that Stripe has, and by which transaction.
    delivery: String,
    transaction: String,
}

/// Ids of payouts: one that was sent, and two that are planned.
struct Payouts {
    paid: String,
    planned: String,
    other: String,
}

/// Commissions of three agencies, of which one is paid out; the others' payouts are planned by the run, which is answered.
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

/// Something of everything: partners, links, clicks, commissions, a credit, a review, runs, messages.
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
    // One friend's credit moves when it is bound anew; the other's stays to be redeemed.
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
    let endpoint = server.post("/v1/webhook-endpoints", &hooks).operator().send().expect(201).json();
    let outbox = server.read("/v1/outbox");
    let messages = outbox["data"].as_array().expect("messages");
    let rewarded = messages.iter().find(|m| m["type"] == "reward.granted.referrer").expect("a reward was told");
    Held {
        endpoint: text(&endpoint["id"]),
        message: text(&rewarded["id"]),
        review: text(&server.read("/v1/reviews")["data"][0]["id"]),
        document: server.read("/v1/programs/user-referral")["document"].clone(),
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

fn calls(server: &Server, held: &Held) -> Vec<Call> {
    let Held { partner, code, review, run, message, endpoint, document, payouts, .. } = held;
    let event = signed_up("route", &ahead(0), json!({}));
    let second = super::client::now_ms() / 1_000;
    let signature = sign(&server.webhook_secret, "msg_1", second, event.to_string().as_bytes());
    let hook = json!({"event": "content:create", "timestamp": ahead(0), "resourceId": "01M7"});
    let form = json!({"event": "form.submission", "submissionId": "01M7", "data": {}, "submittedAt": ahead(0)});
    let forms = "/v1/webhooks/emdash-forms";
    let plan = json!({"id": "evt_1", "type": "plan.created", "created": second, "livemode": false,
        "data": {"object": {"id": "plan_1"}}});
    let account = json!({"id": "evt_2", "type": "account.updated", "created": second, "livemode": false,
        "account": "acct_1", "data": {"object": {"id": "acct_1"}}});
    let get = |path: &'static str| call(("GET", path), path, 200);
    let cookie = server.visit(&format!("/r/{code}")).send().cookie().expect("the cookie");
    vec![
        get("/v1/attribution").header("cookie", cookie),
        call(("POST", "/v1/collect"), "/v1/collect", 204).body(json!({"event": "page.viewed", "partner": "zzzzzzzz"})),
        call(("GET", "/px.gif"), "/px.gif?partner=zzzzzzzz", 200),
        call(("POST", "/v1/webhooks/events"), "/v1/webhooks/events", 200)
            .body(event)
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", second.to_string())
            .header("webhook-signature", signature),
        call(("POST", "/v1/webhooks/emdash"), "/v1/webhooks/emdash", 202)
            .body(hook)
            .header("authorization", format!("Bearer {}", server.emdash_token)),
        call(("POST", "/v1/webhooks/emdash-forms/{secret}"), format!("{forms}/{}", server.forms_secret), 202)
            .body(form),
        stripe_call("/v1/webhooks/stripe", SECRET, &plan),
        stripe_call("/v1/webhooks/stripe-connect", CONNECT_SECRET, &account),
        call(("POST", "/api/referral/generate"), "/api/referral/generate", 201).header("cookie", "astro-session=x"),
        call(("POST", "/v1/partners"), "/v1/partners", 201).body(
            json!({"program": "user-referral", "external_id": "new", "website": "https://a.example", "country": "de"}),
        ),
        call(("GET", "/v1/partners/{id}"), format!("/v1/partners/{partner}"), 200).unknown("/v1/partners/nobody"),
        call(("GET", "/v1/partners/{id}/balance-transactions"), format!("/v1/partners/{partner}/balance-transactions"), 200)
            .unknown("/v1/partners/nobody/balance-transactions"),
        call(("POST", "/v1/links"), "/v1/links", 201).body(json!({"partner": partner})),
        call(("GET", "/v1/links/{code}"), format!("/v1/links/{code}"), 200).unknown("/v1/links/zzzzzzzz"),
        call(("DELETE", "/v1/links/{code}"), format!("/v1/links/{code}"), 200).unknown("/v1/links/zzzzzzzz"),
        call(("GET", "/v1/accounts/{id}/attribution"), "/v1/accounts/friend/attribution", 200)
            .unknown("/v1/accounts/nobody/attribution"),
        get("/v1/programs"),
        call(("GET", "/v1/programs/{id}"), "/v1/programs/user-referral", 200).unknown("/v1/programs/none"),
        call(("PUT", "/v1/programs/{id}"), "/v1/programs/user-referral", 200).body(document.clone()),
        get("/v1/runs"),
        call(("POST", "/v1/runs"), "/v1/runs", 200)
            .body(json!({"program": "agency-partner", "cadence": "monthly", "period": "2025-04"})),
        call(("GET", "/v1/runs/{id}"), format!("/v1/runs/{run}"), 200).unknown("/v1/runs/none"),
        get("/v1/ledger/transfers"),
        get("/v1/ledger/checks"),
        call(("GET", "/v1/leaderboard"), "/v1/leaderboard?program=user-referral", 200),
        call(("GET", "/v1/reports/funnel"), "/v1/reports/funnel?program=partner-funnel&week=2025-W06", 200)
            .unknown("/v1/reports/funnel?program=none&week=2025-W06"),
        call(("GET", "/v1/reports/channels"), "/v1/reports/channels?program=user-referral&month=2025-01", 200)
            .unknown("/v1/reports/channels?program=none&month=2025-01"),
        call(
            ("GET", "/v1/reports/economics"),
            "/v1/reports/economics?program=user-referral&from=2025-01-01&to=2026-01-01",
            200,
        )
        .unknown("/v1/reports/economics?program=none&from=2025-01-01&to=2026-01-01"),
        get("/v1/reviews"),
        call(("POST", "/v1/reviews/{id}"), format!("/v1/reviews/{review}"), 200)
            .body(json!({"decision": "release", "reason": "checked"}))
            .unknown("/v1/reviews/none"),
        call(("GET", "/v1/programs/{id}/budget"), "/v1/programs/tiered-credits/budget", 200)
            .unknown("/v1/programs/none/budget"),
        call(("POST", "/v1/programs/{id}/budget"), "/v1/programs/tiered-credits/budget", 201)
            .body(json!({"amount_cents": 100, "reason": "to begin with"}))
            .unknown("/v1/programs/none/budget"),
        call(("POST", "/v1/programs/{id}/dry-run"), "/v1/programs/user-referral/dry-run", 200)
            .body(json!({"period": "2026-06"}))
            .unknown("/v1/programs/none/dry-run"),
        call(("POST", "/v1/accounts/{id}/reassign"), "/v1/accounts/friend/reassign", 200)
            .body(json!({"program": "agency-partner", "partner": partner, "reason": "it is the agency's client"}))
            .unknown("/v1/accounts/nobody/reassign"),
        call(("POST", "/v1/reconciliations"), "/v1/reconciliations", 200)
            .body(json!({"as_of": "2026-06-01T00:00:00Z", "repair": true, "accounts": [{"id": "nobody", "subscriptions": []}]})),
        get("/v1/audit"),
        get("/v1/outbox"),
        get("/v1/payouts"),
        payout_call("GET", "/v1/payouts/{id}", &payouts.paid, json!(null)),
        payout_call("POST", "/v1/payouts/{id}/hold", &payouts.planned, json!({"reason": "to be sure"})),
        payout_call("POST", "/v1/payouts/{id}/release", &payouts.planned, json!({"reason": "it is right"})),
        payout_call("POST", "/v1/payouts/{id}/cancel", &payouts.planned, json!({"reason": "asked for"})),
        payout_call("POST", "/v1/payouts/{id}/resolve", &payouts.other, json!({"decision": "again", "reason": "so"})),
        Call {
            status: 201,
            ..payout_call("POST", "/v1/payouts/{id}/reversals", &payouts.paid, json!({"amount_cents": 100, "reason": "so"}))
        },
        call(("GET", "/v1/reports/payouts"), "/v1/reports/payouts?year=2025", 200),
        call(("POST", "/v1/runs/{id}/approve"), format!("/v1/runs/{run}/approve"), 200)
            .body(json!({"reason": "compared"}))
            .unknown("/v1/runs/none/approve"),
        call(("GET", "/v1/runs/{id}/report"), format!("/v1/runs/{run}/report"), 200).unknown("/v1/runs/none/report"),
        call(("POST", "/v1/partners/{id}/onboarding"), format!("/v1/partners/{partner}/onboarding"), 200)
            .body(json!({"country": "US"}))
            .unknown("/v1/partners/nobody/onboarding"),
        call(("POST", "/v1/partners/{id}/dashboard"), format!("/v1/partners/{partner}/dashboard"), 200)
            .body(json!({}))
            .unknown("/v1/partners/nobody/dashboard"),
        call(("GET", "/v1/credits"), format!("/v1/credits?partner={}", held.referrer), 200).unknown("/v1/credits?partner=nobody"),
        redeem_call(&held.referrer),
        call(("GET", "/v1/credits/redemptions"), format!("/v1/credits/redemptions?partner={}", held.referrer), 200),
        call(("GET", "/v1/credits/redemptions/{id}"), format!("/v1/credits/redemptions/{}", held.redemption), 200)
            .unknown("/v1/credits/redemptions/none"),
        Call {
            status: 201,
            ..payout_call(
                "POST",
                "/v1/credits/redemptions/{id}/reversals",
                &held.redemption,
                json!({"amount_cents": 50, "reason": "so"}),
            )
        },
        get("/v1/credits/deliveries"),
        payout_call("GET", "/v1/credits/deliveries/{id}", &held.delivery, json!(null)),
        payout_call(
            "POST",
            "/v1/credits/deliveries/{id}/resolve",
            &held.delivery,
            json!({"decision": "paid", "transaction": held.transaction, "reason": "it is there"}),
        ),
        // Nothing is set up to mail by, so it waits; naming the recipient is good all the same.
        call(("POST", "/v1/outbox/{id}/replay"), format!("/v1/outbox/{message}/replay"), 200)
            .body(json!({"reason": "to be sure", "target": "partner"}))
            .unknown("/v1/outbox/none/replay"),
        get("/v1/webhook-endpoints"),
        call(("POST", "/v1/webhook-endpoints"), "/v1/webhook-endpoints", 201)
            .body(json!({"url": "https://hooks.invalid.example/y"})),
        call(("DELETE", "/v1/webhook-endpoints/{id}"), format!("/v1/webhook-endpoints/{endpoint}"), 200)
            .unknown("/v1/webhook-endpoints/none"),
        call(("GET", "/unsubscribe"), "/unsubscribe?type=referral.joined&to=x&mac=y", 404),
        call(("POST", "/unsubscribe"), "/unsubscribe?type=referral.joined&to=x&mac=y", 404),
        get("/healthz"),
        get("/openapi.json"),
    ]
}

fn redeem_call(partner: &str) -> Call {
    call(("POST", "/v1/credits/redeem"), "/v1/credits/redeem", 201)
        .body(json!({"partner": partner, "amount_cents": 100, "reason": "an order"}))
        .header("idempotency-key", "order-2")
}

fn payout_call(method: &'static str, route: &'static str, id: &str, body: Value) -> Call {
    let call = call((method, route), route.replace("{id}", id), 200).unknown(route.replace("{id}", "none"));
    if body.is_null() { call } else { call.body(body) }
}

fn stripe_call(path: &'static str, secret: &str, event: &Value) -> Call {
    let signature = stripe_signature(secret, super::client::now_ms() / 1_000, event.to_string().as_bytes());
    call(("POST", path), path, 200).body(event.clone()).header("stripe-signature", signature)
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
        // A picture, or nothing: that it is answered is all that is described.
        let answers = &document["paths"][route.path][route.method.to_lowercase()]["responses"];
        assert!(answers[reply.status.to_string()].is_object(), "{} {}: {}", route.method, route.path, reply.status);
        return;
    }
    let faults = described::faults(document, route.method, route.path, reply.status, &reply.json());
    assert!(faults.is_empty(), "{} {} answered {}: {faults:#?}", route.method, route.path, reply.status);
}

fn preview(server: &Server, document: &Value) {
    step("a preview is an answer of its own, before the run and after it");
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
    step("addresses that are nobody's");
    for path in ["/v1/none", "/v1/partners/", "/v1/partners/a/b", "/api/referral/none", "/elsewhere", "/"] {
        server.get(path).operator().send().problem(404, "not_found");
    }
    step("ids with characters that addresses escape");
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
