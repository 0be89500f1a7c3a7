//! Rarer shapes of the same events: customers that are accounts, payments recorded outside of Stripe, long
//! invoices, and several things within one second.

use super::payments::{expect, left, orders};
use super::*;

const DAY: i64 = 86_400;

#[test]
fn a_customer_can_be_an_account() {
    let as_account = |body: Value| with(body, &json!({"customer": null, "customer_account": "acct_v2"}));
    let fixture = known(&[
        as_account(subscription("evt_s", "created", "active", 50_000)),
        as_account(invoice(Shape::New, "evt_i", "in_1", 10_000, 0)),
    ]);
    assert_eq!(fixture.pending(), 50_000 + 2_000);
    assert_eq!(fixture.rows("SELECT id AS t FROM stripe_customer"), ["acct_v2"]);
    // Where both are named, the customer is the one that hosts know.
    fixture.stripe(&with(invoice(Shape::New, "evt_j", "in_2", 10_000, 0), &json!({"customer_account": "acct_v2"})));
    assert_eq!(fixture.rows("SELECT id AS t FROM stripe_customer ORDER BY id"), ["acct_v2", "cus_1"]);
    fixture.stripe(&as_account(one_time("evt_o", "completed", &json!({}))));
    assert_eq!(fixture.number("SELECT SUM(net_cents) FROM accrual"), 50_000 + 3 * 2_000);
    fixture.sound();
}

#[test]
fn a_credit_note_takes_back_what_was_refunded_of_payment_records() {
    let paid = invoice(Shape::New, "evt_1", "in_1", 10_000, 0);
    let recorded = |cents: i64| {
        json!({"type": "payment_record_refund", "refund": null, "amount_refunded": cents,
            "payment_record_refund": {"payment_record": "pr_1", "refund_group": "rg_1"}})
    };
    let linked = json!({"type": "refund", "refund": "re_1", "amount_refunded": 2_000, "payment_record_refund": null});
    let outside = note("evt_2", "created", &json!({"refunds": [recorded(3_000)], "post_payment_amount": 3_000}));
    expect(&[paid.clone(), outside.clone()], &[("in_1", 1_400)]);
    expect(
        &[paid.clone(), outside, note("evt_3", "voided", &json!({"refunds": [recorded(3_000)], "status": "void"}))],
        &[("in_1", 2_000)],
    );
    let all = json!({"refunds": [recorded(1_000), linked, recorded(500)], "out_of_band_amount": 1_500, "post_payment_amount": 5_000});
    let back = refund("evt_4", "refund.created", "re_1", 2_000, "succeeded");
    expect(&[paid, note("evt_2", "created", &all), payment_of("evt_3", "in_1", "pi_1"), back], &[("in_1", 1_000)]);
}

#[test]
fn a_credit_note_with_a_linked_refund_is_undone_in_any_order() {
    let fields = json!({"out_of_band_amount": 3_000, "refunds": [{"refund": "re_1", "amount_refunded": 2_000, "type": "refund"}]});
    let all = [
        invoice(Shape::Old, "evt_1", "in_1", 10_000, 2_500),
        note("evt_2", "created", &fields),
        note(
            "evt_3",
            "voided",
            &with(json!({"data": {"object": fields}}), &json!({"status": "void"}))["data"]["object"],
        ),
        refund("evt_4", "refund.created", "re_1", 2_000, "succeeded"),
        charge_refunded("evt_5", 2_000, None),
    ];
    // 2,000 of 12,500 are given back: 320 of 2,000.
    expect(&all, &[("in_1", 1_680)]);
}

