//! Payments of several invoices, parts of invoices, too much, and money that was given back in other ways than refunds.

use super::*;

/// Every order of up to five bodies.
pub fn orders(all: &[Value]) -> Vec<Vec<Value>> {
    if all.len() < 2 {
        return vec![all.to_vec()];
    }
    (0..all.len())
        .flat_map(|first| {
            let mut rest = all.to_vec();
            let one = rest.remove(first);
            orders(&rest).into_iter().map(move |mut order| {
                order.insert(0, one.clone());
                order
            })
        })
        .collect()
}

/// What is left of each invoice's commission.
pub fn left(fixture: &StripeFixture) -> Vec<(String, i64)> {
    let text = fixture.text(
        "SELECT json_group_array(json_array(source, net_cents)) FROM (SELECT source, net_cents FROM accrual
         WHERE source GLOB 'invoice:*' ORDER BY source)",
    );
    serde_json::from_str(&text).expect("rows")
}

pub fn expect(all: &[Value], want: &[(&str, i64)]) {
    let want: Vec<(String, i64)> = want.iter().map(|(id, cents)| (format!("invoice:{id}"), *cents)).collect();
    for order in orders(all) {
        let ids: Vec<&Value> = order.iter().map(|body| &body["id"]).collect();
        let fixture = known(&order);
        assert_eq!(left(&fixture), want, "{ids:?}");
        assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_waiting"), 0);
        fixture.sound();
    }
}

fn two() -> [Value; 4] {
    [
        invoice(Shape::New, "evt_1", "in_1", 6_000, 0),
        invoice(Shape::New, "evt_2", "in_2", 4_000, 0),
        part("evt_3", "in_1", "pi_1", 6_000),
        part("evt_4", "in_2", "pi_1", 4_000),
    ]
}

fn and(all: &[Value], more: Value) -> Vec<Value> {
    all.iter().cloned().chain([more]).collect()
}

#[test]
fn a_payments_refund_goes_to_all_its_invoices() {
    let all = two();
    expect(&and(&all, refund("evt_5", "refund.created", "re_1", 10_000, "succeeded")), &[("in_1", 0), ("in_2", 0)]);
    expect(&and(&all, refund("evt_5", "refund.created", "re_1", 5_000, "succeeded")), &[("in_1", 600), ("in_2", 400)]);
    expect(&and(&all, charge_refunded("evt_5", 5_000, None)), &[("in_1", 600), ("in_2", 400)]);
    expect(&and(&all, dispute("evt_5", "funds_withdrawn", "lost", 0)), &[("in_1", 0), ("in_2", 0)]);
}

#[test]
fn a_failed_refund_is_restored_to_all_invoices() {
    let mut all = two()[2..].to_vec();
    all.insert(0, invoice(Shape::New, "evt_1", "in_1", 6_000, 0));
    all.push(refund("evt_5", "refund.created", "re_1", 10_000, "pending"));
    all.push(refund("evt_6", "refund.failed", "re_1", 10_000, "failed"));
    expect(&all, &[("in_1", 1_200)]);
}

#[test]
fn one_payments_total_does_not_hide_another_payments_refund() {
    let all = [
        invoice(Shape::New, "evt_1", "in_1", 10_000, 0),
        part("evt_2", "in_1", "pi_1", 6_000),
        part("evt_3", "in_1", "pi_2", 4_000),
        charge_refunded("evt_4", 3_000, None),
        with(
            refund("evt_5", "refund.created", "re_1", 2_000, "succeeded"),
            &json!({"payment_intent": "pi_2", "charge": null}),
        ),
    ];
    expect(&all, &[("in_1", 1_000)]);
}

#[test]
fn an_open_dispute_freezes_all_invoices_of_its_payment() {
    for order in orders(&and(&two(), dispute("evt_5", "created", "needs_response", 0))) {
        let fixture = known(&order);
        assert_eq!(fixture.number("SELECT COUNT(*) FROM accrual WHERE state = 'disputed'"), 2);
        fixture.sound();
    }
}

