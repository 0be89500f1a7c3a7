//! An account's facts in order, and what they add up to: sign-up, payments with their refunds and disputes, paid
//! periods.
//!
//! Rules 2 to 4, 11 and 16 of the design. Facts are ordered by (occurred_at, event id), never by arrival.

use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::attribution::touch::{Touch, TouchHistory};
use crate::engine::event::{Amount, Invoice, Payload, Subscription};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// One stored event, as decisions see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub event_id: String,
    pub account_id: String,
    /// The event's type.
    pub kind: String,
    pub at: UtcMillis,
    /// The domain of the email address it named; `None` for free mail.
    pub email_domain: Option<String>,
    pub payload: Payload,
    pub credential: VerifiedCredential,
}

/// The attribution credential that an event presented, verified when the event was received.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VerifiedCredential {
    pub code: Option<String>,
    /// The touches of a valid token.
    pub touchpoints: Option<TouchHistory>,
    /// The event carried a token whose signature did not verify.
    #[serde(default)]
    pub token_refused: bool,
    pub visitor: Option<String>,
    /// The clicks of that visitor, as of when the event was received.
    #[serde(default)]
    pub clicks: Vec<Touch>,
}

/// A paid invoice of more than zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment<'a> {
    pub event_id: &'a str,
    pub at: UtcMillis,
    pub invoice: &'a Invoice,
    /// Refunded or lost in disputes; together at most what was paid.
    pub taken_back: Cents,
    /// The other currency of a refund or dispute of the payment: a person has to review it.
    pub taken_back_elsewhere: Option<&'a str>,
    /// A dispute is open.
    pub disputed: bool,
    /// The paid period that it belongs to.
    pub paid_period: usize,
}

impl Payment<'_> {
    /// Whether it exceeds `cents` per month of service.
    pub fn is_monthly_over(&self, cents: Cents) -> bool {
        let floor = cents.0.saturating_mul(self.invoice.months.max(1));
        self.invoice.amount.cents.0 > floor
    }

    pub fn fully_taken_back(&self) -> bool {
        self.taken_back >= self.invoice.amount.cents
    }
}

/// A time with payments and no cancellation: from a first payment until the cancellation that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidPeriod {
    pub first_paid_at: UtcMillis,
    pub cancelled_at: Option<UtcMillis>,
}

/// A span of annual recurring revenue: half-open, without an end while it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revenue {
    pub from_ms: UtcMillis,
    pub to_ms: Option<UtcMillis>,
    pub annual_cents: Cents,
}

/// What the active subscriptions are worth per year from an instant on, by currency (`None`: the program's own).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionTotals<'a> {
    pub from: UtcMillis,
    pub annual: BTreeMap<Option<&'a str>, i64>,
}

/// An active subscription as it was last reported with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveSubscription {
    pub id: String,
    pub reported: Option<Subscription>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline<'a> {
    /// The earliest sign-up.
    pub signup: Option<&'a Fact>,
    pub payments: Vec<Payment<'a>>,
    pub paid_periods: Vec<PaidPeriod>,
    /// When the account changed from not cancelled to cancelled.
    pub cancellations: Vec<UtcMillis>,
    /// Subscriptions that are active at the end, by id.
    pub active: Vec<ActiveSubscription>,
    /// What the subscriptions are worth, in order.
    pub totals: Vec<SubscriptionTotals<'a>>,
    /// All facts of the account itself, in order.
    pub facts: Vec<&'a Fact>,
}

