//! Operators' decisions about payouts, and refusals by Stripe.

use super::*;

#[test]
fn operators_hold_release_and_cancel() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    let id = only(&fixture.get(APRIL, "/v1/payouts"))["id"].as_str().unwrap().to_owned();
    let decide = |what: &str| {
        fixture.post(APRIL, &format!("/v1/payouts/{id}/{what}"), json!({"reason": "asked by the partner"}))
    };
    assert_eq!(decide("hold").1["state"], "held");
    assert_eq!(decide("hold").0, 200, "again");
    fixture.sweep(APRIL);
    assert_eq!(only(&fixture.get(APRIL, "/v1/payouts?state=held"))["id"], json!(id));
    assert_eq!(decide("release").1["state"], "planned");
    assert_eq!(decide("cancel").1["state"], "cancelled");
    assert_eq!(decide("cancel").0, 200, "again");
    assert_eq!(decide("hold").1["code"], "payout_state");
    fixture.sweep(APRIL);
    assert_eq!((fixture.balance(&partner), fixture.stripe.borrow().transfers.len()), ((10_000, 0), 0));
    assert_eq!(fixture.post(APRIL, &format!("/v1/payouts/{id}/hold"), json!({})).0, 422, "a reason is needed");
    assert_eq!(fixture.post(APRIL, "/v1/payouts/po_none/hold", json!({"reason": "x"})).0, 404);
    let audit = fixture.get(APRIL, "/v1/audit");
    // All at the same instant, in no particular order.
    let actions = audit["data"].as_array().unwrap().iter().filter_map(|a| a["action"].as_str());
    let mut actions: Vec<&str> = actions.filter(|action| action.starts_with("payout.")).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["payout.cancel", "payout.hold", "payout.release"]);
    fixture.is_sound();
}

#[test]
fn refused_payouts_are_carried_forward_and_an_empty_balance_is_retried() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (closed, short) = (earned(&fixture, "closed"), earned(&fixture, "short"));
    let account = fixture.payable(&closed);
    fixture.payable(&short);
    fixture.stripe.borrow_mut().closed.insert(account.clone());
    fixture.stripe.borrow_mut().balance = 50;
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    fixture.sweep("2026-04-01T06:20:00Z");
    let failed = only(&fixture.get(APRIL, "/v1/payouts?state=failed"));
    assert!(failed["reason"].as_str().unwrap().starts_with("insufficient_capabilities"), "{failed}");
    assert_eq!((fixture.balance(&closed), fixture.balance(&short)), ((10_000, 0), (0, 0)));
    assert_eq!(fixture.messages("payout.failed"), [(Some(closed.clone()), 10_000)]);
    assert_eq!(fixture.messages("payout.funds").len(), 1, "the operator is notified");
    fixture.stripe.borrow_mut().balance = 1_000_000;
    fixture.sweep("2026-04-01T11:00:00Z");
    assert_eq!(fixture.balance(&short).1, 0, "it waits six hours");
    fixture.sweep("2026-04-01T13:00:00Z");
    assert_eq!(fixture.balance(&short), (0, 10_000));
    assert_eq!(only(&fixture.get(MAY, "/v1/payouts?state=paid"))["attempt"], 2);
    fixture.stripe.borrow_mut().closed.remove(&account);
    fixture.run(AGENCY, MAY);
    fixture.sweep(MAY);
    assert_eq!(fixture.balance(&closed), (0, 10_000));
    let receipt = fixture.get(MAY, &format!("/v1/payouts?run={}", fixture.run_of(AGENCY, MAY)));
    let receipt = fixture.get(MAY, &format!("/v1/payouts/{}", only(&receipt)["id"].as_str().unwrap()));
    assert_eq!(receipt["movements"]["data"][0]["type"], "payout_came_back");
    fixture.is_sound();
}

