//! Malformed bodies: none of them panics.

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
        let _ = billing(&object);
        let _ = payability(&object);
        let _ = page(&object);
    }

    #[test]
    fn no_change_to_a_good_body_panics(
        kind in prop::sample::select(&KINDS[..]),
        which in 0..6usize,
        place in any::<prop::sample::Index>(),
        value in any_json(),
    ) {
        let objects = [old_invoice(), new_invoice(), refund("failed"), subscription("active", &json!([item(2, 300, "week", 2)])),
            json!({"id": "ch_1", "amount_refunded": 5, "currency": "usd", "refunds": {"data": [refund("succeeded")]}}),
            json!({"id": "dp_1", "amount": 5, "currency": "usd", "status": "won"})];
        let mut body = event(kind, &objects[which]);
        let mut all = Vec::new();
        places(&body, "", &mut all);
        if let Some(found) = body.pointer_mut(place.get(all.as_slice()).as_str()) {
            *found = value;
        }
        let _ = translate(&body, StripeEndpoint::Own, NOW);
    }
}
