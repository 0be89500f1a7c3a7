//! What a story earns its partner, from the design's rules 2, 3, 4, 8, 11, 12, 16, 17 and 25 alone. Nothing here is
//! the engine's: it knows the whole story, where the engine knows events in any order.

use super::story::{Customer, DAY, DisputeEnd, Invoice, Payment, SignUp, Story};
use crate::simulation::calendar::{firsts, plus_months};
use std::collections::BTreeMap;

/// Account and source of each accrual, and what is left of it.
pub type Accruals = BTreeMap<String, i64>;

pub fn accruals(story: &Story) -> Accruals {
    story.customers.iter().filter(|customer| customer.by != SignUp::Nobody).flat_map(of_customer).collect()
}

fn of_customer(customer: &Customer) -> Accruals {
    let earning = || customer.invoices.iter().filter(|invoice| base(invoice) > 0);
    // Something bought once makes nobody a customer: no clock starts with it, and it is in no stay.
    let paid: Vec<&Invoice> = earning().filter(|invoice| !invoice.one_time).collect();
    let first_paid = paid.iter().map(|invoice| customer.counts_at(invoice)).min();
    let stays = stays(customer, &paid);
    let mut found = Accruals::new();
    for invoice in earning().filter(|invoice| invoice.currency == "usd") {
        let at = customer.counts_at(invoice);
        let is_first_year = at * 1_000 < plus_months(first_paid.unwrap_or(at) * 1_000, 12);
        let earned = base(invoice) * if is_first_year { 20 } else { 10 } / 100;
        if earned == 0 {
            continue;
        }
        let back = returned(customer, invoice, i64::MAX).min(charged(invoice));
        let reversed = i128::from(earned) * i128::from(back) / i128::from(charged(invoice));
        let is_void = if invoice.one_time { ends_within(customer, at) } else { is_void(&stays, at) };
        let left = if is_void { 0 } else { earned - reversed as i64 };
        found.insert(format!("{} invoice:{}", customer.account, invoice.id), left);
    }
    if let Some(left) = high_value(customer, &stays, &paid) {
        found.insert(format!("{} event:subscription.started", customer.account), left);
    }
    found
}

/// Rule 2: what was paid of an invoice, and its share without tax.
fn charged(invoice: &Invoice) -> i64 {
    invoice.due
}

fn base(invoice: &Invoice) -> i64 {
    match invoice.total() {
        0 => 0,
        total => (i128::from(invoice.due) * i128::from(invoice.net) / i128::from(total)) as i64,
    }
}

/// Rules 4 and 16: a stay begins with a payment and ends when no subscription is left.
#[derive(Debug)]
struct Stay {
    from: i64,
    first_paid: i64,
    ended: Option<i64>,
}

fn spans(customer: &Customer) -> Vec<(i64, Option<i64>)> {
    let mut spans: Vec<(i64, Option<i64>)> = Vec::new();
    for subscription in &customer.subscriptions {
        match spans.last_mut() {
            // A new subscription in the second in which the old one ends is a change of plan.
            Some(last) if last.1 == Some(subscription.started_at) => last.1 = subscription.ended_at,
            _ => spans.push((subscription.started_at, subscription.ended_at)),
        }
    }
    spans
}

fn stays(customer: &Customer, paid: &[&Invoice]) -> Vec<Stay> {
    let first = |from: i64, ended: Option<i64>| {
        let within = |at: &i64| *at >= from && ended.is_none_or(|ended| *at <= ended);
        paid.iter().map(|invoice| customer.counts_at(invoice)).filter(within).min()
    };
    let stay = |(from, ended)| Some(Stay { from, first_paid: first(from, ended)?, ended });
    spans(customer).into_iter().filter_map(stay).collect()
}

/// Whether the account left in the hold of something that was bought once.
fn ends_within(customer: &Customer, at: i64) -> bool {
    spans(customer).iter().filter_map(|(_, ended)| *ended).any(|ended| ended >= at && ended < at + 60 * DAY)
}

/// Whether what is accrued at an instant is void: its stay, or the one that it follows, ended inside the hold.
fn is_void(stays: &[Stay], at: i64) -> bool {
    let stay = stays.iter().rfind(|stay| stay.from <= at).or(stays.first());
    stay.is_some_and(|stay| stay.ended.is_some_and(|ended| ended < stay.first_paid + 60 * DAY))
}

/// Rule 11: what was given back of an invoice before an instant. What is taken back of a payment is added up, and then
/// split between its invoices by what it paid of each; cents left over go to the smallest ids.
fn returned(customer: &Customer, invoice: &Invoice, before: i64) -> i64 {
    let outside = invoice.note.as_ref().filter(|(_, _, voided)| voided.is_none_or(|at| at >= before));
    let outside = outside.filter(|_| invoice.paid_at + DAY < before).map_or(0, |(_, cents, _)| *cents);
    outside + customer.payments.iter().map(|payment| share(payment, &invoice.id, before)).sum::<i64>()
}

fn share(payment: &Payment, invoice: &str, before: i64) -> i64 {
    let is_known = |at: i64| at < before;
    let refunds = payment.refunds.iter().filter(|r| is_known(r.at) && !r.failed_at.is_some_and(is_known));
    let refunded: i64 = refunds.map(|refund| refund.cents).sum();
    let lost = payment.dispute.iter().filter(|d| match d.end {
        DisputeEnd::Lost => is_known(d.at),
        DisputeEnd::Won => is_known(d.at) && !is_known(d.at + 10 * DAY),
        _ => false,
    });
    let whole = payment.cents();
    let back = (refunded + lost.map(|dispute| dispute.cents).sum::<i64>()).min(whole);
    let floor = |paid: i64| (i128::from(back) * i128::from(paid) / i128::from(whole)) as i64;
    let mut parts = payment.parts.clone();
    parts.sort();
    let mut left = back - parts.iter().map(|(_, paid)| floor(*paid)).sum::<i64>();
    for (id, paid) in parts {
        let extra = i64::from(left > 0 && floor(paid) < paid);
        left -= extra;
        if id == invoice {
            return floor(paid) + extra;
        }
    }
    0
}

/// Rules 12 and 17: once per account, for the first subscription of $5,000 a year. Void if it left inside the hold, or
/// if it left or its first invoice was given back in full before the run that would vest it.
fn high_value(customer: &Customer, stays: &[Stay], paid: &[&Invoice]) -> Option<i64> {
    let large = |monthly: i64| monthly * 12 >= 500_000 && customer.currency == "usd";
    let subscription = customer.subscriptions.iter().find(|s| large(s.monthly_cents))?;
    let at = subscription.started_at;
    let stay = stays.iter().find(|stay| stay.ended.is_none_or(|ended| ended >= at))?;
    let vests_at = (stay.first_paid + 60 * DAY).max(at) * 1_000;
    let run = firsts(vests_at, vests_at + 40 * DAY * 1_000)[0] / 1_000;
    let left = stays.iter().filter_map(|stay| stay.ended).any(|ended| ended >= at && ended < run);
    let first = paid.iter().min_by_key(|invoice| (customer.counts_at(invoice), &invoice.id))?;
    let is_returned = returned(customer, first, run) >= charged(first);
    Some(if left || is_void(stays, at) || is_returned { 0 } else { 50_000 })
}
