//! Stripe's events as Stripe sends them, signed, through the route: their effect on the ledger in both shapes,
//! repeated, reordered, and with accounts that become known before or after.

mod bodies;
mod compared;
mod delivery;
mod failed;
mod fixture;
mod generated;
mod life;
mod missed;
mod payments;
mod priced;
mod real_shapes;
mod refunds_disputes;
mod shuffled;
mod siblings;
mod worth;

use bodies::*;
use fixture::{CONNECT_SECRET, SECRET, StripeFixture};
use proptest::prelude::*;
use serde_json::{Value, json};

/// One customer subscribed and paid, plus the facts in `more`. The customer's account signed up with a code before.
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
fn the_response_reports_the_result() {
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
fn a_delivery_repeated_a_hundred_times_changes_nothing() {
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
            assert_eq!(fixture.stripe(&again), *first, "a repeat gets the first result");
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
fn a_checkout_counts_as_the_sign_up_if_there_was_none() {
    let fixture = StripeFixture::new();
    fixture.stripe(&checkout("evt_c", &fixture.token(), "new@example.org"));
    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.pending(), 2_000);
    assert_eq!(fixture.text("SELECT account_id FROM binding WHERE partner_id IS NOT NULL"), "cus_1");
    // The host identifies the customer: everything moves to that account, including the sign-up.
    fixture.host_sends("evt_h", "account.signed_up", "acct_9", &json!({"account": {"email": "new@example.org"}}));
    assert_eq!(fixture.pending(), 2_000);
    assert_eq!(fixture.text("SELECT account_id FROM binding WHERE partner_id IS NOT NULL"), "acct_9");
    assert_eq!(fixture.number("SELECT COUNT(*) FROM binding WHERE account_id = 'cus_1'"), 0);
    fixture.sound();
    // An account that signed up before is not reassigned by a later token.
    let fixture = StripeFixture::new();
    fixture.host_sends("evt_h", "account.signed_up", "acct_9", &json!({"account": {"email": "new@example.org"}}));
    fixture.stripe(&checkout("evt_c", &fixture.token(), "new@example.org"));
    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.pending(), 0);
    assert_eq!(fixture.number("SELECT COUNT(*) FROM event WHERE account_id = 'acct_9'"), 3);
}

#[test]
fn two_accounts_with_one_address_are_not_guessed_between() {
    let fixture = known(&[]);
    fixture.host_signs_up("acct_2", Some("ann@example.org"), None);
    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.pending(), 0);
    assert_eq!(fixture.text("SELECT matched_by FROM stripe_customer"), "nobody");
    fixture.host_sends("evt_h", "account.active", "acct_2", &json!({"data": {"stripe_customer": "cus_1"}}));
    assert_eq!(fixture.pending(), 2_000);
    assert_eq!(fixture.text("SELECT account_id FROM stripe_customer"), "acct_2");
    fixture.sound();
}

#[test]
fn usage_under_a_customers_id_says_whose_customer_it_is() {
    let fixture = StripeFixture::new();
    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.text("SELECT matched_by FROM stripe_customer"), "nobody");
    fixture.host_sends("evt_a", "account.active", "cus_1", &json!({"data": {"api_calls": 1}}));
    assert_eq!(fixture.text("SELECT state FROM event WHERE id = 'evt_a'"), "moot");
    assert_eq!(fixture.text("SELECT matched_by FROM stripe_customer"), "id");
    fixture.sound();
}

#[test]
fn a_second_account_with_the_address_takes_nothing_away() {
    let fixture = known(&[invoice(Shape::New, "evt_i", "in_1", 10_000, 0)]);
    fixture.later(3_600);
    fixture.host_sends("evt_h", "account.signed_up", "acct_2", &json!({"account": {"email": "ann@example.org"}}));
    fixture.stripe(&invoice(Shape::New, "evt_j", "in_2", 10_000, 0));
    assert_eq!(fixture.pending(), 4_000);
    assert_eq!(fixture.text("SELECT account_id FROM stripe_customer"), "acct_1");
}

#[test]
fn a_test_event_of_a_live_connected_account_is_ignored() {
    // Stripe sends test-mode events of connected accounts to the live endpoint, too.
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
    // A test installation receives live events only by mistake.
    let fixture = StripeFixture::new();
    assert_eq!(fixture.deliver("stripe-connect", CONNECT_SECRET, &body, 0).0, 422);
}

