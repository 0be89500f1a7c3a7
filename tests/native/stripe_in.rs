//! Stripe's events as it sends them, signed, through the route: what they come to in the books, in either shape,
//! repeated, reordered, and with accounts that become known before or after.

mod bodies;
mod fixture;

use bodies::*;
use fixture::{CONNECT_SECRET, SECRET, StripeFixture};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Subscribed and paid, and whatever `more` says, by one customer whose account signed up by a code before.
fn known(more: &[Value]) -> StripeFixture {
    let fixture = StripeFixture::new();
    fixture.host_signs_up("acct_1", Some("ann@example.org"), None);
    for body in more {
        fixture.stripe(body);
    }
    fixture
}

#[test]
fn subscribe_and_pay_in_both_shapes() {
    for shape in [Shape::Old, Shape::New] {
        let fixture =
            known(&[subscription("evt_s", "created", "active", 5_000), invoice(shape, "evt_i", "in_1", 10_000, 1_900)]);
        assert_eq!(fixture.pending(), 2_000, "20 % of what was paid without tax");
        assert_eq!(fixture.number("SELECT COUNT(*) FROM event WHERE source = 'stripe' AND account_id = 'acct_1'"), 2);
        assert_eq!(fixture.text("SELECT matched_by FROM stripe_customer"), "email");
        fixture.sound();
    }
}

#[test]
fn the_answer_says_what_became_of_it() {
    let fixture = known(&[]);
    let told = fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(
        (&told["event"], &told["type"], &told["outcome"]),
        (&json!("evt_i"), &json!("invoice.paid"), &json!("applied"))
    );
    assert_eq!(told["facts"][0]["account"], "acct_1");
    assert_eq!(told["facts"][0]["accruals"][0]["net_cents"], 2_000);
    let told = fixture.stripe(&invoice(Shape::New, "evt_0", "in_0", 0, 0));
    assert_eq!((&told["outcome"], &told["facts"]), (&json!("ignored"), &json!([])), "a trial's invoice");
    assert_eq!(fixture.stripe(&event("evt_p", "plan.created", &json!({"id": "plan_1"})))["outcome"], "ignored");
    assert_eq!(fixture.pending(), 2_000);
}

#[test]
fn refunds_take_their_share_and_failed_ones_give_it_back() {
    let paid = [invoice(Shape::New, "evt_i", "in_1", 10_000, 2_000), payment_of("evt_p", "in_1", "pi_1")];
    for (more, left) in [
        // Half of what was charged, tax included, is half of the commission.
        (vec![refund("evt_r", "refund.created", "re_1", 6_000, "succeeded")], 1_000),
        (vec![refund("evt_r", "refund.created", "re_1", 12_000, "succeeded")], 0),
        (
            vec![
                refund("evt_r", "refund.created", "re_1", 6_000, "pending"),
                refund("evt_u", "refund.updated", "re_1", 6_000, "succeeded"),
            ],
            1_000,
        ),
        (
            vec![
                refund("evt_r", "refund.created", "re_1", 6_000, "pending"),
                refund("evt_f", "refund.failed", "re_1", 6_000, "failed"),
            ],
            2_000,
        ),
        (
            vec![
                refund("evt_a", "refund.created", "re_1", 3_000, "succeeded"),
                refund("evt_b", "refund.created", "re_2", 3_000, "succeeded"),
            ],
            1_000,
        ),
        // The charge says its sum, with the refund and without.
        (vec![charge_refunded("evt_c", 6_000, None)], 1_000),
        (
            vec![charge_refunded("evt_c", 6_000, None), refund("evt_r", "refund.created", "re_1", 6_000, "succeeded")],
            1_000,
        ),
        (vec![charge_refunded("evt_c", 3_000, None), charge_refunded("evt_d", 6_000, None)], 1_000),
        (
            vec![
                charge_refunded("evt_c", 6_000, Some(&[("re_1", 6_000, "succeeded")])),
                refund("evt_r", "refund.created", "re_1", 6_000, "succeeded"),
            ],
            1_000,
        ),
        (
            vec![
                charge_refunded("evt_c", 6_000, None),
                refund("evt_r", "refund.created", "re_1", 6_000, "pending"),
                refund("evt_f", "refund.failed", "re_1", 6_000, "failed"),
            ],
            2_000,
        ),
    ] {
        for order in [false, true] {
            let mut all: Vec<Value> = paid.iter().chain(&more).cloned().collect();
            if order {
                all.reverse();
            }
            let fixture = known(&all);
            assert_eq!(fixture.pending(), left, "{more:#?}");
            assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_waiting"), 0);
            fixture.sound();
        }
    }
}

