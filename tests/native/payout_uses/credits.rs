//! Credits from the point of view of applications and operators: redeemed, returned, owed after a clawback, delivered
//! by Stripe.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL};
use crate::support::world::at;
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};

const TIERED: &str = "tiered-credits";
const NOW: &str = "2026-03-01T00:00:00Z";

/// A partner who has earned $55 from a friend's sign-up and request for a quote.
fn earned(fixture: &PayoutFixture) -> String {
    let (id, code) = fixture.partner(TIERED, "owner");
    fixture.world.fund(at("2026-01-02T00:00:00Z"), TIERED, 100_000).expect("funded");
    fixture.event(
        "s_friend",
        "account.signed_up",
        "2026-01-05T00:00:00Z",
        "friend",
        json!({"attribution": {"code": code}}),
    );
    fixture.event("rfq", "rfq.submitted", "2026-01-06T00:00:00Z", "friend", json!({}));
    id
}

fn balance(fixture: &PayoutFixture, partner: &str) -> (i64, i64, i64) {
    let shown = fixture.get(NOW, &format!("/v1/credits?partner={partner}"));
    let cents = |name: &str| shown["balances"][0][name].as_i64().expect("cents");
    (cents("available_cents"), cents("redeemable_cents"), cents("redeemed_cents"))
}

fn ask(fixture: &PayoutFixture, key: &str, cents: i64) -> (u16, Value) {
    let body = json!({"program": TIERED, "external_id": "owner", "amount_cents": cents, "reason": "order 7"});
    fixture.post_with(NOW, "/v1/credits/redeem", body, &[("idempotency-key", key)])
}

#[test]
fn the_application_reads_redeems_and_returns_credits() {
    let fixture = PayoutFixture::new(PayoutApproval::UntilFirst);
    let partner = earned(&fixture);
    assert_eq!(balance(&fixture, &partner), (5_500, 5_500, 0));
    let shown = fixture.get(NOW, &format!("/v1/credits?program={TIERED}&external_id=owner"));
    assert_eq!((&shown["partner"], &shown["delivery"]), (&json!(partner), &json!("application")));

    let (status, first) = ask(&fixture, "order-7", 3_000);
    assert_eq!((status, &first["redeemable_cents"]), (201, &json!(2_500)), "{first}");
    assert_eq!(ask(&fixture, "order-7", 3_000), (201, first.clone()), "a repeat gets the same response");
    assert_eq!(ask(&fixture, "order-7", 3_001).1["code"], "idempotency_key_reused");
    assert_eq!(balance(&fixture, &partner), (2_500, 2_500, 3_000));
    let (status, refused) = ask(&fixture, "order-8", 2_501);
    assert_eq!((status, &refused["code"], &refused["field"]), (422, &json!("above_balance"), &json!("amount_cents")));
    let body = json!({"partner": partner, "amount_cents": 1, "reason": "x"});
    let (status, keyless) = fixture.post(NOW, "/v1/credits/redeem", body.clone());
    assert_eq!((status, &keyless["field"]), (400, &json!("Idempotency-Key")));
    let euros = json!({"partner": partner, "amount_cents": 1, "currency": "eur", "reason": "x"});
    assert_eq!(
        fixture.post_with(NOW, "/v1/credits/redeem", euros, &[("idempotency-key", "e")]).1["code"],
        "above_balance"
    );

    // Returned in part, then the rest, and never more.
    let id = first["id"].as_str().expect("an id");
    let back = |body: Value, key: &str| {
        fixture.post_with(NOW, &format!("/v1/credits/redemptions/{id}/reversals"), body, &[("idempotency-key", key)])
    };
    let part = json!({"amount_cents": 1_000, "reason": "one item was sent back"});
    let (status, told) = back(part.clone(), "b1");
    assert_eq!((status, &told["returned_cents"]), (201, &json!(1_000)));
    assert_eq!(back(part, "b1"), (201, told), "a repeat gets the same response");
    assert_eq!(balance(&fixture, &partner), (3_500, 3_500, 2_000));
    assert_eq!(back(json!({"amount_cents": 2_001, "reason": "x"}), "b2").1["code"], "more_than_redeemed");
    assert_eq!(back(json!({"reason": "all of it"}), "b3").1["returned_cents"], 3_000);
    assert_eq!(back(json!({"reason": "again"}), "b4").1["code"], "more_than_redeemed");
    assert_eq!(balance(&fixture, &partner), (5_500, 5_500, 0));
    let list = fixture.get(NOW, &format!("/v1/credits/redemptions?partner={partner}"));
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(fixture.get(NOW, &format!("/v1/credits/redemptions/{id}")), list["data"][0]);
    let actions = fixture.get(NOW, "/v1/audit");
    let redeemed = actions["data"].as_array().expect("entries").iter().filter(|a| a["action"] == "credit.redeem");
    assert_eq!(redeemed.count(), 1);
    fixture.is_sound();
}

