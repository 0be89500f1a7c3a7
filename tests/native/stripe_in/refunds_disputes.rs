//! Refunds and disputes: what they claw back, what they restore, and what waits for its invoice.

use super::*;

#[test]
fn refunds_claw_back_their_share_and_failed_ones_restore_it() {
    let paid = [invoice(Shape::New, "evt_i", "in_1", 10_000, 2_000), payment_of("evt_p", "in_1", "pi_1")];
    for (more, left) in [
        // Half of the charged amount, including tax, is half of the commission.
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
        // The charge has its amount, with and without the refund.
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
fn disputes_freeze_claw_back_and_restore() {
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
fn a_refund_waits_for_its_invoice_or_fetches_it() {
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
fn the_sweep_retries_fetching_a_missing_invoice() {
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
    assert_eq!(fixture.pending(), 2_000, "it was requested a moment ago");
    fixture.later(7 * 3_600);
    fixture.sweep();
    assert_eq!(fixture.pending(), 0);
    fixture.sound();
}

#[test]
fn a_prevented_dispute_freezes_and_restores_nothing() {
    let paid = invoice(Shape::Old, "evt_i", "in_1", 10_000, 0);
    let opened = dispute("evt_1", "created", "needs_response", 0);
    let prevented = dispute("evt_9", "closed", "prevented", 60);
    let withdrawn = dispute("evt_2", "funds_withdrawn", "prevented", 0);
    for (more, state, left) in [
        (vec![dispute("evt_1", "created", "prevented", 0)], "pending", 2_000),
        (vec![opened.clone(), prevented.clone()], "pending", 2_000),
        // If money moved anyway, it is clawed back.
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
fn a_refunds_share_is_floored_once() {
    // 20 of 103, plus 17 of tax. A refund of 6 is a twentieth of 120, and so is 1 of the 20: the twentieth of 103 is 5,
    // of which the share of 20 would be none.
    let fixture = known(&[
        invoice(Shape::Old, "evt_1", "in_1", 103, 17),
        refund("evt_2", "refund.created", "re_1", 6, "succeeded"),
    ]);
    assert_eq!(fixture.pending(), 19);
    fixture.sound();
}
