//! Malformed bodies: none of them panics.

use crate::codec::stripe::tests::refunds::refund;
use crate::codec::stripe::tests::*;
use proptest::prelude::*;

const KINDS: [&str; 18] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "credit_note.created",
    "credit_note.voided",
    "charge.refund.updated",
    "invoice.paid",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "refund.created",
    "refund.failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
    "account.updated",
    "transfer.reversed",
    "invoice_payment.paid",
    "customer.updated",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_0-9.]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|m| m.into_iter().collect()),
        ]
    })
}

/// Every position in a value, as a pointer.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| places(inner, &format!("{at}/{key}"), into)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, inner)| places(inner, &format!("{at}/{i}"), into))
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&body, StripeEndpoint::Own, NOW);
    }

    #[test]
    fn no_object_panics(kind in prop::sample::select(&KINDS[..]), object in any_json()) {
        let _ = translate(&event(kind, &object), StripeEndpoint::Own, NOW);
        let mut thin = event(kind, &object);
        thin["object"] = json!("v2.core.event");
        thin["related_object"] = object.clone();
        let _ = translate(&thin, StripeEndpoint::Own, NOW);
        let _ = billing(&object, AT);
        let _ = crate::codec::stripe::worth::worth(&object, AT);
        let _ = payability(&object);
        let _ = page(&object);
    }

    #[test]
    fn no_change_to_a_good_body_panics(
        kind in prop::sample::select(&KINDS[..]),
        which in 0..7usize,
        place in any::<prop::sample::Index>(),
        value in any_json(),
    ) {
        let objects = [old_invoice(), new_invoice(), refund("failed"), subscription("active", &json!([item(2, 300, "week", 2)])),
            json!({"id": "ch_1", "amount_refunded": 5, "currency": "usd", "refunds": {"data": [refund("succeeded")]}}),
            json!({"id": "dp_1", "amount": 5, "currency": "usd", "status": "won"}), discounted_subscription()];
        let mut body = event(kind, &objects[which]);
        let mut all = Vec::new();
        places(&body, "", &mut all);
        if let Some(found) = body.pointer_mut(place.get(all.as_slice()).as_str()) {
            *found = value;
        }
        let _ = translate(&body, StripeEndpoint::Own, NOW);
        let (mut object, answer) = (discounted_subscription(), &body["data"]["object"]);
        crate::codec::stripe::subscription::with_discounts(&mut object, answer);
        crate::codec::stripe::subscription::with_items(&mut object, read::list(answer, "items"));
        let mut broken = answer.clone();
        crate::codec::stripe::subscription::with_discounts(&mut broken, &object);
        crate::codec::stripe::subscription::with_items(&mut broken, read::list(&object, "items"));
        crate::codec::stripe::subscription::items_are_complete(&mut broken);
        let _ = crate::codec::stripe::worth::worth(&broken, AT);
    }
}

fn discounted_subscription() -> Value {
    let tiers = json!([{"up_to": 5, "unit_amount": 300}, {"up_to": null, "flat_amount": 7}]);
    let price = |more: Value| {
        let mut price = json!({"id": "price_1", "currency": "usd", "product": "prod_1",
            "recurring": {"interval": "month", "interval_count": 1}});
        price.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        price
    };
    let mut object = super::subscription(
        "active",
        &json!([
            {"id": "si_1", "quantity": 7, "price": price(json!({"billing_scheme": "tiered", "tiers": tiers}))},
            {"id": "si_2", "quantity": 7, "price": price(json!({"unit_amount": 5, "transform_quantity": {"divide_by": 2, "round": "up"}})),
                "discounts": [{"id": "di_2", "coupon": {"percent_off": 12.5, "duration": "forever"}}]},
        ]),
    );
    object["currency"] = json!("usd");
    object["discounts"] = json!([{"id": "di_1", "start": CREATED, "end": CREATED + 9_000_000,
        "coupon": {"amount_off": 5, "currency": "usd", "duration": "repeating", "duration_in_months": 3}}]);
    object
}