#[test]
fn credits_clawed_back_after_redemption_are_owed() {
    let fixture = PayoutFixture::new(PayoutApproval::UntilFirst);
    let partner = earned(&fixture);
    assert_eq!(ask(&fixture, "all", 5_500).0, 201);
    // The friend turns out to be another partner's: the credits move there, and this partner owes them.
    let (other, _) = fixture.partner(TIERED, "other");
    let moved = json!({"program": TIERED, "partner": other, "reason": "it was the other's"});
    assert_eq!(fixture.post(NOW, "/v1/accounts/friend/reassign", moved).0, 200);
    assert_eq!(balance(&fixture, &partner), (-5_500, 0, 5_500));
    assert_eq!(balance(&fixture, &other), (5_500, 5_500, 0));
    assert_eq!(ask(&fixture, "more", 1).1["code"], "above_balance");
    // Later earnings are netted.
    let (_, code) = fixture.partner(TIERED, "owner");
    fixture.event("s_2", "account.signed_up", "2026-02-05T00:00:00Z", "second", json!({"attribution": {"code": code}}));
    assert_eq!(balance(&fixture, &partner), (-5_000, 0, 5_500));
    fixture.is_sound();
}

#[test]
fn credits_held_for_review_cannot_be_redeemed() {
    let fixture = PayoutFixture::new(PayoutApproval::UntilFirst);
    let partner = earned(&fixture);
    fixture
        .world
        .db
        .connection
        .borrow()
        .execute_batch("UPDATE accrual SET state = 'held' WHERE reward_id = 'tier-4'")
        .expect("held");
    assert_eq!(balance(&fixture, &partner), (5_500, 500, 0));
    assert_eq!(ask(&fixture, "k", 501).1["code"], "above_balance");
    assert_eq!(ask(&fixture, "k2", 500).0, 201);
    fixture.is_sound();
}

/// Makes Stripe deliver the program's credits.
fn deliver_by_stripe(fixture: &PayoutFixture) {
    let mut document = fixture.get(NOW, &format!("/v1/programs/{TIERED}"))["document"].clone();
    document["version"] = json!(2);
    document["effective_from"] = json!("2026-01-01T00:00:00Z");
    document["settlement"]["delivery"] = json!("stripe_balance");
    fixture.put("2026-01-01T00:00:00Z", &format!("/v1/programs/{TIERED}"), document);
}

/// The host names the customer of the partner's account.
fn name_customer(fixture: &PayoutFixture) {
    let who = json!({"data": {"stripe_customer": "cus_owner"}});
    fixture.event("s_owner", "account.signed_up", "2026-01-01T00:00:00Z", "owner", who);
}

/// A partner with $55 that Stripe is to credit.
pub fn due_at_stripe(fixture: &PayoutFixture) {
    deliver_by_stripe(fixture);
    earned(fixture);
    name_customer(fixture);
    fixture.stripe.borrow_mut().customers.insert("cus_owner".to_owned());
}