impl<'a> Timeline<'a> {
    /// Rule 6: what `facts` before `as_of` add up to for `account`. Facts of other accounts may be among them: an
    /// invoice belongs to the account that claimed it first, and a refund applies to it no matter which account the
    /// refund names.
    pub fn of(account: &str, facts: &[&'a Fact], as_of: UtcMillis) -> Timeline<'a> {
        let mut known: Vec<&Fact> = facts.iter().copied().filter(|f| f.at < as_of).collect();
        known.sort_by(|a, b| (a.at, &a.event_id).cmp(&(b.at, &b.event_id)));
        let mut owners: HashMap<&str, &Fact> = HashMap::new();
        for fact in &known {
            if let Payload::InvoicePaid(invoice) = &fact.payload {
                owners.entry(&invoice.invoice_id).or_insert(fact);
            }
        }
        let mut walk = TimelineBuilder::default();
        for fact in known.iter().copied().filter(|f| f.account_id == account) {
            walk.step(fact, &owners);
        }
        let reported = |id: &str| walk.reported.get(id).map(|s| (*s).clone());
        let mut active: Vec<ActiveSubscription> = walk
            .subscriptions
            .iter()
            .map(|id| ActiveSubscription { id: (*id).to_owned(), reported: reported(id) })
            .collect();
        active.sort_by(|a, b| a.id.cmp(&b.id));
        let mut timeline = walk.timeline;
        timeline.active = active;
        take_back(&mut timeline.payments, &known);
        timeline
    }

    /// Rule 15: the annual recurring revenue in a program's currency: what the subscriptions in it are worth, from the
    /// first payment in it on. Amounts of different currencies are never added up.
    pub fn revenue_in(&self, currency: &str) -> Vec<Revenue> {
        let mut payments = self.payments.iter().filter(|p| p.invoice.amount.currency == currency);
        let Some(first_paid_at) = payments.next().map(|p| p.at) else { return Vec::new() };
        let ends = self.totals.iter().skip(1).map(|next| Some(next.from)).chain([None]);
        let mut spans: Vec<Revenue> = Vec::new();
        for (worth, to_ms) in self.totals.iter().zip(ends) {
            let own = [None, Some(currency)].into_iter().filter_map(|own| worth.annual.get(&own).copied());
            let annual_cents = Cents(own.fold(0, i64::saturating_add));
            let from_ms = worth.from.max(first_paid_at);
            if annual_cents <= Cents::ZERO || to_ms.is_some_and(|to| to <= from_ms) {
                continue;
            }
            match spans.last_mut() {
                Some(last) if last.to_ms == Some(from_ms) && last.annual_cents == annual_cents => last.to_ms = to_ms,
                _ => spans.push(Revenue { from_ms, to_ms, annual_cents }),
            }
        }
        spans
    }

    /// Whether the account had signed up before: only the first sign-up counts.
    pub fn is_repeated_signup(&self, fact: &Fact) -> bool {
        matches!(fact.payload, Payload::SignedUp { .. }) && self.signup.is_none_or(|s| s.event_id != fact.event_id)
    }

    /// The first payment ever: rules that count months start here.
    pub fn first_paid_at(&self) -> Option<UtcMillis> {
        self.payments.first().map(|p| p.at)
    }
}

/// The state while iterating over an account's facts.
#[derive(Default)]
struct TimelineBuilder<'a> {
    timeline: Timeline<'a>,
    paid_period: Option<usize>,
    subscriptions: HashSet<&'a str>,
    /// Cancelled subscriptions: a repeated cancellation has no effect.
    ended: HashSet<&'a str>,
    /// The last report of each subscription that has a value.
    reported: HashMap<&'a str, &'a Subscription>,
    is_cancelled: bool,
}

impl<'a> TimelineBuilder<'a> {
    /// Rule 4: applies an account's next event. A cancellation ends a paid period; a payment or a subscription starts
    /// one.
    fn step(&mut self, fact: &'a Fact, owners: &HashMap<&str, &'a Fact>) {
        self.timeline.facts.push(fact);
        match &fact.payload {
            Payload::SignedUp { .. } if self.timeline.signup.is_none() => {
                self.timeline.signup = Some(fact);
                // Whatever it was before, the account counts as not cancelled from now on.
                self.is_cancelled = false;
            }
            Payload::InvoicePaid(invoice) => {
                let stands = owners.get(invoice.invoice_id.as_str()).is_some_and(|c| std::ptr::eq(*c, fact));
                if stands && invoice.amount.cents > Cents::ZERO {
                    self.pay(fact, invoice);
                }
            }
            Payload::SubscriptionStarted(s) | Payload::SubscriptionUpdated(s) => {
                if s.annual_cents().is_some() {
                    self.reported.insert(&s.subscription_id, s);
                }
                self.subscribe(&s.subscription_id);
            }
            Payload::SubscriptionCancelled(s) => {
                self.subscriptions.remove(s.subscription_id.as_str());
                if self.ended.insert(&s.subscription_id) && self.subscriptions.is_empty() {
                    self.cancel(fact.at);
                }
            }
            Payload::Cancelled => self.cancel(fact.at),
            _ => {}
        }
        self.compute_revenue(fact.at);
    }

    /// Records what the active subscriptions are worth from `at` on, while the account is not cancelled.
    fn compute_revenue(&mut self, at: UtcMillis) {
        let mut annual: BTreeMap<Option<&'a str>, i64> = BTreeMap::new();
        for id in self.subscriptions.iter().filter(|_| !self.is_cancelled) {
            let Some(reported) = self.reported.get(id) else { continue };
            let sum = annual.entry(reported.currency.as_deref()).or_default();
            *sum = sum.saturating_add(reported.annual_cents().unwrap_or_default().0);
        }
        if self.timeline.totals.last().map(|last| &last.annual) != Some(&annual) {
            self.timeline.totals.push(SubscriptionTotals { from: at, annual });
        }
    }

    fn subscribe(&mut self, id: &'a str) {
        self.ended.remove(id);
        self.subscriptions.insert(id);
    }

