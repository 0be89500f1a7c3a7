//! An account's facts in order, and what they add up to: sign-up, payments with their refunds and disputes, paid
//! periods.
//!
//! Rules 2 to 4, 11 and 16 of the design. Facts go by `order::Position`, never by arrival.

mod builder;
mod parts;

use crate::base::ids::AccountId;
use crate::base::money::Cents;
use crate::base::sort::sort_by;
use crate::base::time::UtcMillis;
use crate::engine::account::fact::Fact;
use crate::engine::account::order::{SignUp, position};
use crate::engine::account::refunds_disputes::{Losses, Shares};
use crate::engine::account::spans::Spans;
use crate::engine::account::timeline::builder::TimelineBuilder;
pub use crate::engine::account::timeline::parts::{
    ActiveSubscription, PaidPeriod, Payment, PaymentPeriod, Revenue, SubscriptionTotals,
};
use crate::engine::event::{MoneyFact, Payload};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

#[derive(Debug, Default)]
pub struct Timeline<'a> {
    pub signup: SignUp<'a>,
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
    /// What each payment paid.
    shares: Shares<'a>,
    /// Refunds and disputes by the invoices that they take back from, in order.
    taken_from: HashMap<&'a str, Vec<MoneyFact<'a>>>,
    remembered: RefCell<HashMap<String, Rc<Spans>>>,
}

impl<'a> Timeline<'a> {
    /// Rule 6: what `facts` before `as_of` add up to for `account`. Facts of other accounts may be among them: an
    /// invoice belongs to the account that claimed it first, and a refund applies to it no matter which account the
    /// refund names.
    pub fn of(account: &AccountId, facts: &[&'a Fact], as_of: UtcMillis) -> Timeline<'a> {
        let mut known: Vec<&Fact> = facts.iter().copied().filter(|f| f.at < as_of).collect();
        sort_by(&mut known, |a, b| position(a).cmp(&position(b)));
        let mut owners: HashMap<&str, &Fact> = HashMap::new();
        for fact in &known {
            if let Payload::InvoicePaid(invoice) = &fact.payload {
                owners.entry(&invoice.invoice_id).or_insert(fact);
            }
        }
        let mut own: Vec<&Fact> = known.iter().copied().filter(|f| f.account_id == *account).collect();
        let signup = SignUp::of(&own);
        sort_by(&mut own, |a, b| signup.position_of(a).cmp(&signup.position_of(b)));
        let mut walk = TimelineBuilder::default();
        for fact in own {
            walk.step(fact, signup.position_of(fact).0, &owners);
        }
        let reported = |id: &str| walk.reported.get(id).map(|s| (*s).clone());
        let mut active: Vec<ActiveSubscription> = walk
            .subscriptions
            .iter()
            .map(|id| ActiveSubscription { id: (*id).to_owned(), reported: reported(id) })
            .collect();
        sort_by(&mut active, |a, b| a.id.cmp(&b.id));
        let mut timeline = Timeline {
            signup,
            payments: walk.payments,
            paid_periods: walk.paid_periods,
            cancellations: walk.cancellations,
            active,
            totals: walk.totals,
            facts: walk.facts,
            ..Timeline::default()
        };
        // What a payment paid does not depend on the time that is asked about.
        let all: Vec<MoneyFact> = facts.iter().map(|fact| fact.money()).collect();
        timeline.shares = Shares::of(&all);
        timeline.take_back(&known);
        timeline
    }

    /// Applies refunds and disputes to their payments.
    fn take_back(&mut self, known: &[&'a Fact]) {
        let known: Vec<MoneyFact> = known.iter().map(|fact| fact.money()).collect();
        for fact in &known {
            for invoice in self.shares.taken_from(fact) {
                self.taken_from.entry(invoice).or_default().push(*fact);
            }
        }
        let losses = Losses::of(&known, &self.shares);
        for payment in &mut self.payments {
            let lost = losses.of_invoice(payment.invoice);
            payment.taken_back = lost.cents;
            payment.taken_back_elsewhere = lost.elsewhere;
            payment.disputed = lost.disputed;
        }
    }

    /// As of when a payment is known and not taken back in full.
    pub fn kept(&self, payment: &Payment) -> Spans {
        let known = Spans::since(Some(payment.occurred_at.plus_ms(1)));
        let Some(facts) = self.taken_from.get(payment.invoice.invoice_id.as_str()) else { return known };
        let mut gone = Vec::new();
        for (count, fact) in facts.iter().enumerate() {
            let next = facts.get(count + 1).map_or(UtcMillis(i64::MAX), |next| next.at.plus_ms(1));
            let lost = Losses::of(&facts[..=count], &self.shares).of_invoice(payment.invoice);
            if lost.cents >= payment.invoice.charged() {
                gone.push((fact.at.plus_ms(1), next));
            }
        }
        known.without(gone)
    }

    /// Whether a refund or dispute is about a payment.
    pub fn is_touched(&self, payment: &Payment) -> bool {
        self.taken_from.contains_key(payment.invoice.invoice_id.as_str())
    }

    /// Whether sign-up, subscriptions and paid periods are the same.
    pub fn goes_like(&self, other: &Timeline) -> bool {
        self.signup == other.signup
            && self.paid_periods == other.paid_periods
            && self.cancellations == other.cancellations
            && self.totals == other.totals
            && self.active == other.active
    }

    /// What was computed under the same key before.
    pub fn remembered(&self, key: String, compute: impl FnOnce() -> Spans) -> Rc<Spans> {
        if let Some(known) = self.remembered.borrow().get(&key) {
            return Rc::clone(known);
        }
        let spans = Rc::new(compute());
        self.remembered.borrow_mut().insert(key, Rc::clone(&spans));
        spans
    }

    /// Rule 15: the annual recurring revenue in a program's currency: what the subscriptions in it are worth, from the
    /// first payment in it on. Amounts of different currencies are never added up.
    pub fn revenue_in(&self, currency: &str) -> Vec<Revenue> {
        let Some(first_paid_at) = self.customers_payments(currency).next().map(|p| p.at) else { return Vec::new() };
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
        let is_first = || self.signup.first().is_some_and(|first| first.event_id == fact.event_id);
        matches!(fact.payload, Payload::SignedUp { .. }) && !is_first()
    }

    /// The first payment ever: rules that count months start here.
    pub fn first_paid_at(&self) -> Option<UtcMillis> {
        self.first_payment().map(|p| p.at)
    }

    /// The payments in a currency that make the account a customer.
    pub fn customers_payments<'t>(&'t self, currency: &'t str) -> impl Iterator<Item = &'t Payment<'a>> {
        self.payments.iter().filter(move |p| p.is_customers() && p.invoice.amount.currency == currency)
    }

    pub fn first_payment(&self) -> Option<&Payment<'a>> {
        self.payments.iter().find(|p| p.is_customers())
    }

    /// Rule 16: the period whose hold a payment's accruals wait for.
    pub fn period_of(&self, payment: &Payment) -> PaidPeriod {
        let own = |cancelled_at| PaidPeriod { first_paid_at: payment.at, cancelled_at };
        match payment.period {
            PaymentPeriod::Paid(place) => self.paid_periods.get(place).cloned().unwrap_or_else(|| own(None)),
            PaymentPeriod::Own => own(self.cancellations.iter().copied().find(|c| *c >= payment.at)),
            PaymentPeriod::Over => own(Some(payment.at)),
        }
    }
}
