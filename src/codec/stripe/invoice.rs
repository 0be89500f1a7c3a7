//! A paid invoice: the amount that earns commission, the months of service it pays for, and its discount.

use crate::base::money::{CENTS_MAX, Cents};
use crate::base::time::DAY_MS;
use crate::codec::Invalid;
use crate::codec::event::envelope::MONTHS_MAX;
use crate::codec::stripe::event::{Draft, EventObject, StripeEvent, Translated};
use crate::codec::stripe::read;
use crate::codec::stripe::read::{cents, id, text};
use crate::engine::event::{Amount, Invoice, InvoiceOrigin, OCCURRED_AT_MIN, Payload};
use crate::program::event::EventType;
use serde_json::Value;

/// Rule 2: `invoice.paid`. An invoice of zero, such as a trial's, is not a payment.
pub fn paid(object: &Value, into: &Translated) -> Result<StripeEvent, Invalid> {
    let invoice_id = read::required_id(object, "id")?;
    if into.customer.is_none() {
        return Ok(StripeEvent::Ignored("it has no customer"));
    }
    let net = net_of_tax(object)?;
    let charged = charged(object)?;
    let base = match cents(object, "total")? {
        // A balance or a credit note covered the rest, tax included: what was paid earns in proportion.
        Some(total) if charged < total => Cents(net).share(Cents(charged), Cents(total)).unwrap_or(Cents::ZERO).0,
        _ => net.min(charged),
    };
    if base <= 0 {
        return Ok(StripeEvent::Ignored("the invoice amount is zero"));
    }
    let discount = read::sum(object, "total_discount_amounts", "amount")?.unwrap_or(0);
    let paid_at = object.get("status_transitions").and_then(|transitions| read::instant(transitions, "paid_at"));
    let paid_at = paid_at.filter(|at| *at >= OCCURRED_AT_MIN).unwrap_or(into.created);
    Ok(StripeEvent::Facts(vec![Draft {
        id: into.id.clone(),
        kind: EventType::InvoicePaid,
        at: paid_at.min(into.created),
        of: if is_long(object) { EventObject::InPart(Box::new(object.clone())) } else { EventObject::Customer },
        payload: Payload::InvoicePaid(Invoice {
            invoice_id: invoice_id.into(),
            subscription_id: subscription(object),
            amount: Amount { cents: Cents(base), currency: read::currency(object)? },
            months: months(read::list(object, "lines")),
            discount_cents: Cents(discount.clamp(0, CENTS_MAX)),
            charged_cents: (charged > base).then_some(Cents(charged)),
            origin: InvoiceOrigin::Stripe,
        }),
        token: None,
    }]))
}

/// What was charged for this invoice. More can be paid than is due, but the rest is a balance, and nobody's base.
fn charged(object: &Value) -> Result<i64, Invalid> {
    let paid = read::required_cents(object, "amount_paid")?;
    let total = cents(object, "total")?.unwrap_or(paid);
    let due = cents(object, "amount_due")?.filter(|due| *due > 0);
    let overpaid = cents(object, "amount_overpaid")?.filter(|over| *over > 0 && paid < total).unwrap_or(0);
    Ok(paid.min(total).min(due.unwrap_or_else(|| paid.saturating_sub(overpaid))))
}

/// The invoice amount without tax. If no field states it, the taxes are subtracted from the total, which contains them
/// whether they were added or included.
fn net_of_tax(object: &Value) -> Result<i64, Invalid> {
    if let Some(net) = cents(object, "total_excluding_tax")? {
        return Ok(net);
    }
    let total = cents(object, "total")?.ok_or_else(|| read::missing("total_excluding_tax"))?;
    let listed = match read::sum(object, "total_taxes", "amount")? {
        Some(sum) => Some(sum),
        None => read::sum(object, "total_tax_amounts", "amount")?,
    };
    let tax = listed.or(cents(object, "tax")?).unwrap_or(0);
    Ok(total.saturating_sub(tax))
}

/// The subscription, in the field where the API version puts it.
fn subscription(object: &Value) -> Option<String> {
    let details = object.get("parent").and_then(|parent| parent.get("subscription_details"));
    let of_line = |line: &Value| {
        let of_parent = || line_details(line).find_map(|details| id(details, "subscription"));
        id(line, "subscription").or_else(of_parent)
    };
    id(object, "subscription")
        .or_else(|| id(details?, "subscription"))
        .or_else(|| read::list(object, "lines").iter().find_map(of_line))
}

/// What a line is for, in new versions.
fn line_details(line: &Value) -> impl Iterator<Item = &Value> {
    let of = |name| line.get("parent")?.get(name);
    ["subscription_item_details", "invoice_item_details"].into_iter().filter_map(of)
}

/// Whether the object does not list all of its lines.
fn is_long(object: &Value) -> bool {
    object.get("lines").is_some_and(|lines| read::flag(lines, "has_more"))
}

/// The draft with the months of all of the invoice's lines.
pub fn with_lines(draft: &Draft, lines: &[Value]) -> Draft {
    let mut draft = Draft { of: EventObject::Customer, ..draft.clone() };
    if let Payload::InvoicePaid(invoice) = &mut draft.payload {
        invoice.months = months(lines);
    }
    draft
}

/// Months of service that the invoice pays for: those of its largest line; of two equal lines, the longer. So a yearly
/// plan with a monthly extra counts as yearly, and a monthly plan with the remainder of an upgrade counts as monthly.
fn months(lines: &[Value]) -> i64 {
    let weighed = lines.iter().filter_map(|line| {
        let amount = read::integer(line, "amount").filter(|amount| *amount > 0)?;
        Some((amount, line_months(line)?))
    });
    weighed.max().map_or(1, |(_, months)| months.clamp(1, MONTHS_MAX))
}

/// Months that one line pays for; `None` if it pays for no span of time. A proration pays for the span of its period. A
/// full term pays for its price's interval or, if the line does not have it, also for its period. Old versions have a
/// price or plan in a line, new ones only its id, so a line counts by its period in both; the period of a single charge
/// is an instant.
fn line_months(line: &Value) -> Option<i64> {
    let is_part = read::flag(line, "proration") || line_details(line).any(|details| read::flag(details, "proration"));
    let of_price = line.get("price").and_then(|price| price.get("recurring")).filter(|recurring| recurring.is_object());
    let price = of_price.or_else(|| line.get("plan"));
    let by_price = price.filter(|_| !is_part).and_then(|recurring| {
        let count = read::integer(recurring, "interval_count").unwrap_or(1).clamp(1, MONTHS_MAX);
        match text(recurring, "interval")? {
            "year" => count.checked_mul(12),
            "month" => Some(count),
            "week" => Some(in_months(count.saturating_mul(7))),
            "day" => Some(in_months(count)),
            _ => None,
        }
    });
    by_price.or_else(|| {
        let period = line.get("period")?;
        let span = read::instant(period, "end")?.0.saturating_sub(read::instant(period, "start")?.0);
        (span > 0).then(|| in_months(span / DAY_MS))
    })
}

/// Days as months, rounded to the nearest: 28 to 31 are one month, 365 and 366 are twelve.
fn in_months(days: i64) -> i64 {
    days.saturating_mul(12).saturating_add(182).div_euclid(365).clamp(1, MONTHS_MAX)
}
