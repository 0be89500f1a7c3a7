//! Events that no endpoint accepted are fetched once a day, and subscriptions are compared once a month.

use super::*;

#[test]
fn missed_events_are_fetched_once_a_day() {
    let missed = [
        invoice(Shape::New, "evt_i", "in_1", 10_000, 0),
        subscription("evt_s", "created", "active", 5_000),
        json!({"id": "evt_bad", "type": "invoice.paid"}),
    ];
    let fixture = known(&missed[..1]).with_key(move |url| {
        if url.contains("/v1/subscriptions") {
            return (200, json!({"data": [], "has_more": false}));
        }
        assert!(url.contains("delivery_success=false"), "{url}");
        let second = url.contains("starting_after=evt_i");
        let page = if second { &missed[1..] } else { &missed[..1] };
        (200, json!({"data": page, "has_more": !second}))
    });
    fixture.sweep();
    assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_event"), 2);
    assert_eq!(fixture.asked("/v1/events"), 2);
    fixture.later(600);
    fixture.sweep();
    assert_eq!(fixture.asked("/v1/events"), 2, "not again today");
    fixture.later(86_400);
    fixture.sweep();
    assert_eq!(fixture.asked("/v1/events"), 4);
    fixture.sound();
}

#[test]
fn after_a_restoration_all_events_since_the_backup_are_fetched_once() {
    let paid = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
    let transfer = json!({"object": "transfer", "id": "tr_lost", "amount": 500, "currency": "usd", "destination": "acct_1",
        "created": 1_760_000_000, "amount_reversed": 0, "transfer_group": "po_lost"});
    let made = json!({"id": "evt_t", "object": "event", "type": "transfer.created", "created": 1_760_000_000, "livemode": false,
        "api_version": "2025-06-30.basil", "data": {"object": transfer}});
    let fixture = known(&[]).with_key(move |url| {
        if !url.contains("/v1/events") {
            return (200, json!({"data": [], "has_more": false}));
        }
        assert!(url.contains("created%5Bgte%5D="), "{url}");
        let of_transfers = url.contains("transfer.created");
        assert!(of_transfers != url.contains("invoice.paid") && url.matches("types%5B%5D=").count() <= 20, "{url}");
        let all = !url.contains("delivery_success");
        let page = if !all {
            json!([])
        } else if of_transfers {
            json!([made])
        } else {
            json!([paid])
        };
        (200, json!({"data": page, "has_more": false}))
    });
    fixture.run("INSERT INTO restoration VALUES (1, 0)");
    fixture.sweep();
    assert_eq!(
        (fixture.asked("/v1/events"), fixture.pending()),
        (1, 2_000),
        "what was accepted before is fetched again"
    );
    fixture.later(600);
    fixture.sweep();
    assert_eq!(fixture.number("SELECT COUNT(*) FROM unexpected_transfer WHERE id = 'tr_lost'"), 1);
    fixture.later(600);
    fixture.sweep();
    assert_eq!(fixture.asked("delivery_success=false"), 1, "then as before");
    fixture.later(600);
    fixture.sweep();
    assert_eq!(fixture.asked("/v1/events"), 3);
    fixture.sound();
}

#[test]
fn after_a_restoration_an_event_that_fails_is_tried_again_until_it_is_taken_in() {
    let fixture = known(&[]).with_key(move |url| {
        let paid = invoice(Shape::New, "evt_1", "in_1", 10_000, 0);
        if url.contains("/v1/events/evt_1") {
            return (200, paid);
        }
        // The lost database had accepted it, so it is in the one list that is read after the restoration.
        let is_listed =
            url.contains("/v1/events?") && url.contains("invoice.paid") && !url.contains("delivery_success");
        let page = if is_listed { json!([paid]) } else { json!([]) };
        (200, json!({"data": page, "has_more": false}))
    });
    fixture.run("INSERT INTO restoration VALUES (1, 0)");
    fixture.run(
        "CREATE TEMP TRIGGER broken BEFORE INSERT ON event WHEN NEW.invoice_id = 'in_1' BEGIN SELECT json('{'); END",
    );
    assert!(fixture.try_sweep().is_err(), "it is reported");
    for _ in 0..3 {
        fixture.later(600);
        let _ = fixture.try_sweep();
    }
    let again = fixture.asked("/v1/events/evt_1");
    fixture.run("DROP TRIGGER broken");
    fixture.later(86_400);
    fixture.sweep();
    assert_eq!(fixture.pending(), 2_000, "a later sweep takes it in");
    assert_eq!(again, 2, "the pause becomes longer");
    assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_failure"), 0, "and operators no longer see it");
    assert_eq!(fixture.number("SELECT COUNT(*) FROM heartbeat WHERE job = 'stripe_missed'"), 1, "nothing was blocked");
    fixture.sound();
}

