//! The monthly comparison: both sides value a subscription in the same way.

use super::worth::{REVENUE, customer_with, item, subscribed};
use super::*;

/// What the monthly comparison reports, with what Stripe lists.
fn compared(fixture: StripeFixture, listed: Value, items: Vec<Value>) -> (StripeFixture, Vec<String>) {
    let fixture = fixture.with_key(move |url| {
        let found = match () {
            () if url.contains("/v1/subscription_items") => json!(items),
            () if url.contains("/v1/subscriptions") => listed.clone(),
            () => json!([]),
        };
        (200, json!({"data": found, "has_more": false}))
    });
    fixture.sweep();
    fixture.later(600);
    fixture.sweep();
    let report = fixture.text("SELECT after FROM audit WHERE action = 'stripe.reconcile'");
    let report: Value = serde_json::from_str(&report).expect("a report");
    let missed = report["missed"].as_array().expect("a list").iter();
    let missed = missed.map(|m| m["missed"].as_str().unwrap_or_default().to_owned()).collect();
    (fixture, missed)
}

#[test]
fn both_sides_of_the_comparison_are_the_same() {
    let repeating = json!([{"id": "di_1", "end": CREATED + 92 * 86_400,
        "coupon": {"percent_off": 90, "duration": "repeating"}}]);
    let forever = json!([{"id": "di_1", "coupon": {"percent_off": 50, "duration": "forever"}}]);
    for more in [
        json!({}),
        json!({"currency": "usd"}),
        json!({"currency": "krw"}),
        json!({"discounts": repeating}),
        json!({"discounts": forever}),
        json!({"pause_collection": {"behavior": "void"}}),
        json!({"status": "paused"}),
    ] {
        let start = subscribed("evt_s", "created", 50_000, more.clone());
        let object = start["data"]["object"].clone();
        let (fixture, missed) = compared(customer_with(&[start]), json!([object]), Vec::new());
        assert_eq!(missed, [""; 0], "a month later: {more}");
        fixture.sound();
    }
    for more in [
        json!({"currency": "krw"}),
        json!({"discounts": forever}),
        json!({"pause_collection": {"behavior": "void"}}),
        json!({"status": "paused"}),
    ] {
        let start = subscribed("evt_s", "created", 50_000, json!({"currency": "usd"}));
        let paid = invoice(Shape::New, "evt_i", "in_1", 50_000, 0);
        let listed = subscribed("evt_x", "updated", 50_000, more.clone())["data"]["object"].clone();
        let (fixture, missed) = compared(known(&[start, paid]), json!([listed]), Vec::new());
        assert_eq!(missed, ["subscription.updated"], "{more}");
        let revenue = if more.get("discounts").is_some() { 300_000 } else { 0 };
        assert_eq!(fixture.number(REVENUE), revenue, "{more}");
        fixture.sound();
    }
}

#[test]
fn the_comparison_sees_all_items() {
    let items: Vec<Value> = (0..12).map(|n| item(n, 4_000)).collect();
    let known_by_events = subscribed("evt_s", "created", 0, json!({"items": {"data": items}}));
    let part = json!({"items": {"data": &items[..10], "has_more": true}});
    let listed = json!([subscribed("evt_x", "updated", 0, part)["data"]["object"].clone()]);
    let (fixture, missed) =
        compared(customer_with(std::slice::from_ref(&known_by_events)), listed.clone(), items.clone());
    assert_eq!((missed, fixture.asked("/v1/subscription_items")), (Vec::new(), 1));
    // What cannot be completed is not compared.
    let (_, missed) = compared(customer_with(std::slice::from_ref(&known_by_events)), listed.clone(), Vec::new());
    assert_eq!(missed, [""; 0]);
    let more = [&items[..], &[item(12, 1)]].concat();
    let (_, missed) = compared(customer_with(&[known_by_events]), listed, more);
    assert_eq!(missed, ["subscription.updated"]);
}
