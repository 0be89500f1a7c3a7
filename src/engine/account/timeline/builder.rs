//! Walks through an account's facts in order, and notes what they add up to.

use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::account::fact::Fact;
use crate::engine::account::timeline::parts::{PaidPeriod, Payment, PaymentPeriod, SubscriptionTotals};
use crate::engine::event::{Invoice, InvoiceOrigin, Payload, Subscription};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The state while iterating over an account's facts.
#[derive(Default)]
pub(super) struct TimelineBuilder<'a> {
    pub facts: Vec<&'a Fact>,
    pub payments: Vec<Payment<'a>>,
    pub paid_periods: Vec<PaidPeriod>,
    pub cancellations: Vec<UtcMillis>,
    pub totals: Vec<SubscriptionTotals<'a>>,
    has_signed_up: bool,
    paid_period: Option<usize>,
    pub subscriptions: HashSet<&'a str>,
    /// Subscriptions that ended, with the paid period that the account's cancellation ended with them, if there was one.
    ended: HashMap<&'a str, Option<PaymentPeriod>>,
    /// The last report of each subscription that has a value.
    pub reported: HashMap<&'a str, &'a Subscription>,
    is_cancelled: bool,
}

impl<'a> TimelineBuilder<'a> {
    /// Rule 4: applies an account's next event, at its place in the order. A cancellation ends a paid period; a payment
    /// starts one.
    pub fn step(&mut self, fact: &'a Fact, at: UtcMillis, owners: &HashMap<&str, &'a Fact>) {
        self.facts.push(fact);
        match &fact.payload {
            Payload::SignedUp { .. } if !self.has_signed_up => {
                self.has_signed_up = true;
                // Whatever it was before, the account counts as not cancelled from now on.
                self.is_cancelled = false;
            }
            Payload::InvoicePaid(invoice) => {
                let stands = owners.get(invoice.invoice_id.as_str()).is_some_and(|c| std::ptr::eq(*c, fact));
                if stands && invoice.amount.cents > Cents::ZERO {
                    self.pay(fact, at, invoice);
                }
            }
            Payload::SubscriptionStarted(s) => {
                self.value(s);
                // The sender says so itself, so it began again even under an id that had ended.
                self.ended.remove(s.subscription_id.as_str());
                self.subscribe(&s.subscription_id);
            }
            Payload::SubscriptionUpdated(s) => {
                self.value(s);
                // What has ended stays ended.
                if !self.ended.contains_key(s.subscription_id.as_str()) {
                    self.subscribe(&s.subscription_id);
                }
            }
            Payload::SubscriptionCancelled(s) => self.end(&s.subscription_id, at),
            Payload::Cancelled => self.cancel(at),
            _ => {}
        }
        self.compute_revenue(at);
    }

    fn value(&mut self, s: &'a Subscription) {
        if s.annual_cents().is_some() {
            self.reported.insert(&s.subscription_id, s);
        }
    }

    /// Records what the active subscriptions are worth from `at` on, while the account is not cancelled.
    fn compute_revenue(&mut self, at: UtcMillis) {
        let mut annual: BTreeMap<Option<&'a str>, i64> = BTreeMap::new();
        for id in self.subscriptions.iter().filter(|_| !self.is_cancelled) {
            let Some(reported) = self.reported.get(id) else { continue };
            let sum = annual.entry(reported.currency.as_deref()).or_default();
            *sum = sum.saturating_add(reported.annual_cents().unwrap_or_default().0);
        }
        if self.totals.last().map(|last| &last.annual) != Some(&annual) {
            self.totals.push(SubscriptionTotals { from: at, annual });
        }
    }

    /// A new subscription ends a cancellation.
    fn subscribe(&mut self, id: &'a str) {
        if self.subscriptions.insert(id) {
            self.is_cancelled = false;
        }
    }

    fn pay(&mut self, fact: &'a Fact, at: UtcMillis, invoice: &'a Invoice) {
        let period = self.period(at, invoice);
        self.payments.push(Payment {
            event_id: &fact.event_id,
            at,
            occurred_at: fact.at,
            invoice,
            taken_back: Cents::ZERO,
            taken_back_elsewhere: None,
            disputed: false,
            period,
        });
    }

    /// Rule 4: the paid period of a payment, which it starts if there is none. A payment that comes after its
    /// subscription's end belongs to the period that ended with it. Only the host knows that an account pays again
    /// without a subscription.
    fn period(&mut self, at: UtcMillis, invoice: &'a Invoice) -> PaymentPeriod {
        if invoice.origin == InvoiceOrigin::OneTime {
            return PaymentPeriod::Own;
        }
        match invoice.subscription_id.as_deref() {
            Some(id) if self.ended.contains_key(id) => {
                let ended_with = self.ended.get(id).copied().flatten();
                return ended_with.or(self.paid_period.map(PaymentPeriod::Paid)).unwrap_or(PaymentPeriod::Own);
            }
            Some(id) => self.subscribe(id),
            None if invoice.origin == InvoiceOrigin::Stripe && self.is_cancelled => return self.last_period(),
            None => self.is_cancelled = false,
        }
        let paid_periods = &mut self.paid_periods;
        PaymentPeriod::Paid(*self.paid_period.get_or_insert_with(|| {
            paid_periods.push(PaidPeriod { first_paid_at: at, cancelled_at: None });
            paid_periods.len() - 1
        }))
    }

    fn last_period(&self) -> PaymentPeriod {
        self.paid_periods.len().checked_sub(1).map_or(PaymentPeriod::Over, PaymentPeriod::Paid)
    }

    /// Rule 4: a subscription that never ran ends nothing but itself.
    fn end(&mut self, id: &'a str, at: UtcMillis) {
        let ran = self.subscriptions.remove(id);
        self.ended.entry(id).or_insert(None);
        if ran && self.subscriptions.is_empty() {
            self.cancel(at);
        }
    }

    fn cancel(&mut self, at: UtcMillis) {
        let ends_with = self.paid_period.map_or(PaymentPeriod::Over, PaymentPeriod::Paid);
        self.ended.extend(self.subscriptions.drain().map(|id| (id, None)));
        self.ended.values_mut().for_each(|period| *period = period.or(Some(ends_with)));
        if !self.is_cancelled {
            self.cancellations.push(at);
            self.is_cancelled = true;
        }
        if let Some(paid_period) = self.paid_period.take() {
            self.paid_periods[paid_period].cancelled_at = Some(at);
        }
    }
}
