//! A valid call to every route.

use super::super::client::Reply;
use super::super::facts::{ahead, sign, signed_up, stripe_signature};
use super::super::server::Server;
use super::super::stripe::{CONNECT_SECRET, SECRET};
use serde_json::{Value, json};

/// A valid call to a route, and the same call for something that does not exist.
#[derive(Clone)]
pub struct Call {
    pub route: (&'static str, &'static str),
    pub path: String,
    pub body: Option<Value>,
    pub headers: Vec<(&'static str, String)>,
    pub status: u16,
    /// A URL of the same form with an unknown id.
    pub unknown: Option<String>,
}

fn call(route: (&'static str, &'static str), path: impl Into<String>, status: u16) -> Call {
    Call { route, path: path.into(), body: None, headers: Vec::new(), status, unknown: None }
}

impl Call {
    pub fn body(self, body: Value) -> Call {
        Call { body: Some(body), ..self }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Call {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub fn unknown(self, path: impl Into<String>) -> Call {
        Call { unknown: Some(path.into()), ..self }
    }

    pub fn send(&self, server: &Server, method: &str, path: &str, token: Option<&str>) -> Reply {
        let mut ask = server.ask(method, path);
        for (name, value) in &self.headers {
            ask = ask.header(name, value.clone());
        }
        if let Some(token) = token {
            ask = ask.bearer(token).elsewhere();
        }
        match (&self.body, method) {
            (_, "GET" | "HEAD" | "DELETE") => ask.send(),
            (Some(body), _) => ask.body(body.to_string()).send(),
            (None, _) => ask.body("").send(),
        }
    }
}

/// Ids of stored objects before the calls.
pub struct Held {
    pub partner: String,
    pub code: String,
    pub review: String,
    /// A booked one.
    pub adjustment: String,
    pub run: String,
    pub run_preview: String,
    pub dry_run: String,
    pub message: String,
    pub endpoint: String,
    pub document: Value,
    pub payouts: Payouts,
    /// A partner with a credit and a partial redemption of it.
    pub referrer: String,
    pub redemption: String,
    /// A credit that Stripe has, and its transaction.
    pub delivery: String,
    pub transaction: String,
}

/// Payout ids: one that was sent, and two that are planned.
pub struct Payouts {
    pub paid: String,
    pub planned: String,
    pub other: String,
}

pub fn calls(server: &Server, held: &Held) -> Vec<Call> {
    [incoming(server, held), books(held), lists(held), decisions(held), payouts(held), messages(held), people(held)]
        .concat()
}

/// Calls by visitors, hosts and Stripe.
fn incoming(server: &Server, held: &Held) -> Vec<Call> {
    let Held { code, .. } = held;
    let event = signed_up("route", &ahead(0), json!({}));
    let second = crate::client::now_ms() / 1_000;
    let signature = sign(&server.webhook_secret, "msg_1", second, event.to_string().as_bytes());
    let hook = json!({"event": "content:create", "timestamp": ahead(0), "resourceId": "01M7"});
    let form = json!({"event": "form.submission", "submissionId": "01M7", "data": {}, "submittedAt": ahead(0)});
    let forms = "/v1/webhooks/emdash-forms";
    let plan = json!({"id": "evt_1", "type": "plan.created", "created": second, "livemode": false,
        "data": {"object": {"id": "plan_1"}}});
    let account = json!({"id": "evt_2", "type": "account.updated", "created": second, "livemode": false,
        "account": "acct_1", "data": {"object": {"id": "acct_1"}}});
    let cookie = server.visit(&format!("/r/{code}")).send().cookie().expect("the cookie");
    let get = |path: &'static str| call(("GET", path), path, 200);
    vec![
        get("/v1/attribution").header("cookie", cookie),
        call(("POST", "/v1/attribution/promotion-code"), "/v1/attribution/promotion-code", 200)
            .header("sec-fetch-site", "same-origin"),
        call(("POST", "/v1/attribution"), "/v1/attribution", 200)
            .body(json!({"code": code}))
            .header("sec-fetch-site", "same-origin")
            .header("origin", server.base.clone()),
        call(("POST", "/v1/collect"), "/v1/collect", 204).body(json!({"event": "page.viewed", "partner": "zzzzzzzz"})),
        call(("GET", "/v1/stage.gif"), "/v1/stage.gif?partner=zzzzzzzz", 200),
        call(("POST", "/v1/webhooks/events"), "/v1/webhooks/events", 200)
            .body(event)
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", second.to_string())
            .header("webhook-signature", signature),
        call(("POST", "/v1/events"), "/v1/events", 200)
            .body(json!({"events": [signed_up("imported", "2024-06-01T00:00:00Z", json!({})), {"id": "unreadable"}]})),
        call(("POST", "/v1/webhooks/emdash"), "/v1/webhooks/emdash", 202)
            .body(hook)
            .header("authorization", format!("Bearer {}", server.emdash_token)),
        call(("POST", "/v1/webhooks/emdash-forms/{secret}"), format!("{forms}/{}", server.forms_secret), 202)
            .body(form),
        stripe_call("/v1/webhooks/stripe", SECRET, &plan),
        stripe_call("/v1/webhooks/stripe-connect", CONNECT_SECRET, &account),
        call(("GET", "/api/referral/link"), "/api/referral/link", 200).header("cookie", "astro-session=x"),
        call(("POST", "/api/referral/generate"), "/api/referral/generate", 201).header("cookie", "astro-session=x"),
        call(("POST", "/v1/partners"), "/v1/partners", 201).body(
            json!({"program": "user-referral", "external_id": "new", "website": "https://a.example", "country": "de"}),
        ),
    ]
}

/// Partners, links, programs, runs and reports.
fn books(held: &Held) -> Vec<Call> {
    let Held { partner, code, run, run_preview, document, .. } = held;
    let get = |path: &'static str| call(("GET", path), path, 200);
    vec![
        call(("GET", "/v1/partners/{id}"), format!("/v1/partners/{partner}"), 200).unknown("/v1/partners/nobody"),
        call(
            ("GET", "/v1/partners/{id}/balance-transactions"),
            format!("/v1/partners/{partner}/balance-transactions"),
            200,
        )
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
        call(("GET", "/v1/run-previews/{id}"), format!("/v1/run-previews/{run_preview}"), 200)
            .unknown("/v1/run-previews/none"),
        call(("GET", "/v1/runs/{id}"), format!("/v1/runs/{run}"), 200).unknown("/v1/runs/none"),
        get("/v1/ledger/transfers"),
        get("/v1/ledger/checks"),
        get("/v1/ledger/verify"),
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
    ]
}

/// Lists, and changes of what they list.
fn lists(held: &Held) -> Vec<Call> {
    let Held { partner, code, .. } = held;
    let get = |path: &'static str| call(("GET", path), path, 200);
    vec![
        get("/v1/partners"),
        get("/v1/links"),
        get("/v1/accounts"),
        get("/v1/accruals"),
        get("/v1/invoices"),
        call(("GET", "/v1/attribution/search"), format!("/v1/attribution/search?code={code}"), 200),
        call(("PATCH", "/v1/partners/{id}"), format!("/v1/partners/{partner}"), 200)
            .body(json!({"notes": "met in May"}))
            .unknown("/v1/partners/nobody"),
        call(("PATCH", "/v1/links/{code}"), format!("/v1/links/{code}"), 200)
            .body(json!({"campaign": null}))
            .unknown("/v1/links/zzzzzzzz"),
    ]
}

/// Reviews, reward budgets, dry runs and economics.
fn decisions(held: &Held) -> Vec<Call> {
    let Held { partner, review, dry_run, .. } = held;
    let get = |path: &'static str| call(("GET", path), path, 200);
    vec![
        get("/v1/adjustments"),
        call(("POST", "/v1/adjustments"), "/v1/adjustments", 201)
            .body(json!({"partner": held.partner, "amount_cents": 100, "note": "a bonus", "reason": "agreed by phone"})),
        call(("GET", "/v1/adjustments/{id}"), format!("/v1/adjustments/{}", held.adjustment), 200)
            .unknown("/v1/adjustments/none"),
        // It is booked already.
        call(("POST", "/v1/adjustments/{id}"), format!("/v1/adjustments/{}", held.adjustment), 409)
            .body(json!({"decision": "reject", "reason": "too late"}))
            .unknown("/v1/adjustments/none"),
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
        call(("GET", "/v1/dry-runs/{id}"), format!("/v1/dry-runs/{dry_run}"), 200).unknown("/v1/dry-runs/none"),
        call(("POST", "/v1/accounts/{id}/reassign"), "/v1/accounts/friend/reassign", 200)
            .body(json!({"program": "agency-partner", "partner": partner, "reason": "it is the agency's client"}))
            .unknown("/v1/accounts/nobody/reassign"),
        call(("POST", "/v1/reconciliations"), "/v1/reconciliations", 200)
            .body(json!({"as_of": "2026-06-01T00:00:00Z", "repair": true, "accounts": [{"id": "nobody", "subscriptions": []}]})),
        get("/v1/audit"),
        get("/v1/outbox"),
    ]
}

/// Payouts and credits.
fn payouts(held: &Held) -> Vec<Call> {
    let Held { partner, run, payouts, .. } = held;
    let get = |path: &'static str| call(("GET", path), path, 200);
    vec![
        get("/v1/payouts"),
        payout_call("GET", "/v1/payouts/{id}", &payouts.paid, json!(null)),
        payout_call("GET", "/v1/payouts/{id}/accruals", &payouts.paid, json!(null)),
        payout_call("POST", "/v1/payouts/{id}/hold", &payouts.planned, json!({"reason": "to be sure"})),
        payout_call("POST", "/v1/payouts/{id}/release", &payouts.planned, json!({"reason": "it is right"})),
        payout_call("POST", "/v1/payouts/{id}/cancel", &payouts.planned, json!({"reason": "asked for"})),
        payout_call("POST", "/v1/payouts/{id}/resolve", &payouts.other, json!({"decision": "again", "reason": "so"})),
        Call {
            status: 201,
            ..payout_call(
                "POST",
                "/v1/payouts/{id}/reversals",
                &payouts.paid,
                json!({"amount_cents": 100, "reason": "so"}),
            )
        },
        get("/v1/unexpected-transfers"),
        // Stripe reported none.
        call(("POST", "/v1/unexpected-transfers/{id}"), "/v1/unexpected-transfers/tr_none", 404)
            .body(json!({"reason": "a bonus"})),
        get("/v1/failed-events"),
        // None failed.
        call(("POST", "/v1/failed-events/{id}"), "/v1/failed-events/evt_none", 404)
            .body(json!({"reason": "sent by hand"})),
        call(("GET", "/v1/reports/payouts"), "/v1/reports/payouts?year=2025", 200),
        call(("POST", "/v1/runs/{id}/approve"), format!("/v1/runs/{run}/approve"), 200)
            .body(json!({"reason": "compared"}))
            .unknown("/v1/runs/none/approve"),
        call(("GET", "/v1/runs/{id}/report"), format!("/v1/runs/{run}/report"), 200).unknown("/v1/runs/none/report"),
        payout_call("POST", "/v1/partners/{id}/suspend", partner, json!({"reason": "looked into"})),
        payout_call("POST", "/v1/partners/{id}/ban", partner, json!({"reason": "looked into"})),
        payout_call("POST", "/v1/partners/{id}/reinstate", partner, json!({"reason": "cleared up"})),
        call(("POST", "/v1/partners/{id}/onboarding"), format!("/v1/partners/{partner}/onboarding"), 200)
            .body(json!({"country": "US"}))
            .unknown("/v1/partners/nobody/onboarding"),
        call(("POST", "/v1/partners/{id}/dashboard"), format!("/v1/partners/{partner}/dashboard"), 200)
            .body(json!({}))
            .unknown("/v1/partners/nobody/dashboard"),
        call(("GET", "/v1/credits"), format!("/v1/credits?partner={}", held.referrer), 200)
            .unknown("/v1/credits?partner=nobody"),
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
    ]
}

/// Messages, endpoints, and public routes.
fn messages(held: &Held) -> Vec<Call> {
    let Held { message, endpoint, .. } = held;
    let get = |path: &'static str| call(("GET", path), path, 200);
    vec![
        // No email service is configured, so the message waits, but naming the recipient is valid anyway.
        call(("POST", "/v1/outbox/{id}/replay"), format!("/v1/outbox/{message}/replay"), 200)
            .body(json!({"reason": "to be sure", "target": "partner"}))
            .unknown("/v1/outbox/none/replay"),
        get("/v1/webhook-endpoints"),
        call(("POST", "/v1/webhook-endpoints"), "/v1/webhook-endpoints", 201)
            .body(json!({"url": "https://hooks.invalid.example/y"})),
        call(("DELETE", "/v1/webhook-endpoints/{id}"), format!("/v1/webhook-endpoints/{endpoint}"), 200)
            .unknown("/v1/webhook-endpoints/none"),
        get("/healthz"),
        get("/openapi.json"),
        get("/program.schema.json"),
    ]
}

/// What is stored about people, and erasing it: last, because little is left to call about them.
fn people(held: &Held) -> Vec<Call> {
    let of = |method: &'static str, route: &'static str, id: &str| {
        call((method, route), route.replace("{id}", id), 200).unknown(route.replace("{id}", "nobody"))
    };
    vec![
        of("GET", "/v1/partners/{id}/data", &held.partner),
        of("GET", "/v1/accounts/{id}/data", "friend"),
        of("POST", "/v1/accounts/{id}/erase", "friend").body(json!({})),
        of("POST", "/v1/partners/{id}/erase", &held.partner).body(json!({})),
        call(("POST", "/v1/visitors/{id}/erase"), "/v1/visitors/vis_1/erase", 200).body(json!({})),
    ]
}

pub fn redeem_call(partner: &str) -> Call {
    call(("POST", "/v1/credits/redeem"), "/v1/credits/redeem", 201)
        .body(json!({"partner": partner, "amount_cents": 100, "reason": "an order"}))
        .header("idempotency-key", "order-2")
}

pub fn payout_call(method: &'static str, route: &'static str, id: &str, body: Value) -> Call {
    let call = call((method, route), route.replace("{id}", id), 200).unknown(route.replace("{id}", "none"));
    if body.is_null() { call } else { call.body(body) }
}

fn stripe_call(path: &'static str, secret: &str, event: &Value) -> Call {
    let signature = stripe_signature(secret, crate::client::now_ms() / 1_000, event.to_string().as_bytes());
    call(("POST", path), path, 200).body(event.clone()).header("stripe-signature", signature)
}