#[test]
fn shares_lose_no_cents_however_small_the_refunds_are() {
    // Three invoices of a third each, refunded in three steps that do not divide by three.
    let fixture = known(&[]);
    for n in 1..=3 {
        fixture.stripe(&invoice(Shape::New, &format!("evt_i{n}"), &format!("in_{n}"), 5_000, 0));
        fixture.stripe(&part(&format!("evt_p{n}"), &format!("in_{n}"), "pi_1", 5_000));
    }
    for (n, cents) in [(1, 4_999), (2, 5_000), (3, 5_001)] {
        fixture.stripe(&refund(&format!("evt_r{n}"), "refund.created", &format!("re_{n}"), cents, "succeeded"));
        fixture.sound();
    }
    assert_eq!(left(&fixture).iter().map(|(_, cents)| cents).sum::<i64>(), 0);
    // A cent left over goes to the smallest id.
    let fixture = known(&two());
    fixture.stripe(&refund("evt_5", "refund.created", "re_1", 8, "succeeded"));
    assert_eq!(left(&fixture), [("invoice:in_1".to_owned(), 1_199), ("invoice:in_2".to_owned(), 800)]);
}

#[test]
fn shares_survive_a_fault_at_any_call() {
    let [first, second, part_1, part_2] = two();
    let back = refund("evt_5", "refund.created", "re_1", 5_000, "succeeded");
    let bodies = [first, part_1, back, second, part_2];
    let mut all = vec![StoryStep::SignUp("acct_1", Some("ann@example.org"), None)];
    all.extend(bodies.map(StoryStep::Stripe));
    for after in [false, true] {
        for call in 0.. {
            let fixture = StripeFixture::new();
            let reached = fixture.send_with_fault(&all, call, after);
            fixture.sweep();
            assert_eq!(left(&fixture), [("invoice:in_1".to_owned(), 600), ("invoice:in_2".to_owned(), 400)], "{call}");
            fixture.sound();
            if !reached {
                break;
            }
        }
    }
    let tight = StripeFixture::new().tight();
    tight.tell(&all);
    assert_eq!(tight.cut_off.get(), 0, "each is taken at its first delivery");
    tight.catch_up();
    assert_eq!(left(&tight), [("invoice:in_1".to_owned(), 600), ("invoice:in_2".to_owned(), 400)]);
}

#[test]
fn payments_listed_in_an_invoice_say_what_they_paid() {
    let listed = |id: &str, of: &str, cents: i64| {
        let payments = json!({"data": [
            {"invoice": of, "status": "paid", "amount_paid": cents, "payment": {"payment_intent": "pi_1"}},
            {"invoice": of, "status": "canceled", "amount_paid": null, "payment": {"payment_intent": "pi_9"}},
        ]});
        with(invoice(Shape::New, id, of, cents, 0), &json!({"payments": payments}))
    };
    let all = [listed("evt_1", "in_1", 6_000), listed("evt_2", "in_2", 4_000)];
    expect(&and(&all, refund("evt_5", "refund.created", "re_1", 5_000, "succeeded")), &[("in_1", 600), ("in_2", 400)]);
}

#[test]
fn stripes_list_says_what_a_payment_paid() {
    let fixture = known(&[
        invoice(Shape::New, "evt_1", "in_1", 6_000, 0),
        invoice(Shape::New, "evt_2", "in_2", 4_000, 0),
    ])
    .with_key(|url| {
        let one = |id: &str, of: &str, cents: i64, status: &str| {
            json!({"id": id, "invoice": of, "amount_paid": cents, "status": status, "payment": {"payment_intent": "pi_1"}})
        };
        if url.contains("starting_after=inpay_1") {
            let page = [one("inpay_2", "in_2", 4_000, "paid"), one("inpay_3", "in_3", 9_000, "open")];
            return (200, json!({"data": page, "has_more": false}));
        }
        (200, json!({"data": [one("inpay_1", "in_1", 6_000, "paid")], "has_more": true}))
    });
    fixture.stripe(&refund("evt_5", "refund.created", "re_1", 5_000, "succeeded"));
    assert_eq!(left(&fixture), [("invoice:in_1".to_owned(), 600), ("invoice:in_2".to_owned(), 400)]);
    fixture.sound();
}

#[test]
fn an_invoice_with_several_payments_loses_what_each_gives_back() {
    let all = [
        invoice(Shape::New, "evt_1", "in_1", 10_000, 0),
        part("evt_2", "in_1", "pi_1", 6_000),
        part("evt_3", "in_1", "pi_2", 4_000),
        refund("evt_4", "refund.created", "re_1", 6_000, "succeeded"),
    ];
    expect(&all, &[("in_1", 800)]);
    let second = with(
        refund("evt_5", "refund.created", "re_2", 4_000, "succeeded"),
        &json!({"payment_intent": "pi_2", "charge": "ch_2"}),
    );
    expect(&and(&all, second), &[("in_1", 0)]);
}

