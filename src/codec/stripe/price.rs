//! What one item of a subscription costs on each invoice: its price in the subscription's currency, for its quantity.
//!
//! Metered prices cost nothing in advance. A package price counts packages. A tiered price needs its tiers, and a price
//! of several currencies the one of the subscription; events often leave both out.

use crate::base::time::UtcMillis;
use crate::codec::stripe::read;
use crate::codec::stripe::read::text;
use serde_json::Value;

/// Amounts are in 10^-12 of a minor unit: prices may have up to twelve decimal places.
pub const SCALE: i128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// How often an item is invoiced: every `count` units, of which a year has `per_year`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub per_year: i128,
    pub count: i128,
}

impl Interval {
    /// `None` for an unknown unit.
    fn of(recurring: &Value) -> Option<Interval> {
        let per_year = match text(recurring, "interval")? {
            "year" => 1,
            "month" => 12,
            "week" => 52,
            "day" => 365,
            _ => return None,
        };
        let count = i128::from(read::integer(recurring, "interval_count").unwrap_or(1).max(1));
        Some(Interval { per_year, count })
    }

    /// What an amount per invoice adds up to in a year.
    pub fn yearly(self, amount: i128) -> Option<i128> {
        amount.checked_mul(self.per_year).map(|year| year / self.count)
    }

    /// When the invoice after `number` further intervals is made.
    pub fn after(self, first: UtcMillis, number: i64) -> UtcMillis {
        let units = i64::try_from(self.count).unwrap_or(i64::MAX).saturating_mul(number);
        match self.per_year {
            1 => first.plus_months(units.saturating_mul(12).min(MONTHS_AHEAD_MAX)),
            12 => first.plus_months(units.min(MONTHS_AHEAD_MAX)),
            52 => first.plus_days(units.saturating_mul(7).min(DAYS_AHEAD_MAX)),
            _ => first.plus_days(units.min(DAYS_AHEAD_MAX)),
        }
    }
}

/// Invoices further ahead than ten years are never asked about.
const MONTHS_AHEAD_MAX: i64 = 120;
const DAYS_AHEAD_MAX: i64 = 3_660;

/// What one item costs on each invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemPrice {
    pub amount: i128,
    pub interval: Interval,
}

/// Why an item has no known price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// The price is not an amount that we can read.
    Unknown,
    /// The event leaves out what Stripe knows: the tiers, or the amount in the subscription's currency.
    LeftOut,
}

/// The item's price per invoice. `currency` is the subscription's.
pub fn item_price(item: &Value, currency: Option<&str>) -> Result<ItemPrice, Unpriced> {
    let (price, recurring) = match item.get("price").filter(|price| price.is_object()) {
        Some(price) => (price, price.get("recurring").ok_or(Unpriced::Unknown)?),
        None => item.get("plan").map(|plan| (plan, plan)).ok_or(Unpriced::Unknown)?,
    };
    let interval = Interval::of(recurring).ok_or(Unpriced::Unknown)?;
    if text(recurring, "usage_type") == Some("metered") {
        return Ok(ItemPrice { amount: 0, interval });
    }
    let offer = in_currency(price, currency).ok_or(Unpriced::LeftOut)?;
    let quantity = i128::from(read::integer(item, "quantity").unwrap_or(1).max(0));
    let amount = if text(price, "billing_scheme") == Some("tiered") {
        let tiers = offer.get("tiers").and_then(Value::as_array).ok_or(Unpriced::LeftOut)?;
        tiered(tiers, text(price, "tiers_mode") == Some("volume"), quantity)
    } else {
        money(offer, &["unit_amount", "amount"]).and_then(|unit| unit.checked_mul(packages(price, quantity)))
    };
    let amount = amount.filter(|amount| *amount >= 0 && interval.yearly(*amount).is_some());
    amount.map(|amount| ItemPrice { amount, interval }).ok_or(Unpriced::Unknown)
}

/// The part of a price that is in the currency: the price itself, or one of its options.
fn in_currency<'a>(price: &'a Value, currency: Option<&str>) -> Option<&'a Value> {
    match (text(price, "currency"), currency) {
        (Some(own), Some(wanted)) if !own.eq_ignore_ascii_case(wanted) => {
            price.get("currency_options")?.get(wanted).filter(|option| option.is_object())
        }
        _ => Some(price),
    }
}

/// A package price is for `divide_by` units, and the number of packages is rounded up or down.
fn packages(price: &Value, quantity: i128) -> i128 {
    let transform = ["transform_quantity", "transform_usage"].iter().find_map(|name| price.get(name)?.as_object());
    let size = transform.and_then(|t| t.get("divide_by")?.as_i64()).filter(|size| *size > 0);
    let (Some(transform), Some(size)) = (transform, size.map(i128::from)) else { return quantity };
    let is_up = transform.get("round").and_then(Value::as_str) == Some("up");
    quantity / size + i128::from(is_up && quantity % size > 0)
}

/// The price of a quantity in tiers, each up to a number of units. In volume mode all units have the price of the tier
/// that the quantity reaches, otherwise each unit has the price of its own tier.
fn tiered(tiers: &[Value], by_volume: bool, quantity: i128) -> Option<i128> {
    let (mut sum, mut below) = (0i128, 0i128);
    for tier in tiers {
        let end = read::integer(tier, "up_to").map_or(i128::MAX, i128::from);
        let units = if by_volume { quantity } else { quantity.min(end) - below };
        if !by_volume || quantity <= end {
            let unit = money(tier, &["unit_amount"]).unwrap_or(0).checked_mul(units)?;
            sum = sum.checked_add(unit)?.checked_add(money(tier, &["flat_amount"]).unwrap_or(0))?;
        }
        if quantity <= end {
            return Some(sum);
        }
        below = end;
    }
    None
}

/// An amount by one of its names, as an integer or a decimal text.
pub fn money(object: &Value, names: &[&str]) -> Option<i128> {
    names.iter().find_map(|name| match read::integer(object, name) {
        Some(whole) => i128::from(whole).checked_mul(SCALE),
        None => decimal(text(object, &format!("{name}_decimal"))?),
    })
}

/// `1050.5` in 10^-12.
pub fn decimal(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
        return None;
    }
    format!("{whole}{fraction:0<DECIMALS$}").parse().ok()
}