#[test]
fn disputes_freeze_take_and_give_back() {
    let paid = [invoice(Shape::Old, "evt_i", "in_1", 10_000, 0)];
    for (more, state, left) in [
        (vec![dispute("evt_1", "created", "needs_response", 0)], "disputed", 2_000),
        (
            vec![
                dispute("evt_1", "created", "needs_response", 0),
                dispute("evt_2", "funds_withdrawn", "needs_response", 0),
            ],
            "reversed",
            0,
        ),
        (
            vec![
                dispute("evt_1", "created", "needs_response", 0),
                dispute("evt_2", "funds_withdrawn", "needs_response", 0),
                dispute("evt_3", "funds_reinstated", "won", 60),
                dispute("evt_4", "closed", "won", 60),
            ],
            "pending",
            2_000,
        ),
        (
            vec![
                dispute("evt_1", "created", "needs_response", 0),
                dispute("evt_2", "funds_withdrawn", "needs_response", 0),
                dispute("evt_3", "closed", "lost", 60),
            ],
            "reversed",
            0,
        ),
        (
            vec![
                dispute("evt_1", "created", "warning_needs_response", 0),
                dispute("evt_2", "closed", "warning_closed", 60),
            ],
            "pending",
            2_000,
        ),
    ] {
        for order in [false, true] {
            let mut all: Vec<Value> = paid.iter().chain(&more).cloned().collect();
            if order {
                all.reverse();
            }
            let fixture = known(&all);
            assert_eq!(fixture.pending(), left, "{more:#?}");
            assert_eq!(fixture.text("SELECT state FROM accrual"), state, "{more:#?}");
            fixture.sound();
        }
    }
}

#[test]
fn a_delivery_that_comes_a_hundred_times_changes_nothing() {
    let all = [
        subscription("evt_s", "created", "active", 5_000),
        invoice(Shape::New, "evt_i", "in_1", 10_000, 0),
        payment_of("evt_p", "in_1", "pi_1"),
        refund("evt_r", "refund.created", "re_1", 5_000, "succeeded"),
        charge_refunded("evt_c", 5_000, Some(&[("re_1", 5_000, "succeeded")])),
        dispute("evt_d", "created", "needs_response", 0),
    ];
    let fixture = known(&[]);
    let first: Vec<Value> = all.iter().map(|body| fixture.stripe(body)).collect();
    let (pending, transfers) = (fixture.pending(), fixture.number("SELECT COUNT(*) FROM transfer"));
    for round in 0..100 {
        for (body, first) in all.iter().zip(&first) {
            let mut again = body.clone();
            again["pending_webhooks"] = json!(round);
            assert_eq!(fixture.stripe(&again), *first, "a repeat is told the first outcome");
        }
    }
    assert_eq!((fixture.pending(), fixture.number("SELECT COUNT(*) FROM transfer")), (pending, transfers));
    let mut other = all[1].clone();
    other["data"]["object"]["amount_paid"] = json!(99);
    let (status, problem) = fixture.deliver("stripe", SECRET, &other, 0);
    assert_eq!((status, &problem["code"]), (409, &json!("event_id_reused")));
    fixture.sound();
}

