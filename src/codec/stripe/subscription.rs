//! A subscription: whether it is active, and its value at list prices.
//!
//! The value is the sum of its items at their quantities. Discounts are not subtracted: they end, and the invoices show
//! what was really paid. Metered and tiered prices have no amount of their own and count as nothing.

use crate::base::money::{CENTS_MAX, Cents};
use crate::codec::Invalid;
use crate::codec::stripe::event::{Draft, EventObject, StripeEvent, Translated};
use crate::codec::stripe::read;
use crate::codec::stripe::read::{id, list, text};
use crate::engine::event::{Payload, Subscription};
use crate::program::event::EventType;
use serde_json::Value;

/// `customer.subscription.created`, `.updated` and `.deleted`.
pub fn changed(event: &Value, object: &Value, into: &Translated) -> Result<StripeEvent, Invalid> {
    let subscription_id = read::required_id(object, "id")?;
    if into.customer.is_none() {
        return Ok(StripeEvent::Ignored("it has no customer"));
    }
    let status = text(object, "status").ok_or_else(|| read::missing("status"))?;
    let before = event.get("data").and_then(|data| data.get("previous_attributes"));
    let (was, worth) = (before.and_then(|b| text(b, "status")), annual_cents(object));
    let subscription = |worth: Option<i64>| Subscription {
        subscription_id: subscription_id.clone(),
        monthly_cents: worth.map(|annual| Cents(annual / 12)),
        annual_value_cents: worth.map(Cents),
    };
    let (kind, payload) = match (into.kind.rsplit('.').next(), status) {
        (Some("deleted"), _) | (_, "canceled" | "unpaid") => {
            (EventType::SubscriptionCancelled, Payload::SubscriptionCancelled(subscription(None)))
        }
        // The first payment is pending, or it never happened.
        (_, "incomplete" | "incomplete_expired") => {
            return Ok(StripeEvent::Ignored("the subscription has not started"));
        }
        (_, "paused") => return Ok(StripeEvent::Ignored("the subscription is paused")),
        (Some("created"), _) => (EventType::SubscriptionStarted, Payload::SubscriptionStarted(subscription(worth))),
        _ if was == Some("incomplete") => {
            (EventType::SubscriptionStarted, Payload::SubscriptionStarted(subscription(worth)))
        }
        _ => (EventType::SubscriptionUpdated, Payload::SubscriptionUpdated(subscription(worth))),
    };
    Ok(StripeEvent::Facts(vec![Draft {
        id: into.id.clone(),
        kind,
        at: into.created,
        of: EventObject::Customer,
        payload,
        token: None,
    }]))
}

/// A subscription from Stripe's list, with the fields that the reconciliation needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    pub subscription_id: String,
    pub customer_id: String,
    pub monthly_cents: Option<Cents>,
}

/// Reads an active subscription object; `None` if it is not active.
pub fn billing(object: &Value) -> Option<Billing> {
    matches!(text(object, "status")?, "active" | "trialing" | "past_due").then_some(())?;
    Some(Billing {
        subscription_id: id(object, "id")?,
        customer_id: id(object, "customer")?,
        monthly_cents: annual_cents(object).map(|annual| Cents(annual / 12)),
    })
}

/// The id of a paused subscription: its trial ended without a payment method, and it may resume.
pub fn resting(object: &Value) -> Option<String> {
    id(object, "id").filter(|_| text(object, "status") == Some("paused"))
}

/// Its price per year, in minor units; `None` if no item has a price.
fn annual_cents(object: &Value) -> Option<i64> {
    let yearly: Vec<i128> = list(object, "items").iter().filter_map(item_per_year).collect();
    let sum = yearly.iter().fold(0i128, |sum, item| sum.saturating_add(*item)) / SCALE;
    (!yearly.is_empty()).then(|| i64::try_from(sum).unwrap_or(CENTS_MAX).min(CENTS_MAX))
}

/// Prices may have up to twelve decimal places of a minor unit.
const DECIMALS: usize = 12;
const SCALE: i128 = 1_000_000_000_000;

/// One item's price per year, in 10^-12 of a minor unit.
fn item_per_year(item: &Value) -> Option<i128> {
    let (price, recurring) = match item.get("price") {
        Some(price) => (price, price.get("recurring")?),
        None => item.get("plan").map(|plan| (plan, plan))?,
    };
    let amount = ["unit_amount", "amount"].iter().find_map(|name| read::integer(price, name)).map(i128::from);
    let amount = match amount {
        Some(whole) => whole.checked_mul(SCALE)?,
        None => ["unit_amount_decimal", "amount_decimal"].iter().find_map(|name| decimal(text(price, name)?))?,
    };
    let times = match text(recurring, "interval")? {
        "year" => 1,
        "month" => 12,
        "week" => 52,
        "day" => 365,
        _ => return None,
    };
    let quantity = i128::from(read::integer(item, "quantity").unwrap_or(1).max(0));
    let count = i128::from(read::integer(recurring, "interval_count").unwrap_or(1).max(1));
    (amount >= 0).then_some(())?;
    amount.checked_mul(quantity)?.checked_mul(times).map(|year| year / count)
}

/// `1050.5` in 10^-12.
fn decimal(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
        return None;
    }
    format!("{whole}{fraction:0<DECIMALS$}").parse().ok()
}