#[test]
fn three_invoices_of_one_payment_are_refunded_in_steps() {
    let fixture = known(&[]);
    let due = [(1, 1_000), (2, 3_000), (3, 6_000)];
    for (n, cents) in due {
        fixture.stripe(&invoice(Shape::New, &format!("evt_i{n}"), &format!("in_{n}"), cents, 0));
        fixture.stripe(&part(&format!("evt_p{n}"), &format!("in_{n}"), "pi_1", cents));
    }
    let sum = |fixture: &StripeFixture| left(fixture).iter().map(|(_, cents)| *cents).collect::<Vec<_>>();
    fixture.stripe(&refund("evt_a", "refund.created", "re_1", 2_500, "succeeded"));
    assert_eq!(sum(&fixture), [150, 450, 900]);
    fixture.stripe(&refund("evt_b", "refund.created", "re_2", 2_500, "pending"));
    fixture.stripe(&charge_refunded("evt_c", 5_000, None));
    assert_eq!(sum(&fixture), [100, 300, 600]);
    fixture.stripe(&at(refund("evt_d", "refund.failed", "re_2", 2_500, "failed"), 60));
    assert_eq!(sum(&fixture), [150, 450, 900]);
    let lost =
        |id: &str, kind: &str, status: &str, later| with(dispute(id, kind, status, later), &json!({"amount": 5_000}));
    fixture.stripe(&lost("evt_e", "funds_withdrawn", "needs_response", 120));
    assert_eq!(sum(&fixture), [50, 150, 300]);
    fixture.stripe(&lost("evt_f", "closed", "won", 180));
    assert_eq!(sum(&fixture), [150, 450, 900]);
    fixture.stripe(&lost("evt_g", "funds_reinstated", "won", 180));
    assert_eq!(sum(&fixture), [150, 450, 900]);
    fixture.sound();
}

#[test]
fn overpayments_balances_and_tax_together() {
    let paid = |more: Value| with(invoice(Shape::New, "evt_1", "in_1", 10_000, 2_500), &more);
    let part = part("evt_2", "in_1", "pi_1", 15_000);
    let back = |cents| refund("evt_3", "refund.created", "re_1", cents, "succeeded");
    let over = paid(json!({"amount_paid": 15_000, "amount_due": 12_500, "amount_overpaid": 2_500}));
    expect(&[over.clone(), part.clone(), back(12_500)], &[("in_1", 0)]);
    expect(&[over, part, back(6_250)], &[("in_1", 1_000)]);
    // Half is paid from a balance: half of the net is the base. What was owed from before is nobody's base.
    expect(&[paid(json!({"amount_paid": 6_250, "amount_due": 6_250, "starting_balance": -6_250}))], &[("in_1", 1_000)]);
    expect(
        &[paid(json!({"amount_paid": 13_500, "amount_due": 13_500, "starting_balance": 1_000}))],
        &[("in_1", 2_000)],
    );
    // Paid outside of Stripe, it is paid all the same.
    expect(&[paid(json!({"amount_due": 12_500, "amount_paid_off_stripe": 12_500}))], &[("in_1", 2_000)]);
}

#[test]
fn an_invoice_item_names_its_subscription_in_every_version() {
    let line = |body: Value, line: Value| {
        with(body, &json!({"parent": null, "subscription": null, "lines": {"data": [line]}}))
    };
    let period = json!({"start": CREATED, "end": CREATED});
    let old = json!({"type": "invoiceitem", "amount": 10_000, "subscription": "sub_7", "period": period});
    let new = json!({"amount": 10_000, "period": period, "parent": {"type": "invoice_item_details",
        "subscription_item_details": null, "invoice_item_details": {"invoice_item": "ii_1", "subscription": "sub_7", "proration": false}}});
    for (shape, of) in [(Shape::Old, old), (Shape::New, new)] {
        let fixture = known(&[line(invoice(shape, "evt_1", "in_1", 10_000, 0), of)]);
        let sql = "SELECT payload ->> '$.\"invoice.paid\".subscription_id' FROM event WHERE id = 'evt_1'";
        assert_eq!(fixture.text(sql), "sub_7", "{shape:?}");
    }
}

#[test]
fn a_long_invoice_counts_the_months_of_all_its_lines() {
    let line = |n: usize, days: i64, cents: i64| {
        json!({"id": format!("il_{n}"), "amount": cents, "period": {"start": CREATED, "end": CREATED + days * DAY},
            "parent": {"type": "invoice_item_details", "invoice_item_details": {"proration": false}}})
    };
    let mut all: Vec<Value> = (0..10).map(|n| line(n, 0, 100)).collect();
    let mut body = invoice(Shape::New, "evt_i", "in_1", 61_000, 0);
    body["data"]["object"]["lines"] = json!({"data": all, "has_more": true});
    let months = "SELECT payload ->> '$.\"invoice.paid\".months' FROM event WHERE id = 'evt_i'";
    let without_key = known(&[]);
    let told = without_key.stripe(&body);
    assert_eq!((&told["outcome"], without_key.number(months)), (&json!("applied"), 1), "{told}");
    assert!(told["reason"].as_str().is_some_and(|why| why.contains("does not list all of its lines")), "{told}");
    assert_eq!(without_key.stripe(&body), told);

    all.push(line(10, 365, 60_000));
    let fixture = known(&[]).with_key(move |url| {
        assert!(url.contains("/v1/invoices/in_1/lines?limit=20"), "{url}");
        let page = if url.contains("starting_after=il_9") { &all[10..] } else { &all[..10] };
        (200, json!({"data": page, "has_more": !url.contains("starting_after")}))
    });
    let told = fixture.stripe(&body);
    assert_eq!((&told["reason"], fixture.number(months)), (&json!(null), 12), "{told}");
    assert_eq!((fixture.stripe(&body), fixture.asked("/lines")), (told, 2), "a repeat asks for nothing");
    assert_eq!(fixture.pending(), 12_200);
    fixture.sound();
}