#[test]
fn an_invoice_waits_for_its_sign_up() {
    for claims in [false, true] {
        let fixture = StripeFixture::new();
        let told = fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
        assert_eq!(told["facts"][0]["account"], "cus_1", "it stands for itself");
        fixture.stripe(&subscription("evt_s", "created", "active", 5_000));
        assert_eq!(fixture.pending(), 0);
        let (email, customer) = if claims { (None, Some("cus_1")) } else { (Some("Ann@example.org"), None) };
        fixture.host_signs_up("acct_1", email, customer);
        assert_eq!(fixture.pending(), 2_000);
        assert_eq!(fixture.number("SELECT COUNT(*) FROM event WHERE account_id = 'acct_1'"), 3);
        assert_eq!(
            fixture.number("SELECT COUNT(*) FROM stripe_customer WHERE needs_recompute_since_ms IS NOT NULL"),
            0
        );
        fixture.sound();
    }
}

#[test]
fn a_checkout_is_a_sign_up_where_there_is_none() {
    let fixture = StripeFixture::new();
    fixture.stripe(&checkout("evt_c", &fixture.token(), "new@example.org"));
    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.pending(), 2_000);
    assert_eq!(fixture.text("SELECT account_id FROM binding WHERE partner_id IS NOT NULL"), "cus_1");
    // The host says who it is: all of it moves there, the sign-up too.
    fixture.host_says("evt_h", "account.signed_up", "acct_9", &json!({"account": {"email": "new@example.org"}}));
    assert_eq!(fixture.pending(), 2_000);
    assert_eq!(fixture.text("SELECT account_id FROM binding WHERE partner_id IS NOT NULL"), "acct_9");
    assert_eq!(fixture.number("SELECT COUNT(*) FROM binding WHERE account_id = 'cus_1'"), 0);
    fixture.sound();
    // One who signed up before is not moved by a later token.
    let fixture = StripeFixture::new();
    fixture.host_says("evt_h", "account.signed_up", "acct_9", &json!({"account": {"email": "new@example.org"}}));
    fixture.stripe(&checkout("evt_c", &fixture.token(), "new@example.org"));
    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.pending(), 0);
    assert_eq!(fixture.number("SELECT COUNT(*) FROM event WHERE account_id = 'acct_9'"), 3);
}

#[test]
fn of_two_accounts_with_one_address_neither_is_guessed() {
    let fixture = known(&[]);
    fixture.host_signs_up("acct_2", Some("ann@example.org"), None);
    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.pending(), 0);
    assert_eq!(fixture.text("SELECT matched_by FROM stripe_customer"), "nobody");
    fixture.host_says("evt_h", "account.active", "acct_2", &json!({"data": {"stripe_customer": "cus_1"}}));
    assert_eq!(fixture.pending(), 2_000);
    assert_eq!(fixture.text("SELECT account_id FROM stripe_customer"), "acct_2");
    fixture.sound();
}

#[test]
fn a_second_account_of_the_address_takes_nothing_away() {
    let fixture = known(&[invoice(Shape::New, "evt_i", "in_1", 10_000, 0)]);
    fixture.later(3_600);
    fixture.host_says("evt_h", "account.signed_up", "acct_2", &json!({"account": {"email": "ann@example.org"}}));
    fixture.stripe(&invoice(Shape::New, "evt_j", "in_2", 10_000, 0));
    assert_eq!(fixture.pending(), 4_000);
    assert_eq!(fixture.text("SELECT account_id FROM stripe_customer"), "acct_1");
}

#[test]
fn a_refund_waits_for_its_invoice_or_asks_for_it() {
    let paid = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
    let back = refund("evt_r", "refund.created", "re_1", 10_000, "succeeded");
    let fixture = known(std::slice::from_ref(&paid));
    assert_eq!(fixture.stripe(&back)["outcome"], "waiting");
    assert_eq!(fixture.pending(), 2_000);
    fixture.stripe(&payment_of("evt_p", "in_1", "pi_1"));
    assert_eq!(fixture.pending(), 0);
    assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_waiting"), 0);
    fixture.sound();

    let fixture = known(&[paid]).with_key(|url| {
        assert!(
            url.contains("/v1/invoice_payments?payment%5Btype%5D=payment_intent&payment%5Bpayment_intent%5D=pi_1"),
            "{url}"
        );
        (200, json!({"data": [{"invoice": "in_1"}], "has_more": false}))
    });
    assert_eq!(fixture.stripe(&back)["outcome"], "applied");
    assert_eq!(fixture.pending(), 0);
    fixture.sound();

    let fixture = known(&[]).with_key(|_| (200, json!({"data": [], "has_more": false})));
    let told = fixture.stripe(&back);
    assert_eq!((&told["outcome"], &told["reason"]), (&json!("ignored"), &json!("its payment is not for an invoice")));
}

