//! A subscription: whether it runs, and what it is worth (`worth`). An object that leaves out a part of its value is
//! completed with what Stripe answers.

use crate::base::time::UtcMillis;
use crate::codec::Invalid;
use crate::codec::fields::CURRENCY;
use crate::codec::stripe::event::{Draft, EventObject, StripeEvent, Translated};
use crate::codec::stripe::read;
use crate::codec::stripe::read::{id, text};
use crate::codec::stripe::worth;
use crate::codec::stripe::worth::LeftOut;
use crate::engine::event::{Payload, Subscription};
use crate::program::event::EventType;
use serde_json::{Value, json};

/// `customer.subscription.created`, `.updated` and `.deleted`, and its pauses.
pub fn changed(event: &Value, object: &Value, into: &Translated) -> Result<StripeEvent, Invalid> {
    let subscription_id = read::required_id(object, "id")?;
    if into.customer.is_none() {
        return Ok(StripeEvent::Ignored("it has no customer"));
    }
    let status = text(object, "status").ok_or_else(|| read::missing("status"))?;
    let before = event.get("data").and_then(|data| data.get("previous_attributes"));
    let was = before.and_then(|b| text(b, "status"));
    if worth::currency(object).is_some_and(|currency| !CURRENCY.allows(currency)) {
        return Err(read::invalid("currency", "malformed", "be a currency code of three letters"));
    }
    let (valued, left_out) = subscription(object, subscription_id.clone(), into.created);
    let mut at = into.created;
    let (kind, payload) = match (into.kind.rsplit('.').next(), status) {
        // The object of a thin event can be from after the end. Nothing ends before it began.
        (Some("created"), "canceled" | "unpaid") => {
            (EventType::SubscriptionStarted, Payload::SubscriptionStarted(valued))
        }
        (Some("deleted"), _) | (_, "canceled" | "unpaid") => {
            at = read::instant(object, "ended_at").filter(|ended| *ended > at).unwrap_or(at);
            let ended = Subscription { subscription_id, monthly_cents: None, annual_value_cents: None, currency: None };
            (EventType::SubscriptionCancelled, Payload::SubscriptionCancelled(ended))
        }
        // The first payment is pending, or it never happened.
        (_, "incomplete" | "incomplete_expired") => {
            return Ok(StripeEvent::Ignored("the subscription has not started"));
        }
        (Some("created"), _) => (EventType::SubscriptionStarted, Payload::SubscriptionStarted(valued)),
        // Stripe can make an unpaid subscription active again.
        _ if matches!(was, Some("incomplete" | "unpaid")) => {
            (EventType::SubscriptionStarted, Payload::SubscriptionStarted(valued))
        }
        _ => (EventType::SubscriptionUpdated, Payload::SubscriptionUpdated(valued)),
    };
    let has_value = kind != EventType::SubscriptionCancelled;
    let of = match left_out.is_any() && has_value {
        true => EventObject::InPart(Box::new(object.clone())),
        false => EventObject::Customer,
    };
    Ok(StripeEvent::Facts(vec![Draft { id: into.id.clone(), kind, at, of, payload, token: None }]))
}

/// The subscription with its value at an instant, and what the object leaves out of it.
fn subscription(object: &Value, subscription_id: String, at: UtcMillis) -> (Subscription, LeftOut) {
    let worth = worth::worth(object, at);
    let valued = Subscription {
        subscription_id,
        monthly_cents: worth.monthly,
        annual_value_cents: worth.annual,
        currency: worth::currency(object).map(str::to_ascii_lowercase),
    };
    (valued, worth.left_out)
}

/// The draft with the value of a completed object, and what is still left out of it.
pub fn valued(draft: &Draft, object: &Value) -> (Draft, LeftOut) {
    let mut draft = Draft { of: EventObject::Customer, ..draft.clone() };
    let mut left_out = LeftOut::default();
    if let Payload::SubscriptionStarted(s) | Payload::SubscriptionUpdated(s) = &mut draft.payload {
        (*s, left_out) = subscription(object, s.subscription_id.clone(), draft.at);
    }
    (draft, left_out)
}

/// A subscription from Stripe's list, with the fields that the reconciliation needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Billing {
    pub customer_id: String,
    pub subscription: Subscription,
}

/// Reads a subscription object that runs, paused or not; `None` if it has ended or not begun. A value that the object
/// leaves out a part of is not compared with anything.
pub fn billing(object: &Value, at: UtcMillis) -> Option<Billing> {
    matches!(text(object, "status")?, "active" | "trialing" | "past_due" | "paused").then_some(())?;
    let (mut subscription, left_out) = subscription(object, id(object, "id")?, at);
    if left_out.is_any() {
        (subscription.monthly_cents, subscription.annual_value_cents) = (None, None);
    }
    Some(Billing { customer_id: read::customer(object)?, subscription })
}

/// What an object that runs leaves out of its value.
pub fn left_out(object: &Value, at: UtcMillis) -> LeftOut {
    worth::worth(object, at).left_out
}

/// Completes the discounts with those of Stripe's answer, the subscription itself. Those that it no longer has are over.
pub fn with_discounts(object: &mut Value, answer: &Value) {
    replace_discounts(object, answer);
}

/// Completes the items with those of a page of Stripe's list. An item that the event has keeps its quantity.
pub fn with_items(object: &mut Value, page: &[Value]) {
    let Some(items) = object.pointer_mut("/items/data").and_then(Value::as_array_mut) else { return };
    for listed in page {
        match items.iter_mut().find(|item| item.get("id").is_some() && item.get("id") == listed.get("id")) {
            None => items.push(listed.clone()),
            Some(known) => {
                let price = listed
                    .get("price")
                    .filter(|price| known.get("price").is_some_and(|p| p.get("id") == price.get("id")));
                if let Some(price) = price.cloned() {
                    known["price"] = price;
                }
                replace_discounts(known, listed);
            }
        }
    }
}

/// All items are known now.
pub fn items_are_complete(object: &mut Value) {
    if let Some(items) = object.get_mut("items").and_then(Value::as_object_mut) {
        items.insert("has_more".to_owned(), json!(false));
    }
}

/// Replaces discounts that are only ids, or whose coupons are, by the same discounts from Stripe's answer.
fn replace_discounts(object: &mut Value, answer: &Value) {
    let of = |value: &Value| value.get("discounts").and_then(Value::as_array).cloned();
    let (Some(known), Some(now)) = (of(object), of(answer)) else { return };
    let found = known.iter().filter_map(|one| {
        let own = id(&json!({ "discount": one }), "discount");
        now.iter().find(|listed| own.is_some() && id(listed, "id") == own)
    });
    object["discounts"] = found.cloned().collect();
    object["discount"] = Value::Null;
}

/// The id of the subscription, if it can be part of a path.
pub fn path_id(object: &Value) -> Option<&str> {
    let is_plain = |id: &&str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    text(object, "id").filter(is_plain)
}