#[test]
fn a_thin_event_is_about_its_own_time() {
    let now = |more: Value| {
        let mut object = subscription("evt_x", "updated", "canceled", 50_000)["data"]["object"].clone();
        object.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
        object
    };
    let thin = |id: &str, kind: &str, at: &str| {
        json!({"id": id, "object": "v2.core.event", "type": format!("v1.customer.subscription.{kind}"), "created": at,
            "livemode": false, "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"}})
    };
    // All of it is read after the end, on the 70th day.
    let object = now(json!({"ended_at": CREATED + 20 * DAY, "canceled_at": CREATED + 20 * DAY}));
    let events = [
        thin("evt_a", "created", "2026-06-01T00:00:00Z"),
        thin("evt_b", "updated", "2026-06-05T00:00:00Z"),
        thin("evt_c", "deleted", "2026-06-21T00:00:00Z"),
        with(
            invoice(Shape::New, "evt_i", "in_1", 10_000, 0),
            &json!({"status_transitions": {"paid_at": CREATED + 6 * DAY}}),
        ),
    ]
    .map(|body| if body["id"] == "evt_i" { at(body, 6 * DAY) } else { body });
    for order in orders(&events) {
        let object = object.clone();
        let fixture = known(&[]).with_key(move |_| (200, object.clone()));
        order.iter().for_each(|body| drop(fixture.stripe(body)));
        let spans = fixture.rows(&format!(
            "SELECT ((from_ms / 1000 - {CREATED}) / {DAY}) || '-' || IFNULL((to_ms / 1000 - {CREATED}) / {DAY}, '') || ' ' || annual_cents AS t FROM revenue_span"
        ));
        assert_eq!(spans, ["6-20 600000"]);
        fixture.sound();
    }
}

#[test]
fn four_facts_of_one_second_go_by_their_kind() {
    // It moves to another subscription and pays for it, in every order of ids.
    let ids = [json!("evt_1"), json!("evt_2"), json!("evt_3"), json!("evt_4")];
    let of = |body: Value, id: &Value, sub: &str| {
        let mut body = with(at(body, DAY), &json!({"id": sub}));
        body["id"] = id.clone();
        body
    };
    for ids in orders(&ids) {
        let mut paid = at(invoice(Shape::New, "evt", "in_2", 10_000, 0), DAY);
        paid["id"] = ids[0].clone();
        paid["data"]["object"]["status_transitions"]["paid_at"] = json!(CREATED + DAY);
        paid["data"]["object"]["parent"]["subscription_details"]["subscription"] = json!("sub_2");
        let mut all = [
            paid,
            of(subscription("evt", "created", "active", 5_000), &ids[1], "sub_2"),
            of(subscription("evt", "deleted", "canceled", 5_000), &ids[2], "sub_1"),
            of(subscription("evt", "updated", "canceled", 5_000), &ids[3], "sub_1"),
        ];
        for _ in 0..2 {
            all.reverse();
            let fixture = known(&[
                subscription("evt_a", "created", "active", 5_000),
                invoice(Shape::New, "evt_b", "in_1", 10_000, 0),
            ]);
            all.iter().for_each(|body| drop(fixture.stripe(body)));
            assert_eq!(left(&fixture).iter().map(|(_, cents)| *cents).collect::<Vec<_>>(), [2_000, 2_000], "{ids:?}");
            fixture.sound();
        }
    }
}