#[test]
fn invalid_signatures_are_refused() {
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
fn the_mode_must_match_the_key_or_the_secret() {
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
fn connected_account_capabilities_are_stored() {
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
    assert_eq!(fixture.text("SELECT currently_due || payouts_enabled FROM payee"), "[]1", "the latest event counts");
    let mut theirs = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
    theirs["account"] = json!("acct_7");
    for (path, secret) in [("stripe-connect", CONNECT_SECRET), ("stripe", SECRET)] {
        theirs["id"] = json!(format!("evt_{path}"));
        assert_eq!(fixture.deliver(path, secret, &theirs, 0).1["outcome"], "ignored", "what they sell is theirs");
    }
}

#[test]
fn a_second_delivery_completes_after_a_fault_at_any_call() {
    // One event of each type, because the enumeration repeats the story hundreds of times.
    let all: Vec<StoryStep> = [0, 2, 3, 4, 6, 8, 12, 13, 17, 18].map(|i| story()[i].clone()).to_vec();
    let whole = {
        let fixture = StripeFixture::new();
        fixture.tell(&all);
        fixture.books()
    };
    for after in [false, true] {
        for call in 0.. {
            let fixture = StripeFixture::new();
            let reached = fixture.send_with_fault(&all, call, after);
            // A customer that a sweep joins leaves marks for the next one.
            fixture.sweep();
            fixture.sweep();
            assert_eq!(fixture.books(), whole, "call {call}, written: {after}");
            fixture.sound();
            if !reached {
                break;
            }
        }
    }
}

/// A small year: two customers, one of whom the host identifies late, with every type of fact.
fn story() -> Vec<StoryStep> {
    let of = |mut body: Value, customer: &str, email: &str| {
        body["data"]["object"]["customer"] = json!(customer);
        if body["type"] == "invoice.paid" {
            body["data"]["object"]["customer_email"] = json!(email);
            body["data"]["object"]["payment_intent"] = json!(format!("pi_{customer}"));
            body["data"]["object"]["charge"] = json!(format!("ch_{customer}"));
        }
        StoryStep::Stripe(body)
    };
    vec![
        StoryStep::SignUp("acct_1", Some("ann@example.org"), None),
        StoryStep::Stripe(subscription("evt_01", "created", "active", 5_000)),
        StoryStep::Stripe(invoice(Shape::New, "evt_02", "in_1", 10_000, 2_000)),
        StoryStep::Stripe(payment_of("evt_03", "in_1", "pi_1")),
        StoryStep::Stripe(refund("evt_04", "refund.created", "re_1", 6_000, "pending")),
        StoryStep::Stripe(refund("evt_05", "refund.failed", "re_1", 6_000, "failed")),
        StoryStep::Stripe(charge_refunded("evt_06", 6_000, None)),
        StoryStep::Stripe(refund("evt_07", "refund.created", "re_2", 3_000, "succeeded")),
        of(invoice(Shape::Old, "evt_08", "in_2", 7_777, 0), "cus_2", "bob@example.org"),
        StoryStep::Stripe(dispute("evt_09", "created", "needs_response", 0)),
        StoryStep::Stripe(dispute("evt_10", "funds_withdrawn", "needs_response", 0)),
        StoryStep::Stripe(dispute("evt_11", "closed", "won", 90)),
        StoryStep::Checkout("evt_12", "cus_2", "bob@example.org"),
        StoryStep::SignUp("acct_2", Some("bob@example.org"), None),
        StoryStep::SignUp("acct_3", Some("third@example.org"), Some("cus_3")),
        of(invoice(Shape::New, "evt_13", "in_3", 4_444, 0), "cus_3", "ann@example.org"),
        of(subscription("evt_14", "deleted", "canceled", 0), "cus_3", ""),
        // The payment of the first invoice paid a part of another one, too.
        StoryStep::Stripe(invoice(Shape::New, "evt_15", "in_4", 5_000, 0)),
        StoryStep::Stripe(part("evt_16", "in_4", "pi_1", 4_000)),
        StoryStep::Stripe(note("evt_17", "created", &json!({"out_of_band_amount": 1_000}))),
        StoryStep::Stripe(with(
            one_time("evt_18", "completed", &json!({"payment_intent": "pi_once"})),
            &json!({"customer": "cus_2", "customer_details": {"email": "bob@example.org"}}),
        )),
    ]
}

/// One company: its checkout binds its domain, a colleague follows by the domain, and the host identifies them late.
fn company() -> Vec<StoryStep> {
    let of = |mut body: Value, customer: &str, email: &str| {
        body["data"]["object"]["customer"] = json!(customer);
        body["data"]["object"]["customer_email"] = json!(email);
        StoryStep::Stripe(body)
    };
    vec![
        StoryStep::Checkout("evt_1", "cus_1", "ann@corp.example"),
        of(invoice(Shape::New, "evt_2", "in_1", 90_000, 0), "cus_1", "ann@corp.example"),
        StoryStep::Plain("acct_1", "ann@corp.example", 50),
        StoryStep::Plain("acct_2", "bob@corp.example", 10),
        of(invoice(Shape::New, "evt_3", "in_2", 80_000, 0), "cus_2", "bob@corp.example"),
        StoryStep::Plain("acct_3", "eve@corp.example", -90),
        of(invoice(Shape::New, "evt_4", "in_3", 70_000, 0), "cus_3", "eve@corp.example"),
        of(invoice(Shape::New, "evt_5", "in_4", 60_000, 0), "cus_1", "billing@corp.example"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_order_gives_the_same_result(order in Just((0..21usize).collect::<Vec<_>>()).prop_shuffle()) {
        let all = story();
        let straight = StripeFixture::new();
        straight.tell(&all);
        let shuffled = StripeFixture::new();
        let told: Vec<StoryStep> = order.iter().map(|i| all[*i].clone()).collect();
        shuffled.tell(&told);
        prop_assert_eq!(shuffled.books(), straight.books());
        shuffled.sound();
        let tight = StripeFixture::new().tight();
        tight.tell(&told);
        // The one-time checkout has two facts, and each can need an invocation of its own.
        prop_assert!(tight.cut_off.get() <= 1, "each other event is taken at its first delivery");
        tight.catch_up();
        prop_assert_eq!(tight.books(), straight.books());
        tight.sound();
    }

    #[test]
    fn any_order_of_a_companys_events_gives_the_same_result(order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle()) {
        let all = company();
        let straight = StripeFixture::of("developer-affiliate");
        straight.tell(&all);
        prop_assert!(straight.pending() > 0);
        let shuffled = StripeFixture::of("developer-affiliate");
        let told: Vec<StoryStep> = order.iter().map(|i| all[*i].clone()).collect();
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