#[test]
fn the_sweep_asks_again_for_an_invoice_that_stripe_did_not_tell() {
    let fixture = known(&[invoice(Shape::New, "evt_i", "in_1", 10_000, 0)]).with_key(|_| (500, json!({})));
    assert_eq!(fixture.stripe(&refund("evt_r", "refund.created", "re_1", 10_000, "succeeded"))["outcome"], "waiting");
    let fixture = fixture.with_key(|url| {
        let found = match url {
            _ if url.contains("invoice_payments") => json!([{"invoice": "in_1"}]),
            _ if url.contains("subscriptions") => json!([{"id": "sub_1", "customer": "cus_1", "status": "active"}]),
            _ => json!([]),
        };
        (200, json!({"data": found, "has_more": false}))
    });
    fixture.sweep();
    assert_eq!(fixture.pending(), 2_000, "it asked a moment ago");
    fixture.later(7 * 3_600);
    fixture.sweep();
    assert_eq!(fixture.pending(), 0);
    fixture.sound();
}

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
fn a_missed_event_that_breaks_something_keeps_no_other_out() {
    let fixture = known(&[]).with_key(move |url| {
        let events = [("evt_1", "in_1"), ("evt_2", "in_2")].map(|(id, of)| invoice(Shape::New, id, of, 10_000, 0));
        let page = if url.contains("/v1/events") { json!(events) } else { json!([]) };
        (200, json!({"data": page, "has_more": false}))
    });
    fixture.run(
        "CREATE TEMP TRIGGER broken BEFORE INSERT ON event WHEN NEW.invoice_id = 'in_1' BEGIN SELECT json('{'); END",
    );
    let told = fixture.try_sweep().expect_err("it is told");
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
fn a_missed_event_is_found_behind_thousands_that_are_known() {
    let missed = invoice(Shape::New, "evt_missed", "in_2", 10_000, 0);
    let fixture = known(&[invoice(Shape::New, "evt_i", "in_1", 10_000, 0)]).with_key(move |url| {
        if !url.contains("/v1/events") {
            return (200, json!({"data": [], "has_more": false}));
        }
        assert!(url.contains("&types%5B%5D=invoice.paid&"), "only what is of use is asked for: {url}");
        // Every one of them failed at another endpoint; here they are known.
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
fn a_test_event_of_a_live_accounts_partner_is_answered_and_let_lie() {
    // Stripe sends the live endpoint of connected accounts what they do in test mode, too.
    let fixture = StripeFixture::new().with_key_of("sk_live_x", |_| (500, json!({})));
    fixture.payee("acct_7");
    let mut body = event(
        "evt_a",
        "account.updated",
        &json!({"id": "acct_7", "payouts_enabled": true, "capabilities": {"transfers": "active"}}),
    );
    body["account"] = json!("acct_7");
    let (status, told) = fixture.deliver("stripe-connect", CONNECT_SECRET, &body, 0);
    assert_eq!((status, &told["outcome"]), (200, &json!("ignored")), "{told}");
    assert_eq!(fixture.number("SELECT payouts_enabled FROM payee"), 0);
    assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_event"), 0);
    body["livemode"] = json!(true);
    assert_eq!(fixture.deliver("stripe-connect", CONNECT_SECRET, &body, 0).1["outcome"], "applied");
    // A test installation is told of live ones by mistake alone.
    let fixture = StripeFixture::new();
    assert_eq!(fixture.deliver("stripe-connect", CONNECT_SECRET, &body, 0).0, 422);
}

#[test]
fn a_dispute_that_was_prevented_freezes_nothing_and_gives_nothing_back() {
    let paid = invoice(Shape::Old, "evt_i", "in_1", 10_000, 0);
    let opened = dispute("evt_1", "created", "needs_response", 0);
    let prevented = dispute("evt_9", "closed", "prevented", 60);
    let withdrawn = dispute("evt_2", "funds_withdrawn", "prevented", 0);
    for (more, state, left) in [
        (vec![dispute("evt_1", "created", "prevented", 0)], "pending", 2_000),
        (vec![opened.clone(), prevented.clone()], "pending", 2_000),
        // Where money moved all the same, it is gone.
        (vec![opened, withdrawn, prevented], "reversed", 0),
    ] {
        for order in [false, true] {
            let mut all: Vec<Value> = std::iter::once(&paid).chain(&more).cloned().collect();
            if order {
                all.reverse();
            }
            let fixture = known(&all);
            assert_eq!(
                (fixture.pending(), fixture.text("SELECT state FROM accrual").as_str()),
                (left, state),
                "{more:#?}"
            );
            fixture.sound();
        }
    }
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
    fixture.host_says("evt_h", "subscription.started", "acct_1", &json!({"data": {"subscription_id": "other_1"}}));
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
fn with_few_statements_what_was_missed_comes_in_sweep_by_sweep() {
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
        // Pages of two.
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
    assert_eq!(fixture.number(repaired), SUBSCRIPTIONS as i64 - 1, "all but the one that the invoices told");
    assert_eq!(fixture.number("SELECT COUNT(*) FROM job_cursor"), 0, "both are through");
    fixture.sound();
}

#[test]
fn a_subscription_that_rests_is_not_called_cancelled() {
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
fn more_subscriptions_than_can_be_compared_are_said_to_be() {
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
fn an_account_whose_events_were_missed_is_asked_for_once_a_day() {
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
    assert_eq!(fixture.asked("/v1/accounts"), 1, "who can be paid is not asked for");
    // A key that may not read accounts keeps nothing else from being done.
    let fixture = StripeFixture::new().with_key(|url| match url.contains("/v1/accounts") {
        true => (403, json!({"error": {"type": "invalid_request_error", "message": "no"}})),
        false => (200, json!({"data": [], "has_more": false})),
    });
    fixture.payee("acct_7");
    fixture.sweep();
    assert_eq!(fixture.number("SELECT COUNT(*) FROM heartbeat WHERE job = 'stripe_missed'"), 1);
}

#[test]
fn whoever_signs_badly_is_refused() {
    let fixture = known(&[]);
    let body = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
    for (path, secret, age, code) in [
        ("stripe", "whsec_of_somebody_else_entirely_0000", 0, "webhook_signature_mismatch"),
        ("stripe", CONNECT_SECRET, 0, "webhook_signature_mismatch"),
        ("stripe-connect", SECRET, 0, "webhook_signature_mismatch"),
        ("stripe", SECRET, 301, "webhook_timestamp_too_old"),
        ("stripe", SECRET, -301, "webhook_timestamp_too_far_ahead"),
    ] {
        let (status, problem) = fixture.deliver(path, secret, &body, age);
        assert_eq!((status, problem["code"].as_str()), (401, Some(code)));
    }
    assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_event"), 0);
    for age in [300, -300] {
        assert_eq!(fixture.deliver("stripe", SECRET, &body, age).0, 200);
    }
}

#[test]
fn the_mode_must_be_that_of_the_key_or_of_the_secret() {
    let mut live = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
    live["livemode"] = json!(true);
    let test = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
    let wrong = |(status, problem): (u16, Value)| (status, problem["code"].as_str().map(str::to_owned));
    let mismatch = (422, Some("stripe_mode_mismatch".to_owned()));
    let fixture = known(&[]);
    assert_eq!(
        wrong(fixture.deliver("stripe", SECRET, &live, 0)),
        mismatch,
        "a secret is a test endpoint's unless it says live:"
    );
    assert_eq!(fixture.deliver("stripe", fixture::LIVE_SECRET, &live, 0).0, 200);
    let fixture = known(&[]).with_key_of("sk_live_x", |_| (500, json!({})));
    assert_eq!(wrong(fixture.deliver("stripe", SECRET, &test, 0)), mismatch);
    assert_eq!(fixture.deliver("stripe", SECRET, &live, 0).0, 200);
    let fixture = known(&[]).with_key(|_| (500, json!({})));
    assert_eq!(wrong(fixture.deliver("stripe", fixture::LIVE_SECRET, &live, 0)), mismatch, "the key decides");
}

#[test]
fn what_connected_accounts_can_do_is_kept() {
    let fixture = StripeFixture::new();
    fixture.payee("acct_7");
    let account = |due: &[&str], created: i64| {
        let mut body = event(
            "evt_a",
            "account.updated",
            &json!({"id": "acct_7", "payouts_enabled": due.is_empty(),
            "capabilities": {"transfers": "active"}, "country": "DE", "default_currency": "eur",
            "requirements": {"currently_due": due}}),
        );
        body["account"] = json!("acct_7");
        body["id"] = json!(format!("evt_a{created}"));
        body["created"] = json!(CREATED + created);
        body
    };
    assert_eq!(
        fixture.deliver("stripe-connect", CONNECT_SECRET, &account(&["external_account"], 5), 0).1["outcome"],
        "applied"
    );
    assert_eq!(
        fixture.text("SELECT currently_due || payouts_enabled || country || currency FROM payee"),
        "[\"external_account\"]0DEeur"
    );
    fixture.deliver("stripe-connect", CONNECT_SECRET, &account(&[], 9), 0);
    fixture.deliver("stripe-connect", CONNECT_SECRET, &account(&["late"], 7), 0);
    assert_eq!(fixture.text("SELECT currently_due || payouts_enabled FROM payee"), "[]1", "the latest word stands");
    let mut theirs = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
    theirs["account"] = json!("acct_7");
    for (path, secret) in [("stripe-connect", CONNECT_SECRET), ("stripe", SECRET)] {
        theirs["id"] = json!(format!("evt_{path}"));
        assert_eq!(fixture.deliver(path, secret, &theirs, 0).1["outcome"], "ignored", "what they sell is theirs");
    }
}

#[test]
fn a_fault_at_any_call_leaves_what_a_second_delivery_completes() {
    // Each kind of way into the books once: the enumeration tells the story some hundred times.
    let all: Vec<Told> = [0, 2, 3, 4, 6, 8, 12, 13].map(|i| story()[i].clone()).to_vec();
    let whole = {
        let fixture = StripeFixture::new();
        fixture.tell(&all);
        fixture.books()
    };
    for after in [false, true] {
        for call in 0.. {
            let fixture = StripeFixture::new();
            let reached = fixture.tell_with_fault(&all, call, after);
            fixture.sweep();
            assert_eq!(fixture.books(), whole, "call {call}, written: {after}");
            fixture.sound();
            if !reached {
                break;
            }
        }
    }
}

/// A year in small: two customers, one of whom the host knows late, by every kind of fact.
fn story() -> Vec<Told> {
    let of = |mut body: Value, customer: &str, email: &str| {
        body["data"]["object"]["customer"] = json!(customer);
        if body["type"] == "invoice.paid" {
            body["data"]["object"]["customer_email"] = json!(email);
            body["data"]["object"]["payment_intent"] = json!(format!("pi_{customer}"));
            body["data"]["object"]["charge"] = json!(format!("ch_{customer}"));
        }
        Told::Stripe(body)
    };
    vec![
        Told::SignUp("acct_1", Some("ann@example.org"), None),
        Told::Stripe(subscription("evt_01", "created", "active", 5_000)),
        Told::Stripe(invoice(Shape::New, "evt_02", "in_1", 10_000, 2_000)),
        Told::Stripe(payment_of("evt_03", "in_1", "pi_1")),
        Told::Stripe(refund("evt_04", "refund.created", "re_1", 6_000, "pending")),
        Told::Stripe(refund("evt_05", "refund.failed", "re_1", 6_000, "failed")),
        Told::Stripe(charge_refunded("evt_06", 6_000, None)),
        Told::Stripe(refund("evt_07", "refund.created", "re_2", 3_000, "succeeded")),
        of(invoice(Shape::Old, "evt_08", "in_2", 7_777, 0), "cus_2", "bob@example.org"),
        Told::Stripe(dispute("evt_09", "created", "needs_response", 0)),
        Told::Stripe(dispute("evt_10", "funds_withdrawn", "needs_response", 0)),
        Told::Stripe(dispute("evt_11", "closed", "won", 90)),
        Told::Checkout("evt_12", "cus_2", "bob@example.org"),
        Told::SignUp("acct_2", Some("bob@example.org"), None),
        Told::SignUp("acct_3", Some("third@example.org"), Some("cus_3")),
        of(invoice(Shape::New, "evt_13", "in_3", 4_444, 0), "cus_3", "ann@example.org"),
        of(subscription("evt_14", "deleted", "canceled", 0), "cus_3", ""),
    ]
}

/// One company: its checkout binds its domain, a colleague follows by it, and the host says late who is who.
fn company() -> Vec<Told> {
    let of = |mut body: Value, customer: &str, email: &str| {
        body["data"]["object"]["customer"] = json!(customer);
        body["data"]["object"]["customer_email"] = json!(email);
        Told::Stripe(body)
    };
    vec![
        Told::Checkout("evt_1", "cus_1", "ann@corp.example"),
        of(invoice(Shape::New, "evt_2", "in_1", 90_000, 0), "cus_1", "ann@corp.example"),
        Told::Plain("acct_1", "ann@corp.example", 50),
        Told::Plain("acct_2", "bob@corp.example", 10),
        of(invoice(Shape::New, "evt_3", "in_2", 80_000, 0), "cus_2", "bob@corp.example"),
        Told::Plain("acct_3", "eve@corp.example", -90),
        of(invoice(Shape::New, "evt_4", "in_3", 70_000, 0), "cus_3", "eve@corp.example"),
        of(invoice(Shape::New, "evt_5", "in_4", 60_000, 0), "cus_1", "billing@corp.example"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_order_comes_to_the_same(order in Just((0..17usize).collect::<Vec<_>>()).prop_shuffle()) {
        let all = story();
        let straight = StripeFixture::new();
        straight.tell(&all);
        let shuffled = StripeFixture::new();
        let told: Vec<Told> = order.iter().map(|i| all[*i].clone()).collect();
        shuffled.tell(&told);
        prop_assert_eq!(shuffled.books(), straight.books());
        shuffled.sound();
        let tight = StripeFixture::new().tight();
        tight.tell(&told);
        prop_assert_eq!(tight.cut_off.get(), 0, "each is taken at its first delivery");
        tight.catch_up();
        prop_assert_eq!(tight.books(), straight.books());
        tight.sound();
    }

    #[test]
    fn any_order_of_a_company_comes_to_the_same(order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle()) {
        let all = company();
        let straight = StripeFixture::of("developer-affiliate");
        straight.tell(&all);
        prop_assert!(straight.pending() > 0);
        let shuffled = StripeFixture::of("developer-affiliate");
        let told: Vec<Told> = order.iter().map(|i| all[*i].clone()).collect();
        shuffled.tell(&told);
        prop_assert_eq!(shuffled.books(), straight.books());
        shuffled.sound();
        let tight = StripeFixture::of("developer-affiliate").tight();
        tight.tell(&told);
        prop_assert_eq!(tight.cut_off.get(), 0, "each is taken at its first delivery");
        tight.catch_up();
        prop_assert_eq!(tight.books(), straight.books());
        tight.sound();
    }
}