    fn pay(&mut self, fact: &'a Fact, invoice: &'a Invoice) {
        self.is_cancelled = false;
        if let Some(id) = &invoice.subscription_id {
            self.subscribe(id);
        }
        let paid_periods = &mut self.timeline.paid_periods;
        let paid_period = *self.paid_period.get_or_insert_with(|| {
            paid_periods.push(PaidPeriod { first_paid_at: fact.at, cancelled_at: None });
            paid_periods.len() - 1
        });
        self.timeline.payments.push(Payment {
            event_id: &fact.event_id,
            at: fact.at,
            invoice,
            taken_back: Cents::ZERO,
            taken_back_elsewhere: None,
            disputed: false,
            paid_period,
        });
    }

    fn cancel(&mut self, at: UtcMillis) {
        self.ended.extend(self.subscriptions.drain());
        if !self.is_cancelled {
            self.timeline.cancellations.push(at);
            self.is_cancelled = true;
        }
        if let Some(paid_period) = self.paid_period.take() {
            self.timeline.paid_periods[paid_period].cancelled_at = Some(at);
        }
    }
}

/// Applies refunds and disputes to their payments.
fn take_back<'a>(payments: &mut [Payment<'a>], known: &[&'a Fact]) {
    // By invoice and currency: amounts in another currency are never converted.
    let mut taken = refunded(known);
    let mut disputes: HashMap<(&str, &str), &Payload> = HashMap::new();
    for fact in known {
        match &fact.payload {
            Payload::DisputeOpened(d) => {
                // A dispute that was won or lost never reopens, no matter how a later opening is dated.
                disputes.entry((&d.invoice_id, &d.dispute_id)).or_insert(&fact.payload);
            }
            Payload::DisputeWon(d) | Payload::DisputeLost(d) => {
                disputes.insert((&d.invoice_id, &d.dispute_id), &fact.payload);
            }
            _ => {}
        }
    }
    let mut open: HashSet<&str> = HashSet::new();
    for ((invoice_id, _), latest) in disputes {
        match latest {
            Payload::DisputeLost(d) => {
                let sum = taken.entry((invoice_id, &d.amount.currency)).or_default();
                *sum = sum.saturating_add(d.amount.cents.0);
            }
            Payload::DisputeOpened(_) => {
                open.insert(invoice_id);
            }
            _ => {}
        }
    }
    for payment in payments {
        let id = payment.invoice.invoice_id.as_str();
        let same = taken.get(&(id, payment.invoice.amount.currency.as_str())).copied().unwrap_or(0);
        // Refunds include the tax that was charged; what counts is their share of what was paid for the service.
        let charged = payment.invoice.charged();
        let share = payment.invoice.amount.cents.share(Cents(same.min(charged.0)), charged);
        payment.taken_back = share.unwrap_or(Cents::ZERO);
        let others =
            taken.keys().filter(|(invoice, currency)| *invoice == id && *currency != payment.invoice.amount.currency);
        payment.taken_back_elsewhere = others.map(|(_, currency)| *currency).min();
        payment.disputed = open.contains(id);
    }
}

/// The refunded amount of each invoice, by currency: the sum of its refunds that did not fail, or the charges' totals
/// minus the failed refunds, whichever is more. Neither depends on the order of the facts.
fn refunded<'a>(known: &[&'a Fact]) -> HashMap<(&'a str, &'a str), i64> {
    let mut failed: HashMap<(&str, &str), &Amount> = HashMap::new();
    let mut totals: HashMap<(&str, &str, &str), i64> = HashMap::new();
    for fact in known {
        match &fact.payload {
            Payload::InvoiceRefundFailed { refund_id, invoice_id, amount } => {
                failed.entry((invoice_id, refund_id)).or_insert(amount);
            }
            Payload::InvoiceRefundedTotal { charge_id, invoice_id, amount } => {
                let total = totals.entry((invoice_id, charge_id, &amount.currency)).or_default();
                *total = amount.cents.0.max(*total);
            }
            _ => {}
        }
    }
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let mut taken: HashMap<(&str, &str), i64> = HashMap::new();
    for fact in known {
        if let Payload::InvoiceRefunded { refund_id, invoice_id, amount } = &fact.payload {
            let is_first = seen.insert((invoice_id, refund_id));
            if is_first && !failed.contains_key(&(invoice_id.as_str(), refund_id.as_str())) {
                let sum = taken.entry((invoice_id, &amount.currency)).or_default();
                *sum = sum.saturating_add(amount.cents.0);
            }
        }
    }
    let mut sums: HashMap<(&str, &str), i64> = HashMap::new();
    for ((invoice, _, currency), total) in totals {
        let sum = sums.entry((invoice, currency)).or_default();
        *sum = sum.saturating_add(total);
    }
    for ((invoice, _), amount) in &failed {
        if let Some(sum) = sums.get_mut(&(*invoice, amount.currency.as_str())) {
            *sum = sum.saturating_sub(amount.cents.0);
        }
    }
    for (key, sum) in sums.into_iter().filter(|(_, sum)| *sum > 0) {
        let own = taken.entry(key).or_default();
        *own = sum.max(*own);
    }
    taken
}