#[test]
fn a_rejected_stripe_key_fails_no_payout() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.stripe.borrow_mut().mishap = Some(Mishap::Locked);
    fixture.sweep(APRIL);
    assert_eq!(only(&fixture.get(APRIL, "/v1/payouts"))["state"], "planned");
    assert_eq!(fixture.messages("payout.access").len(), 1);
    fixture.sweep("2026-04-01T06:30:00Z");
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    assert_eq!(fixture.stripe.borrow().transfers.len(), 1);
}

#[test]
fn a_payout_under_review_is_resolved_by_its_transfer_at_stripe() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    // As if the response had been lost and someone had also sent it by hand.
    let mut twin = fixture.stripe.borrow().transfers[0].clone();
    twin.id = "tr_twin".to_owned();
    fixture.stripe.borrow_mut().transfers.push(twin);
    let partner2 = earned(&fixture, "q");
    let account = fixture.payable(&partner2);
    fixture.run(AGENCY, MAY);
    let id = only(&fixture.get(MAY, &format!("/v1/payouts?partner={partner2}")))["id"].as_str().unwrap().to_owned();
    {
        let mut stripe = fixture.stripe.borrow_mut();
        let mut made = stripe.transfers[0].clone();
        (made.id, made.group, made.destination) = ("tr_hand".to_owned(), id.clone(), account);
        stripe.transfers.push(made.clone());
        made.id = "tr_hand_2".to_owned();
        stripe.transfers.push(made);
        stripe.mishap = Some(Mishap::FailedUndone);
    }
    fixture.sweep(MAY);
    fixture.sweep("2026-05-03T06:00:00Z");
    let shown = fixture.get("2026-05-03T06:00:00Z", &format!("/v1/payouts/{id}"));
    assert_eq!(shown["state"], "review", "{shown}");
    assert_eq!(fixture.messages("payout.review").len(), 1);
    let resolve = |body: Value| fixture.post("2026-05-03T07:00:00Z", &format!("/v1/payouts/{id}/resolve"), body);
    assert_eq!(resolve(json!({"decision": "failed", "reason": "x"})).1["code"], "transfer_stands");
    let paid = json!({"decision": "paid", "transfer": "tr_hand", "reason": "one of them was taken back"});
    assert_eq!(resolve(paid.clone()).1["code"], "transfers_differ");
    {
        let mut stripe = fixture.stripe.borrow_mut();
        let twice = stripe.transfers.iter_mut().find(|t| t.id == "tr_hand_2").unwrap();
        let back =
            stripe::Reversal { id: "trr_hand".to_owned(), amount: 10_000, metadata: Default::default(), created: 0 };
        twice.reversals.push(back);
    }
    assert_eq!(resolve(paid.clone()).1["transfer"], "tr_hand");
    assert_eq!(resolve(paid).0, 200, "again");
    assert_eq!(fixture.balance(&partner2), (0, 10_000));
    // Part of the transfer was reversed before it was known here.
    let partner3 = earned(&fixture, "r");
    let account = fixture.payable(&partner3);
    fixture.run(AGENCY, JUNE);
    let id = only(&fixture.get(JUNE, &format!("/v1/payouts?partner={partner3}")))["id"].as_str().unwrap().to_owned();
    {
        let mut stripe = fixture.stripe.borrow_mut();
        let mut made = stripe.transfers[0].clone();
        (made.id, made.group, made.destination) = ("tr_part".to_owned(), id.clone(), account);
        let back =
            stripe::Reversal { id: "trr_part".to_owned(), amount: 4_000, metadata: Default::default(), created: 0 };
        made.reversals.push(back);
        stripe.transfers.push(made);
        stripe.mishap = Some(Mishap::FailedUndone);
    }
    fixture.sweep(JUNE);
    fixture.sweep("2026-06-03T06:00:00Z");
    let path = format!("/v1/payouts/{id}/resolve");
    let paid = json!({"decision": "paid", "transfer": "tr_part", "reason": "it is ours"});
    assert_eq!(fixture.post("2026-06-03T07:00:00Z", &path, paid).1["state"], "paid");
    assert_eq!(fixture.balance(&partner3), (4_000, 6_000));
    fixture.is_sound();
}