#[test]
fn amounts_that_nobody_states_count_as_the_whole() {
    let all = [
        invoice(Shape::New, "evt_1", "in_1", 6_000, 0),
        invoice(Shape::New, "evt_2", "in_2", 4_000, 0),
        payment_of("evt_3", "in_1", "pi_1"),
        payment_of("evt_4", "in_2", "pi_1"),
        refund("evt_5", "refund.created", "re_1", 5_000, "succeeded"),
    ];
    expect(&all, &[("in_1", 600), ("in_2", 400)]);
}

#[test]
fn what_was_paid_beyond_the_invoice_is_nobodys_base() {
    for more in
        [json!({"amount_paid": 12_000}), json!({"amount_paid": 12_000, "amount_due": 10_000, "amount_overpaid": 2_000})]
    {
        let paid = with(invoice(Shape::New, "evt_1", "in_1", 10_000, 0), &more);
        let all = [
            paid,
            part("evt_2", "in_1", "pi_1", 12_000),
            refund("evt_3", "refund.created", "re_1", 10_000, "succeeded"),
        ];
        expect(&all[..2], &[("in_1", 2_000)]);
        expect(&all, &[("in_1", 0)]);
    }
}

#[test]
fn a_credit_note_takes_back_what_was_given_back_outside_of_stripe() {
    let paid = invoice(Shape::New, "evt_1", "in_1", 10_000, 0);
    let outside = note("evt_2", "created", &json!({"out_of_band_amount": 3_000}));
    expect(&[paid.clone(), outside.clone()], &[("in_1", 1_400)]);
    expect(
        &[paid.clone(), outside.clone(), note("evt_3", "updated", &json!({"out_of_band_amount": 3_000}))],
        &[("in_1", 1_400)],
    );
    let void = note("evt_3", "voided", &json!({"out_of_band_amount": 3_000, "status": "void"}));
    expect(&[paid.clone(), outside.clone(), void], &[("in_1", 2_000)]);
    for nothing in [
        json!({}),
        json!({"customer_balance_transaction": "cbtxn_1"}),
        json!({"type": "pre_payment", "out_of_band_amount": 3_000}),
        json!({"out_of_band_amount": 3_000, "post_payment_amount": 0}),
    ] {
        expect(&[paid.clone(), note("evt_2", "created", &nothing)], &[("in_1", 2_000)]);
    }
    // A part in Stripe, counted by its own events, and a part outside.
    let both = note(
        "evt_2",
        "created",
        &json!({"out_of_band_amount": 3_000, "refunds": [{"refund": "re_1", "amount_refunded": 2_000}]}),
    );
    let link = payment_of("evt_3", "in_1", "pi_1");
    for back in [refund("evt_4", "refund.created", "re_1", 2_000, "succeeded"), charge_refunded("evt_4", 2_000, None)] {
        expect(&[paid.clone(), both.clone(), link.clone(), back], &[("in_1", 1_000)]);
    }
}

