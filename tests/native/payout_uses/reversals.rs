//! Reversed transfers, no matter whether Stripe or an operator reports them first.

use super::*;

#[test]
fn a_transfer_is_reversed_once_no_matter_who_reports_it_first() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    let account = fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    let id = only(&fixture.get(APRIL, "/v1/payouts"))["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/payouts/{id}/reversals");
    let ask = |body: Value, key: &str| fixture.post_with(APRIL, &path, body, &[("idempotency-key", key)]);
    let (status, back) = ask(json!({"amount_cents": 2_500, "reason": "too much"}), "k1");
    assert_eq!((status, back["state"].as_str(), back["reversal"].as_str()), (201, Some("reversed"), Some("trr_1")));
    let again = ask(json!({"amount_cents": 2_500, "reason": "too much"}), "k1");
    assert_eq!(again.1["id"], back["id"], "the same request is the same reversal");
    assert_eq!(fixture.balance(&partner), (2_500, 7_500));
    fixture.refresh_reversed(APRIL, "tr_1");
    assert_eq!(fixture.balance(&partner), (2_500, 7_500), "the webhook posts the same one");
    // Someone reverses another part at Stripe itself.
    fixture.stripe.borrow_mut().transfers[0].reversals.push(stripe::Reversal {
        id: "trr_9".to_owned(),
        amount: 1_500,
        metadata: Default::default(),
        created: 0,
    });
    fixture.refresh_reversed(APRIL, "tr_1");
    fixture.refresh_reversed(APRIL, "tr_1");
    assert_eq!(fixture.balance(&partner), (4_000, 6_000));
    assert_eq!(ask(json!({"amount_cents": 7_501, "reason": "x"}), "k2").1["code"], "more_than_paid");
    fixture.stripe.borrow_mut().accounts.insert(account, 0);
    let (_, failed) = ask(json!({"reason": "all of it"}), "k3");
    assert_eq!(failed["state"], "failed", "{failed}");
    let receipt = fixture.get(APRIL, &format!("/v1/payouts/{id}"));
    assert_eq!(receipt["reversals"].as_array().unwrap().len(), 2);
    fixture.is_sound();
    let csv = fixture.text("2026-12-31T00:00:00Z", "/v1/reports/payouts?year=2026");
    let row = csv.lines().nth(1).unwrap();
    assert!(row.ends_with(",\"usd\",\"1\",\"10000\",\"4000\",\"6000\""), "{csv}");
    assert!(row.starts_with(&format!("\"2026\",\"{AGENCY}\",\"{partner}\",\"agency_p\",\"agency_p\",")), "{csv}");
    assert_eq!(fixture.text(APRIL, "/v1/reports/payouts?year=2025").lines().count(), 1);
}

#[test]
fn a_reversal_before_the_transfer_is_known_is_posted_later() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    let id = only(&fixture.get(APRIL, "/v1/payouts"))["id"].as_str().expect("an id").to_owned();
    let reversed = json!({
        "id": "evt_back", "type": "transfer.reversed", "created": at(APRIL).0 / 1_000, "livemode": false,
        "data": {"object": {"id": "tr_1", "object": "transfer", "amount": 10_000, "amount_reversed": 10_000,
            "transfer_group": id}},
    });
    // Stripe makes the transfer but the response is lost. An operator reverses it at Stripe.
    fixture.drop_answers(1);
    fixture.sweep(APRIL);
    assert_eq!(fixture.stripe.borrow().transfers.len(), 1);
    assert_eq!(only(&fixture.get(APRIL, "/v1/payouts"))["state"], "submitting");
    fixture.stripe.borrow_mut().transfers[0].reversals.push(stripe::Reversal {
        id: "trr_hand".to_owned(),
        amount: 10_000,
        metadata: Default::default(),
        created: 0,
    });
    let (status, told) = fixture.stripe_says(APRIL, &reversed);
    assert_eq!((status, told["code"].as_str()), (409, Some("payout_open")), "Stripe will send it again: {told}");
    // The saved response is returned as it was before the reversal.
    fixture.sweep("2026-04-01T06:30:00Z");
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    for _ in 0..2 {
        assert_eq!(fixture.stripe_says("2026-04-01T07:00:00Z", &reversed).1["outcome"], "applied");
    }
    assert_eq!(fixture.balance(&partner), (10_000, 0));
    // A transfer that is not ours is ignored: Stripe is not even queried.
    let mut other = reversed.clone();
    (other["id"], other["data"]["object"]["id"]) = (json!("evt_other"), json!("tr_of_another"));
    other["data"]["object"]["transfer_group"] = json!("ORDER_7");
    let calls = fixture.stripe.borrow().calls;
    assert_eq!(fixture.stripe_says(APRIL, &other).1["outcome"], "ignored");
    assert_eq!(fixture.stripe.borrow().calls, calls);
    fixture.is_sound();
}