#[test]
fn an_event_that_stripe_no_longer_has_stays_a_failure_that_operators_see() {
    let fixture = known(&[]).with_key(|url| {
        if url.contains("/v1/events/evt_1") {
            let gone = json!({"type": "invalid_request_error", "code": "resource_missing", "message": "No such event"});
            return (404, json!({"error": gone}));
        }
        (200, json!({"data": [], "has_more": false}))
    });
    fixture.sweep();
    fixture.run(
        "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms)
         VALUES ('evt_1', 'invoice.paid', 'database_fault', 1, 0, 4102444800000)",
    );
    fixture.later(600);
    assert!(fixture.try_sweep().is_err(), "it is reported");
    let noted = fixture.text("SELECT reason || tries FROM stripe_failure");
    assert_eq!(noted, "stripe_refused2");
    // What the webhook delivers after all is no failure any longer.
    fixture.stripe(&invoice(Shape::New, "evt_1", "in_1", 10_000, 0));
    assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_failure"), 0);
    fixture.sound();
}

#[test]
fn a_failing_missed_event_does_not_block_others() {
    let fixture = known(&[]).with_key(move |url| {
        let events = [("evt_1", "in_1"), ("evt_2", "in_2")].map(|(id, of)| invoice(Shape::New, id, of, 10_000, 0));
        let page = if url.contains("/v1/events") { json!(events) } else { json!([]) };
        (200, json!({"data": page, "has_more": false}))
    });
    fixture.run(
        "CREATE TEMP TRIGGER broken BEFORE INSERT ON event WHEN NEW.invoice_id = 'in_1' BEGIN SELECT json('{'); END",
    );
    let told = fixture.try_sweep().expect_err("it is reported");
    assert!(told.to_string().contains("malformed JSON"), "{told}");
    assert_eq!((fixture.number("SELECT COUNT(*) FROM stripe_event"), fixture.pending()), (1, 2_000));
    let beats = fixture.number("SELECT COUNT(*) FROM heartbeat WHERE job = 'stripe_missed'");
    assert_eq!(beats, 1, "the day's work is done, and the month's can follow");
    fixture.run("DROP TRIGGER broken");
    fixture.later(86_400);
    fixture.sweep();
    assert_eq!(fixture.pending(), 4_000, "tomorrow it is tried again");
    fixture.sound();
}

#[test]
fn a_missed_event_is_found_behind_thousands_of_known_ones() {
    let missed = invoice(Shape::New, "evt_missed", "in_2", 10_000, 0);
    let fixture = known(&[invoice(Shape::New, "evt_i", "in_1", 10_000, 0)]).with_key(move |url| {
        if !url.contains("/v1/events") {
            return (200, json!({"data": [], "has_more": false}));
        }
        assert!(url.contains("&types%5B%5D=invoice.paid&"), "only the relevant types are requested: {url}");
        // Each of them failed at another endpoint, but is known here.
        let page: i64 = url.split("starting_after=evt_k").nth(1).map_or(0, |n| n.parse().expect("a page"));
        let mut known = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
        if page == 24 {
            return (200, json!({"data": [missed.clone()], "has_more": false}));
        }
        let first = known.clone();
        known["id"] = json!(format!("evt_k{}", page + 1));
        known["type"] = json!("plan.created");
        (200, json!({"data": [first, known], "has_more": true}))
    });
    fixture.sweep();
    assert_eq!(fixture.asked("/v1/events"), 25);
    assert_eq!(fixture.pending(), 4_000);
    fixture.sound();
}

