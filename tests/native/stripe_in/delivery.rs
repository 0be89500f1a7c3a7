//! Events that come without their object, that are long, or that nobody knows.

use super::*;

/// A thin event about an object of v1.
fn thin(id: &str, kind: &str, url: Option<&str>) -> Value {
    let related = url.map(|url| json!({"id": "in_1", "type": "invoice", "url": url}));
    json!({"id": id, "object": "v2.core.event", "type": kind, "created": "2026-06-01T00:00:00.000Z", "livemode": false,
        "context": null, "related_object": related, "reason": null})
}

#[test]
fn an_unknown_event_is_ignored_and_never_refused() {
    let fixture = known(&[]);
    for (n, mut body) in [
        thin("evt_t", "v1.billing.meter.error_report_triggered", Some("/v1/billing/meters/mtr_1")),
        thin("evt_t", "v2.core.account[requirements].updated", None),
        json!({"type": "who.knows", "object": "event"}),
        json!({"type": "who.knows", "object": "something.else", "data": [], "created": "?", "livemode": true}),
        json!({"type": "plan.created", "data": {"object": null}, "created": 1}),
        json!({"type": "account.application.authorized", "account": "acct_1", "data": {}}),
    ]
    .into_iter()
    .enumerate()
    {
        body["id"] = json!(format!("evt_{n}"));
        for (door, secret) in [("stripe", SECRET), ("stripe-connect", CONNECT_SECRET)] {
            let (status, told) = fixture.deliver(door, secret, &body, 0);
            assert_eq!((status, &told["outcome"]), (200, &json!("ignored")), "{door} {body}: {told}");
            assert!(told["reason"].is_string(), "{told}");
            fixture.later(1);
            assert_eq!(fixture.deliver(door, secret, &body, 0), (200, told), "a repeat");
        }
    }
    // A malformed event of a type that is used is still refused by the name of what is wrong.
    let mut broken = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
    broken["data"]["object"]["amount_paid"] = json!("much");
    let (status, problem) = fixture.deliver("stripe", SECRET, &broken, 0);
    assert_eq!((status, &problem["field"]), (422, &json!("data.object.amount_paid")), "{problem}");
    let (status, problem) = fixture.deliver("stripe", SECRET, &json!({"type": "invoice.paid"}), 0);
    assert_eq!((status, &problem["field"]), (422, &json!("id")), "{problem}");
}

#[test]
fn a_thin_event_is_used_with_the_object_that_it_names() {
    let paid = invoice(Shape::New, "evt_i", "in_1", 10_000, 0)["data"]["object"].clone();
    let fixture = known(&[]);
    let told = fixture.stripe(&thin("evt_1", "v1.invoice.paid", Some("/v1/invoices/in_1")));
    assert_eq!(told["outcome"], "ignored");
    assert!(told["reason"].as_str().is_some_and(|why| why.contains("STRIPE_API_KEY")), "{told}");

    let fixture = known(&[]).with_key(move |url| match url {
        _ if url.ends_with("/v1/invoices/in_1") => (200, paid.clone()),
        _ if url.ends_with("/v2/core/events/evt_2") => {
            (200, thin("evt_2", "v1.invoice.paid", Some("/v1/invoices/in_1")))
        }
        _ if url.ends_with("/v1/invoices/in_busy") => (500, json!({})),
        _ => (404, json!({"error": {"code": "resource_missing", "type": "invalid_request_error", "message": "No."}})),
    });
    let first = thin("evt_1", "v1.invoice.paid", Some("/v1/invoices/in_1"));
    assert_eq!(fixture.stripe(&first)["outcome"], "applied");
    assert_eq!(fixture.pending(), 2_000);
    assert_eq!(fixture.stripe(&first)["outcome"], "applied", "a repeat");
    assert_eq!(fixture.asked("/v1/invoices"), 1, "it is read once");
    let (status, _) =
        fixture.deliver("stripe", SECRET, &thin("evt_b", "v1.invoice.paid", Some("/v1/invoices/in_busy")), 0);
    assert_eq!(status, 503, "Stripe sends it again");
    for (id, url) in
        [("evt_3", Some("/v1/invoices/in_gone")), ("evt_4", None), ("evt_5", Some("https://other.example/v1/x"))]
    {
        let told = fixture.stripe(&thin(id, "v1.invoice.paid", url));
        assert_eq!(told["outcome"], "ignored", "{told}");
    }
    // Without a related object, Stripe's own copy says which it is.
    assert_eq!(fixture.stripe(&thin("evt_2", "v1.invoice.paid", None))["outcome"], "applied");
    assert_eq!(fixture.pending(), 2_000, "the same invoice");
    fixture.sound();
}