#[test]
fn dunning_ends_as_it_may() {
    let was = |body: Value, status: &str, later: i64| {
        let mut body = at(body, later);
        body["data"]["previous_attributes"] = json!({"status": status});
        body
    };
    let paid = |id: &str, invoice_id: &str, later: i64| {
        with(
            at(invoice(Shape::New, id, invoice_id, 10_000, 0), later),
            &json!({"status_transitions": {"paid_at": CREATED + later}}),
        )
    };
    let start = [subscription("evt_s", "created", "trialing", 5_000), paid("evt_i", "in_1", 0)];
    let end = [
        was(subscription("evt_a", "updated", "past_due", 5_000), "trialing", DAY),
        was(subscription("evt_b", "updated", "unpaid", 5_000), "past_due", 2 * DAY),
        was(subscription("evt_c", "deleted", "canceled", 5_000), "unpaid", 3 * DAY),
    ];
    for order in orders(&[&end[..], &[paid("evt_d", "in_2", 4 * DAY)]].concat()) {
        let fixture = known(&[&start[..], &order[..]].concat());
        assert_eq!(
            fixture.rows("SELECT DISTINCT state AS t FROM accrual"),
            ["void"],
            "the late payment is of the same period"
        );
        fixture.sound();
    }
    // Past due and never more: it goes on.
    let fixture = known(&[&start[..], &end[..1], &[paid("evt_d", "in_2", 4 * DAY)]].concat());
    assert_eq!(fixture.pending(), 4_000);
    // A first payment that never came, after another that did.
    let mut expired = was(subscription("evt_e", "updated", "incomplete_expired", 5_000), "incomplete", DAY);
    expired["data"]["object"]["id"] = json!("sub_0");
    fixture.stripe(&expired);
    assert_eq!(fixture.pending(), 4_000);
    fixture.sound();
}

#[test]
fn a_one_time_checkout_in_all_its_outcomes() {
    let own = |changes: Value| known(&[one_time("evt_1", "completed", &changes)]);
    let foreign = own(json!({"currency": "JPY"}));
    assert_eq!((foreign.pending(), foreign.rows("SELECT subject AS t FROM review")), (0, vec!["jpy".to_owned()]));
    assert_eq!(
        own(json!({"mode": "setup", "payment_status": "no_payment_required", "amount_total": null})).pending(),
        0
    );
    for kind in ["expired", "async_payment_failed"] {
        let fixture = known(&[one_time("evt_1", kind, &json!({"payment_status": "unpaid"}))]);
        assert_eq!(fixture.number("SELECT COUNT(*) FROM event WHERE source = 'stripe'"), 0);
    }
    let later = one_time("evt_2", "async_payment_succeeded", &json!({}));
    let unpaid = one_time("evt_1", "completed", &json!({"payment_status": "unpaid"}));
    expect(
        &[unpaid, later, charge_refunded("evt_3", 6_200, None), dispute("evt_4", "created", "needs_response", 0)],
        &[("pi_1", 1_000)],
    );
}

#[test]
fn a_body_of_exactly_a_mebibyte_is_read() {
    let sized = |bytes: usize| {
        let mut body = invoice(Shape::New, "evt_i", "in_1", 10_000, 0);
        body["data"]["object"]["footer"] = json!("");
        let rest = bytes - body.to_string().len();
        body["data"]["object"]["footer"] = json!("x".repeat(rest));
        assert_eq!(body.to_string().len(), bytes);
        body
    };
    let fixture = known(&[]);
    for (bytes, want) in [(1_048_575, 200), (1_048_576, 200), (1_048_577, 413)] {
        assert_eq!(fixture.deliver("stripe", SECRET, &sized(bytes), 0).0, want, "{bytes}");
        let connected =
            json!({"id": "evt_c", "type": "charge.succeeded", "account": "acct_1", "x": "x".repeat(bytes - 73)});
        assert!(connected.to_string().len().abs_diff(bytes) < 20);
    }
}

#[test]
fn a_foreign_payment_before_the_sign_up_is_listed() {
    for (before, listed) in [(3_600, true), (DAY, true), (DAY + 1, false)] {
        let fixture = StripeFixture::new();
        fixture.stripe(&with(invoice(Shape::New, "evt_i", "in_1", 10_000, 0), &json!({"currency": "eur"})));
        fixture.stripe(&with(subscription("evt_s", "created", "active", 5_000), &json!({"currency": "eur"})));
        fixture.host_at("evt_h", "account.signed_up", "acct_1", CREATED + before, &json!({
            "account": {"email": "ann@example.org"}, "attribution": {"code": fixture.code()}, "data": {"stripe_customer": "cus_1"},
        }));
        fixture.catch_up_customers();
        let reviewed = fixture.number("SELECT COUNT(*) FROM review") == 1;
        assert_eq!(
            (reviewed, fixture.other_amounts("acct_1")),
            (listed, if listed { vec!["in_1".to_owned()] } else { Vec::new() }),
            "{before}"
        );
    }
}