#[test]
fn subscriptions_are_compared_once_a_month() {
    let fixture =
        known(&[invoice(Shape::New, "evt_i", "in_1", 10_000, 0), subscription("evt_s", "created", "active", 5_000)]);
    let fixture = fixture.with_key(|url| {
        let runs = json!([{"id": "sub_2", "customer": "cus_1", "status": "active", "items": {"data": []}}]);
        let found = if url.contains("/v1/subscriptions") { runs } else { json!([]) };
        (200, json!({"data": found, "has_more": false}))
    });
    fixture.host_sends("evt_h", "subscription.started", "acct_1", &json!({"data": {"subscription_id": "other_1"}}));
    fixture.sweep();
    fixture.later(600);
    fixture.sweep();
    let report = fixture.text("SELECT after FROM audit WHERE action = 'stripe.reconcile'");
    let report: Value = serde_json::from_str(&report).expect("a report");
    let missed: Vec<(&str, &str)> = report["missed"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| (m["subscription_id"].as_str().unwrap_or(""), m["missed"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(missed, [("sub_1", "subscription.cancelled"), ("sub_2", "subscription.started")]);
    fixture.later(86_400);
    fixture.sweep();
    fixture.later(600);
    fixture.sweep();
    assert_eq!(fixture.asked("/v1/subscriptions"), 1, "not again this month");
    fixture.sound();
}

#[test]
fn with_few_statements_missed_events_arrive_over_several_sweeps() {
    const MISSED: usize = 12;
    const SUBSCRIPTIONS: usize = 7;
    let event = |n: usize| invoice(Shape::New, &format!("evt_m{n}"), &format!("in_m{n}"), 10_000, 0);
    let fixture = known(&[]).with_key(move |url| {
        if url.contains("/v1/subscriptions") {
            let one =
                |n| json!({"id": format!("sub_{n}"), "customer": "cus_1", "status": "active", "items": {"data": []}});
            let all: Vec<Value> = (0..SUBSCRIPTIONS).map(one).collect();
            return (200, json!({"data": all, "has_more": false}));
        }
        if !url.contains("/v1/events") {
            return (200, json!({"data": [], "has_more": false}));
        }
        // Two per page.
        let after = url.split("starting_after=evt_m").nth(1).map_or(0, |n| n.parse::<usize>().expect("a number") + 1);
        let page: Vec<Value> = (after..MISSED.min(after + 2)).map(event).collect();
        (200, json!({"data": page, "has_more": after + 2 < MISSED}))
    });
    let fixture = fixture.tight();
    let done = |job: &str| fixture.number(&format!("SELECT COUNT(*) FROM heartbeat WHERE job = '{job}'")) == 1;
    let mut sweeps = 0;
    while !done("stripe_missed") || !done("stripe_reconciled") {
        fixture.later(600);
        fixture.sweep();
        sweeps += 1;
        assert!(sweeps < 200, "{} events are in", fixture.number("SELECT COUNT(*) FROM stripe_event"));
    }
    println!("{MISSED} missed events and {SUBSCRIPTIONS} differences: {sweeps} sweeps");
    fixture.catch_up();
    assert_eq!(fixture.pending(), 2_000 * MISSED as i64);
    let repaired = "SELECT COUNT(*) FROM event WHERE source = 'reconciliation' AND type = 'subscription.started'";
    assert_eq!(fixture.number(repaired), SUBSCRIPTIONS as i64 - 1, "all except the one in the invoices");
    assert_eq!(fixture.number("SELECT COUNT(*) FROM job_cursor"), 0, "both are through");
    fixture.sound();
}

#[test]
fn a_paused_subscription_is_not_reported_as_canceled() {
    let fixture = known(&[
        invoice(Shape::New, "evt_i", "in_1", 10_000, 0),
        subscription("evt_s", "created", "active", 5_000),
        subscription("evt_u", "updated", "paused", 5_000),
    ]);
    let fixture = fixture.with_key(|url| {
        let rests = json!([{"id": "sub_1", "customer": "cus_1", "status": "paused", "items": {"data": []}}]);
        (200, json!({"data": if url.contains("/v1/subscriptions") { rests } else { json!([]) }, "has_more": false}))
    });
    fixture.sweep();
    fixture.later(600);
    fixture.sweep();
    let report = fixture.text("SELECT after FROM audit WHERE action = 'stripe.reconcile'");
    assert_eq!(serde_json::from_str::<Value>(&report).expect("a report")["missed"], json!([]));
    assert_eq!(fixture.number("SELECT COUNT(*) FROM event WHERE type = 'subscription.cancelled'"), 0);
    assert_eq!(fixture.pending(), 2_000);
    fixture.sound();
}

#[test]
fn too_many_subscriptions_to_compare_are_reported() {
    let fixture = known(&[]).with_key(|url| {
        let next = format!("sub_{}", url.len());
        (200, json!({"data": [{"id": next}], "has_more": url.contains("/v1/subscriptions")}))
    });
    fixture.sweep();
    fixture.later(600);
    fixture.sweep();
    assert_eq!(fixture.asked("/v1/subscriptions"), 200);
    let said =
        "SELECT COUNT(*) FROM audit WHERE action = 'stripe.reconcile' AND after LIKE '%POST /v1/reconciliations%'";
    assert_eq!(fixture.number(said), 1);
    fixture.later(600);
    fixture.sweep();
    assert_eq!(fixture.asked("/v1/subscriptions"), 200, "not again this month");
}

#[test]
fn an_account_with_missed_events_is_fetched_once_a_day() {
    let fixture = StripeFixture::new().with_key(|url| {
        if url.ends_with("/v1/accounts/acct_7") {
            let account = json!({"id": "acct_7", "object": "account", "payouts_enabled": true, "country": "DE",
                "capabilities": {"transfers": "active"}, "requirements": {"currently_due": []}});
            return (200, account);
        }
        (200, json!({"data": [], "has_more": false}))
    });
    fixture.payee("acct_7");
    fixture.sweep();
    assert_eq!(fixture.text("SELECT country || transfers_active || payouts_enabled FROM payee"), "DE11");
    fixture.later(86_400);
    fixture.sweep();
    assert_eq!(fixture.asked("/v1/accounts"), 1, "payable accounts are not fetched");
    // A key without permission to read accounts does not block anything else.
    let fixture = StripeFixture::new().with_key(|url| match url.contains("/v1/accounts") {
        true => (403, json!({"error": {"type": "invalid_request_error", "message": "no"}})),
        false => (200, json!({"data": [], "has_more": false})),
    });
    fixture.payee("acct_7");
    fixture.sweep();
    assert_eq!(fixture.number("SELECT COUNT(*) FROM heartbeat WHERE job = 'stripe_missed'"), 1);
}
