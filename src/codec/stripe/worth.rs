//! What a subscription is worth: what the next twelve months would be invoiced, and its price per month.
//!
//! The year has the discounts that still apply to each invoice in it. The price per month has only those that last
//! forever: it stays the same while a discount runs out, so two reports of it can be compared. A paused subscription is
//! worth nothing.

use crate::base::money::{CENTS_MAX, Cents};
use crate::base::time::{DAY_MS, UtcMillis};
use crate::codec::stripe::discount::{Discount, InvoiceLine, discounts};
use crate::codec::stripe::price::{Interval, ItemPrice, SCALE, Unpriced, item_price};
use crate::codec::stripe::read;
use crate::codec::stripe::read::{flag, list, text};
use serde_json::Value;

/// Larger amounts are cut before discounts are taken off, so that no product of them overflows.
const AMOUNT_MAX: i128 = CENTS_MAX as i128 * SCALE;

/// The value of a subscription, in minor units of its currency. `None`: it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionValue {
    pub monthly: Option<Cents>,
    pub annual: Option<Cents>,
    /// What Stripe's object leaves out of it.
    pub left_out: LeftOut,
}

/// What an object leaves out that Stripe knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Items beyond those that it lists.
    pub items: bool,
    /// The tiers of a price, or its amount in the subscription's currency.
    pub prices: bool,
    /// Discounts of the subscription, of which it has the ids.
    pub discounts: bool,
    /// The same of its items.
    pub item_discounts: bool,
}

impl LeftOut {
    pub fn is_any(self) -> bool {
        self != LeftOut::default()
    }

    /// What people are told if Stripe can't be asked for it.
    pub fn reason(self) -> Option<&'static str> {
        if self.discounts || self.item_discounts {
            Some("the value of the subscription is unknown: the event has only the ids of its discounts")
        } else if self.items {
            Some("the value of the subscription is incomplete: the event does not list all of its items")
        } else if self.prices {
            Some(
                "the value of the subscription is incomplete: the event lacks a price in its currency, or the price's tiers",
            )
        } else {
            None
        }
    }
}

/// Whether Stripe collects nothing for it at present: its trial ended without a payment method, or the collection is
/// paused. It may resume.
pub fn is_paused(object: &Value) -> bool {
    text(object, "status") == Some("paused") || object.get("pause_collection").is_some_and(Value::is_object)
}

/// The currency of the subscription: its own field, otherwise that of its first price.
pub fn currency(object: &Value) -> Option<&str> {
    let of_item = |item| text(price_of(item)?, "currency");
    text(object, "currency").or_else(|| list(object, "items").iter().find_map(of_item))
}

fn price_of(item: &Value) -> Option<&Value> {
    item.get("price").or_else(|| item.get("plan"))
}

/// One item: what it costs, its discounts, its line on an invoice.
struct Item {
    price: ItemPrice,
    discounts: Vec<Discount>,
    line: InvoiceLine,
}

/// What the subscription is worth at an instant.
pub fn worth(object: &Value, at: UtcMillis) -> SubscriptionValue {
    if is_paused(object) {
        return SubscriptionValue {
            monthly: Some(Cents::ZERO),
            annual: Some(Cents::ZERO),
            left_out: LeftOut::default(),
        };
    }
    let currency = currency(object).map(str::to_ascii_lowercase);
    let mut left_out =
        LeftOut { items: object.get("items").is_some_and(|items| flag(items, "has_more")), ..LeftOut::default() };
    let mut items: Vec<Item> = Vec::new();
    for item in list(object, "items") {
        match item_price(item, currency.as_deref()) {
            Ok(price) => {
                let discounts = discounts(item, currency.as_deref(), at);
                left_out.item_discounts |= discounts.is_err();
                let price = ItemPrice { amount: price.amount.min(AMOUNT_MAX), ..price };
                items.push(Item {
                    price,
                    discounts: discounts.unwrap_or_default(),
                    line: InvoiceLine::of(item, price.amount),
                });
            }
            Err(Unpriced::LeftOut) => left_out.prices = true,
            Err(Unpriced::Unknown) => {}
        }
    }
    let own = discounts(object, currency.as_deref(), at);
    left_out.discounts = own.is_err();
    let own = own.unwrap_or_default();
    if items.is_empty() || left_out.discounts || left_out.item_discounts {
        return SubscriptionValue { left_out, ..SubscriptionValue::default() };
    }
    let first = first_invoice(object, at);
    let lasting = year(&items, &own, first, |discount, _, _| discount.is_forever());
    let annual = year(&items, &own, first, Discount::applies);
    SubscriptionValue { monthly: Some(Cents(lasting.0 / 12)), annual: Some(annual), left_out }
}