#[test]
fn credits_are_delivered_by_stripe_and_an_operator_resolves_unknown_results() {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    deliver_by_stripe(&fixture);
    let partner = earned(&fixture);
    assert_eq!(ask(&fixture, "k", 1).1["code"], "delivered_otherwise");
    let customer = |when: &str| fixture.get(when, &format!("/v1/credits?partner={partner}"))["stripe_customer"].clone();
    assert_eq!(customer(NOW), json!(null));
    fixture.sweep(NOW);
    assert_eq!(fixture.get(NOW, "/v1/credits/deliveries")["data"], json!([]), "the customer is unknown");

    // The host names the customer, but Stripe does not know it yet and refuses.
    name_customer(&fixture);
    assert_eq!(customer(NOW), json!("cus_owner"));
    fixture.sweep(NOW);
    fixture.sweep("2026-03-01T00:10:00Z");
    assert_eq!(fixture.messages("credit.failed").len(), 2, "the operators are notified");
    assert_eq!(balance(&fixture, &partner), (5_500, 5_500, 0), "nothing is lost");
    fixture.sweep("2026-03-01T12:00:00Z");
    assert_eq!(fixture.get(NOW, "/v1/credits/deliveries?state=failed")["data"].as_array().map(Vec::len), Some(2));

    // A day later Stripe knows the customer.
    fixture.stripe.borrow_mut().customers.insert("cus_owner".to_owned());
    fixture.sweep("2026-03-03T00:00:00Z");
    assert_eq!(fixture.stripe.borrow().owed("cus_owner"), -5_500);
    assert_eq!(balance(&fixture, &partner), (0, 0, 5_500));
    let list = fixture.get(NOW, &format!("/v1/credits/deliveries?state=paid&partner={partner}"));
    let delivered = &list["data"][0];
    assert_eq!((&delivered["state"], &delivered["type"]), (&json!("delivered"), &json!("credit")), "{list}");
    let id = delivered["id"].as_str().expect("an id");
    assert_eq!(fixture.get(NOW, &format!("/v1/credits/deliveries/{id}")), *delivered);
    let late = json!({"decision": "again", "reason": "x"});
    assert_eq!(
        fixture.post(NOW, &format!("/v1/credits/deliveries/{id}/resolve"), late.clone()).1["code"],
        "payout_state"
    );
    assert_eq!(fixture.post(NOW, &format!("/v1/payouts/{id}/hold"), json!({"reason": "x"})).0, 404);
    assert_eq!(fixture.post(NOW, "/v1/credits/deliveries/po_1/resolve", late).0, 404);

    // A clawback is the opposite transaction, for the customer who has the credit.
    let (other, _) = fixture.partner(TIERED, "other");
    let moved = json!({"program": TIERED, "partner": other, "reason": "it was the other's"});
    assert_eq!(fixture.post("2026-03-04T00:00:00Z", "/v1/accounts/friend/reassign", moved).0, 200);
    assert_eq!(balance(&fixture, &partner).0, -5_500);
    fixture.sweep("2026-03-04T00:10:00Z");
    assert_eq!((fixture.stripe.borrow().owed("cus_owner"), balance(&fixture, &partner)), (0, (0, 0, 0)));
    assert_eq!(balance(&fixture, &other).0, 5_500, "it waits until the customer is known");
    let list = fixture.get(NOW, &format!("/v1/credits/deliveries?partner={partner}"));
    assert_eq!(list["data"][0]["state"], "taken_back", "{list}");
    fixture.is_sound();
}

#[test]
fn credits_do_not_wait_for_the_platform_balance() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let mut document = fixture.get(NOW, &format!("/v1/programs/{TIERED}"))["document"].clone();
    document["version"] = json!(2);
    document["effective_from"] = json!("2026-01-01T00:00:00Z");
    document["settlement"]["delivery"] = json!("stripe_balance");
    fixture.put("2026-01-01T00:00:00Z", &format!("/v1/programs/{TIERED}"), document);
    let partner = earned(&fixture);
    let who = json!({"data": {"stripe_customer": "cus_owner"}});
    fixture.event("s_owner", "account.signed_up", "2026-01-01T00:00:00Z", "owner", who);
    fixture.stripe.borrow_mut().customers.insert("cus_owner".to_owned());
    // More payouts than one sweep sends, and no balance to pay them from.
    fixture.stripe.borrow_mut().balance = 0;
    for number in 0..12 {
        let (id, _) = fixture.partner(AGENCY, &format!("p{number}"));
        fixture.payable(&id);
        fixture.adjust(AGENCY, &id, 10_000);
    }
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    assert_eq!(fixture.messages("payout.funds").len(), 1);
    assert_eq!(fixture.stripe.borrow().owed("cus_owner"), -5_500, "a credit needs no balance");
    assert_eq!(balance(&fixture, &partner), (0, 0, 5_500));
    fixture.is_sound();
}
