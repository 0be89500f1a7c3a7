//! A discount of a subscription or of one of its items: what it takes off an invoice, and off which invoices.

use crate::base::time::UtcMillis;
use crate::codec::stripe::price;
use crate::codec::stripe::price::SCALE;
use crate::codec::stripe::read;
use crate::codec::stripe::read::{flag, id, text};
use serde_json::Value;

/// All of an amount, in the unit of [`Cut::Share`].
const WHOLE: i128 = 1_000_000;

/// What a discount takes off an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Millionths of each line.
    Share(i128),
    /// An amount of the whole, in the unit of prices.
    Amount(i128),
}

/// The invoices that it is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duration {
    First,
    Before(UtcMillis),
    Forever,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    cut: Cut,
    duration: Duration,
    /// The only products that it applies to, if it names any.
    products: Option<Vec<String>>,
}

/// The event has only an id where Stripe knows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CouponMissing;

/// The discounts of a subscription or item at an instant. Old versions have one `discount`, later ones have `discounts`
/// too, and list there only its id.
pub fn discounts(object: &Value, currency: Option<&str>, at: UtcMillis) -> Result<Vec<Discount>, CouponMissing> {
    let single = object.get("discount").filter(|discount| discount.is_object());
    let listed = object.get("discounts").and_then(Value::as_array).filter(|listed| !listed.is_empty());
    let all: Vec<&Value> = match listed {
        Some(listed) => listed.iter().map(|one| expanded(one, single)).collect(),
        None => single.into_iter().collect(),
    };
    let read: Result<Vec<_>, CouponMissing> = all.into_iter().map(|one| discount(one, currency, at)).collect();
    Ok(read?.into_iter().flatten().collect())
}

/// The discount itself, if the other field has it.
fn expanded<'a>(one: &'a Value, single: Option<&'a Value>) -> &'a Value {
    single.filter(|single| one.is_string() && single.get("id") == Some(one)).unwrap_or(one)
}

/// One discount; `None` if it takes off nothing any more.
fn discount(one: &Value, currency: Option<&str>, at: UtcMillis) -> Result<Option<Discount>, CouponMissing> {
    if !one.is_object() {
        return if one.is_null() { Ok(None) } else { Err(CouponMissing) };
    }
    let ends_at = read::instant(one, "end");
    if flag(one, "deleted") || ends_at.is_some_and(|end| end <= at) {
        return Ok(None);
    }
    // Since 2025-09-30 the coupon is in `source`, as an id unless it was asked for.
    let coupon = one.get("coupon").or_else(|| one.get("source")?.get("coupon")).filter(|coupon| !coupon.is_null());
    let Some(coupon) = coupon else { return Ok(None) };
    if !coupon.is_object() {
        return Err(CouponMissing);
    }
    let Some(cut) = cut(coupon, currency)? else { return Ok(None) };
    let months = read::integer(coupon, "duration_in_months").unwrap_or(0).clamp(0, 1_200);
    let duration = match (text(coupon, "duration"), ends_at) {
        (Some("once"), _) => Duration::First,
        (_, Some(end)) => Duration::Before(end),
        (Some("repeating"), None) => Duration::Before(read::instant(one, "start").unwrap_or(at).plus_months(months)),
        _ => Duration::Forever,
    };
    let products = coupon.get("applies_to").and_then(|applies| applies.get("products")).and_then(Value::as_array);
    let products = products.map(|all| all.iter().filter_map(|p| p.as_str().map(str::to_owned)).collect());
    Ok(Some(Discount { cut, duration, products }))
}

/// What a coupon takes off. An amount in another currency than the subscription's is never converted: the coupon has it
/// in the subscription's too.
fn cut(coupon: &Value, currency: Option<&str>) -> Result<Option<Cut>, CouponMissing> {
    if let Some(percent) = coupon.get("percent_off").filter(|percent| percent.is_number()) {
        let millionths = price::decimal(&percent.to_string()).map(|percent| percent * WHOLE / (100 * SCALE));
        return Ok(millionths.map(|share| Cut::Share(share.clamp(0, WHOLE))));
    }
    let amount = |object: &Value| price::money(object, &["amount_off"]).map(|off| Cut::Amount(off.max(0)));
    match (text(coupon, "currency"), currency) {
        (Some(own), Some(wanted)) if !own.eq_ignore_ascii_case(wanted) => {
            let options = coupon.get("currency_options").ok_or(CouponMissing)?;
            Ok(options.get(wanted).and_then(amount))
        }
        _ => Ok(amount(coupon)),
    }
}

/// One line of an invoice: an item's product and amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLine {
    pub product: Option<String>,
    pub amount: i128,
}

impl InvoiceLine {
    pub fn of(item: &Value, amount: i128) -> InvoiceLine {
        InvoiceLine {
            product: item.get("price").or_else(|| item.get("plan")).and_then(|price| id(price, "product")),
            amount,
        }
    }
}

impl Discount {
    pub fn is_forever(&self) -> bool {
        self.duration == Duration::Forever
    }

    /// Whether it is taken off the invoice with this number, made at this instant.
    pub fn applies(&self, number: i64, at: UtcMillis) -> bool {
        match self.duration {
            Duration::First => number == 0,
            Duration::Before(end) => at < end,
            Duration::Forever => true,
        }
    }

    /// Takes it off an invoice's lines, none of which becomes negative.
    pub fn take_off(&self, lines: &mut [InvoiceLine]) {
        let names = |line: &InvoiceLine| match (&self.products, &line.product) {
            (Some(only), Some(product)) => only.contains(product),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let mut left = if let Cut::Amount(amount) = self.cut { amount } else { 0 };
        for line in lines.iter_mut().filter(|line| names(line)) {
            let off = match self.cut {
                Cut::Share(share) => line.amount / WHOLE * share + line.amount % WHOLE * share / WHOLE,
                Cut::Amount(_) => left.min(line.amount),
            };
            line.amount -= off;
            left -= left.min(off);
        }
    }
}