/// When the next invoice is made: after the trial; now if the current period has just begun, otherwise at its end.
fn first_invoice(object: &Value, at: UtcMillis) -> UtcMillis {
    if let Some(end) = read::instant(object, "trial_end").filter(|end| *end > at) {
        return end;
    }
    // Since 2025-03-31 the period is in the items.
    let of = |name: &str| {
        let of_item = || list(object, "items").iter().find_map(|item| read::instant(item, name));
        read::instant(object, name).or_else(of_item)
    };
    match (of("current_period_start"), of("current_period_end")) {
        (Some(start), Some(end)) if end > at && at.0.saturating_sub(start.0) >= DAY_MS => end,
        _ => at,
    }
}

/// What a year of invoices adds up to, less the discounts that `applies` selects for each invoice.
fn year(
    items: &[Item],
    own: &[Discount],
    first: UtcMillis,
    applies: impl Fn(&Discount, i64, UtcMillis) -> bool,
) -> Cents {
    let listed: i128 = items.iter().filter_map(|item| item.price.interval.yearly(item.price.amount)).sum();
    let mut off = 0;
    if !own.is_empty() || items.iter().any(|item| !item.discounts.is_empty()) {
        let often = |item: &&Item| item.price.interval.yearly(SCALE);
        let interval = items.iter().max_by_key(often).map_or(Interval { per_year: 12, count: 1 }, |i| i.price.interval);
        // The last invoice counts only for its part of the year.
        let whole = interval.per_year / interval.count;
        for number in 0..=whole {
            let part = if number < whole { interval.count } else { interval.per_year % interval.count };
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let at = interval.after(first, number);
            let taken = invoice_off(items, own, interval, |discount| applies(discount, number, at));
            off += taken * part / interval.count;
        }
    }
    let cents = i64::try_from((listed - off).max(0) / SCALE).unwrap_or(CENTS_MAX);
    Cents(cents.min(CENTS_MAX))
}

/// What discounts take off one invoice: those of an item off its own line, then those of the subscription in order. Items
/// with longer intervals count with their share.
fn invoice_off(items: &[Item], own: &[Discount], interval: Interval, applies: impl Fn(&Discount) -> bool) -> i128 {
    let mut lines: Vec<InvoiceLine> = items.iter().map(|item| item.line.clone()).collect();
    for (line, item) in lines.iter_mut().zip(items).filter(|(_, item)| item.price.interval != interval) {
        let yearly = item.price.interval.yearly(line.amount).unwrap_or(0);
        line.amount = yearly.min(AMOUNT_MAX) * interval.count / interval.per_year;
    }
    let before: i128 = lines.iter().map(|line| line.amount).sum();
    for (line, item) in lines.iter_mut().zip(items) {
        for discount in item.discounts.iter().filter(|discount| applies(discount)) {
            discount.take_off(std::slice::from_mut(line));
        }
    }
    for discount in own.iter().filter(|discount| applies(discount)) {
        discount.take_off(&mut lines);
    }
    before - lines.iter().map(|line| line.amount).sum::<i128>()
}