#[test]
fn totals_after_a_failed_refund_count_without_it() {
    let paid = [invoice(Shape::Old, "evt_1", "in_1", 20_000, 0)];
    let failed = |later: i64| at(refund("evt_f", "refund.failed", "re_1", 6_000, "failed"), later);
    let total = |id: &str, cents: i64, later: i64| at(charge_refunded(id, cents, None), later);
    for (more, back) in [
        (vec![total("evt_a", 6_000, 0), failed(1)], 0),
        // Lowered by the failure, then raised by another refund.
        (vec![total("evt_a", 6_000, 0), failed(1), total("evt_b", 4_000, 2)], 4_000),
        (vec![total("evt_a", 6_000, 0), failed(1), total("evt_b", 6_000, 2)], 6_000),
        (vec![total("evt_a", 6_000, 0), failed(0), total("evt_b", 4_000, 0)], 4_000),
        // The failure is reported after the total that shows it.
        (vec![total("evt_a", 6_000, 0), total("evt_b", 4_000, 1), failed(2)], 4_000),
        // Not lowered.
        (vec![total("evt_a", 6_000, 0), failed(1), total("evt_b", 10_000, 2)], 4_000),
        // The failed refund is one of several.
        (vec![total("evt_a", 6_000, 0), total("evt_b", 10_000, 1), failed(2)], 4_000),
        (vec![total("evt_a", 6_000, 0), total("evt_b", 10_000, 1), failed(2), total("evt_c", 5_000, 3)], 5_000),
        // Refunds with ids say the same.
        (
            vec![
                total("evt_a", 6_000, 0),
                failed(1),
                at(refund("evt_r", "refund.created", "re_2", 4_000, "succeeded"), 2),
                total("evt_b", 4_000, 2),
            ],
            4_000,
        ),
    ] {
        let all: Vec<Value> = paid.iter().chain(&more).cloned().collect();
        expect(&all, &[("in_1", 4_000 - back / 5)]);
    }
    // Two charges: one's failure lowers only its own total, and each says the more complete sum.
    let other = |id: &str, body: Value| with(body, &json!({"id": id, "charge": "ch_2", "payment_intent": "pi_2"}));
    let all = [
        paid[0].clone(),
        payment_of("evt_p", "in_1", "pi_2"),
        refund("evt_r", "refund.created", "re_1", 6_000, "succeeded"),
        other("ch_2", charge_refunded("evt_b", 4_000, None)),
    ];
    expect(&all, &[("in_1", 2_000)]);
    expect(&and(&all, failed(1)), &[("in_1", 3_200)]);
}

#[test]
fn a_one_time_payment_earns_without_an_invoice() {
    for kind in ["completed", "async_payment_succeeded"] {
        let fixture = known(&[one_time("evt_1", kind, &json!({}))]);
        assert_eq!(left(&fixture), [("invoice:pi_1".to_owned(), 2_000)], "{kind}");
        let text = "SELECT payload ->> '$.\"invoice.paid\".origin' FROM event WHERE id = 'evt_1:payment'";
        assert_eq!(fixture.text(text), "one_time");
        fixture.sound();
    }
    let both = [one_time("evt_1", "completed", &json!({})), one_time("evt_2", "async_payment_succeeded", &json!({}))];
    expect(&both, &[("pi_1", 2_000)]);
    expect(&and(&both[..1], refund("evt_3", "refund.created", "re_1", 6_200, "succeeded")), &[("pi_1", 1_000)]);
    expect(&and(&both[..1], dispute("evt_3", "funds_withdrawn", "lost", 0)), &[("pi_1", 388)]);
    // Paid later: the first event is only the sign-up.
    let unpaid = one_time("evt_0", "completed", &json!({"payment_status": "unpaid"}));
    expect(&[unpaid, both[1].clone()], &[("pi_1", 2_000)]);
    // The refund can come first, even if Stripe says that the payment has no invoice.
    let back = refund("evt_3", "refund.created", "re_1", 6_200, "succeeded");
    let fixture = known(&[]).with_key(|_| (200, json!({"data": [], "has_more": false})));
    assert_eq!(fixture.stripe(&back)["outcome"], "ignored");
    fixture.later(86_400);
    fixture.sweep();
    fixture.stripe(&both[0]);
    assert_eq!(left(&fixture), [("invoice:pi_1".to_owned(), 1_000)]);
    assert_eq!(fixture.asked("/v1/invoice_payments"), 1, "it is not asked again");
    fixture.sound();
    for nothing in [
        json!({"payment_status": "unpaid"}),
        json!({"payment_status": "no_payment_required", "payment_intent": null}),
        json!({"invoice": "in_1"}),
        json!({"invoice_creation": {"enabled": true}}),
        json!({"mode": "subscription", "payment_intent": null}),
        json!({"amount_total": 0}),
    ] {
        let fixture = known(&[one_time("evt_1", "completed", &nothing)]);
        assert_eq!(left(&fixture), [], "{nothing}");
    }
    expect(&[one_time("evt_1", "completed", &json!({"payment_intent": null}))], &[("cs_1", 2_000)]);
    let fixture = known(&[]);
    let told = fixture.stripe(&one_time("evt_1", "completed", &json!({"customer": null})));
    assert_eq!(told["outcome"], "ignored");
    assert!(told["reason"].as_str().is_some_and(|why| why.contains("guest")), "{told}");
}