/// A dispute that was won, with so much evidence.
fn won(id: &str, evidence: usize) -> Value {
    let mut body = dispute(id, "funds_reinstated", "won", 60);
    body["data"]["object"]["evidence"] = json!({"uncategorized_text": "x".repeat(evidence)});
    body
}

#[test]
fn a_dispute_with_long_evidence_is_read() {
    let fixture = known(&[invoice(Shape::Old, "evt_i", "in_1", 10_000, 0)]);
    fixture.stripe(&dispute("evt_1", "funds_withdrawn", "needs_response", 0));
    assert_eq!(fixture.pending(), 0);
    fixture.stripe(&won("evt_2", 74_000));
    assert_eq!(fixture.pending(), 2_000);
    fixture.stripe(&won("evt_3", 1_000_000));
    let (status, problem) = fixture.deliver("stripe", SECRET, &won("evt_4", 1024 * 1024), 0);
    assert_eq!((status, &problem["code"]), (413, &json!("body_too_large")));
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("1048576")), "{problem}");
}

#[test]
fn the_look_for_missed_events_takes_pages_that_fit() {
    const LONG: usize = 900_000;
    let fixture = known(&[]).with_key(|url| {
        if !url.contains("/v1/events") {
            return (200, json!({"data": [], "has_more": false}));
        }
        // By itself it is as long.
        if url.contains("/v1/events/evt_3") {
            return (200, json!({"id": "evt_3", "footer": "x".repeat(3_000_000)}));
        }
        let number = |name: &str| url.split(name).nth(1).map(|n| n.split('&').next().unwrap_or("").to_owned());
        let limit: usize = number("limit=").and_then(|n| n.parse().ok()).expect("a limit");
        let after: usize = number("starting_after=evt_").map_or(0, |n| n.parse().expect("a number"));
        let one = |n: usize| {
            let mut body = invoice(Shape::New, &format!("evt_{n}"), &format!("in_{n}"), 10_000, 0);
            // The third is too long by itself, others only together.
            let length = if n == 3 { 3_000_000 } else { LONG };
            body["data"]["object"]["footer"] = json!("x".repeat(length));
            body
        };
        let page: Vec<Value> = (after + 1..=6.min(after + limit)).map(one).collect();
        (200, json!({"object": "list", "data": page, "has_more": after + limit < 6}))
    });
    let told = fixture.try_sweep().expect_err("the long one is reported").to_string();
    assert!(told.contains("evt_3"), "{told}");
    assert_eq!(fixture.pending(), 5 * 2_000, "all others are in");
    assert_eq!(
        fixture.number("SELECT COUNT(*) FROM heartbeat WHERE job = 'stripe_missed'"),
        1,
        "the day's work is done"
    );
    fixture.later(600);
    let told = fixture.try_sweep().expect_err("it is tried again").to_string();
    assert!(told.contains("evt_3"), "{told}");
    assert_eq!(fixture.text("SELECT id || ' ' || reason FROM stripe_failure"), "evt_3 stripe_event_too_long");
    fixture.sound();
}

#[test]
fn a_long_event_that_is_known_is_no_fault() {
    let fixture = known(&[invoice(Shape::New, "evt_1", "in_1", 10_000, 0)]).with_key(|url| {
        let mut body = invoice(Shape::New, "evt_1", "in_1", 10_000, 0);
        body["data"]["object"]["footer"] = json!("x".repeat(3_000_000));
        let page = if url.contains("/v1/events") && !url.contains("starting_after") { vec![body] } else { Vec::new() };
        (200, json!({"object": "list", "data": page, "has_more": false}))
    });
    fixture.sweep();
    assert_eq!(fixture.number("SELECT COUNT(*) FROM heartbeat WHERE job = 'stripe_missed'"), 1);
}
