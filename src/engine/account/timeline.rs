//! An account's facts in order, and what they add up to: sign-up, payments with their refunds and disputes, paid
//! periods.
//!
//! Rules 2 to 4, 11 and 16 of the design. Facts go by `order::Position`, never by arrival.

use crate::base::ids::{AccountId, EventId};
use crate::base::money::Cents;
use crate::base::sort::sort_by;
use crate::base::time::UtcMillis;
use crate::engine::account::fact::Fact;
use crate::engine::account::order::{Position, SignUp, position};
use crate::engine::account::refunds_disputes::{Losses, Shares};
use crate::engine::event::{FactKind, Invoice, InvoiceOrigin, MoneyFact, Payload, Subscription};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// A paid invoice of more than zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment<'a> {
    pub event_id: &'a EventId,
    /// The sign-up's instant if it was made shortly before.
    pub at: UtcMillis,
    pub invoice: &'a Invoice,
    /// Refunded or lost in disputes, tax included; together at most what was charged.
    pub taken_back: Cents,
    /// The other currency of a refund or dispute of the payment: a person has to review it.
    pub taken_back_elsewhere: Option<&'a str>,
    /// A dispute is open.
    pub disputed: bool,
    pub period: PaymentPeriod,
}

/// The paid period that a payment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentPeriod {
    /// By its place in the timeline.
    Paid(usize),
    /// None: its hold starts with itself.
    Own,
    /// None, and the account had left.
    Over,
}

impl Payment<'_> {
    pub fn position(&self) -> Position<'_> {
        (self.at, FactKind::Payment, self.event_id)
    }

    /// Whether it makes the account a customer. A one-time payment earns rates and nothing else.
    pub fn is_customers(&self) -> bool {
        self.invoice.origin != InvoiceOrigin::OneTime
    }

    /// Whether it exceeds `cents` per month of service.
    pub fn is_monthly_over(&self, cents: Cents) -> bool {
        let floor = cents.0.saturating_mul(self.invoice.months.max(1));
        self.invoice.amount.cents.0 > floor
    }

    pub fn fully_taken_back(&self) -> bool {
        self.taken_back >= self.invoice.charged()
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
    account: &'a str,
    /// The facts that it was made of, also those of later times.
    given: &'a [&'a Fact],
    /// What each payment paid: the same as of every time.
    shares: Rc<Shares<'a>>,
}

impl<'a> Timeline<'a> {
    /// Rule 6: what `facts` before `as_of` add up to for `account`. Facts of other accounts may be among them: an
    /// invoice belongs to the account that claimed it first, and a refund applies to it no matter which account the
    /// refund names.
    pub fn of(account: &'a AccountId, facts: &'a [&'a Fact], as_of: UtcMillis) -> Timeline<'a> {
        let all: Vec<MoneyFact> = facts.iter().map(|fact| fact.money()).collect();
        let shares = Rc::new(Shares::of(&all));
        Timeline { account, given: facts, shares, ..Timeline::default() }.until(as_of)
    }

    /// What the same facts add up to before `as_of`.
    pub fn until(&self, as_of: UtcMillis) -> Timeline<'a> {
        let (account, facts) = (self.account, self.given);
        let mut known: Vec<&Fact> = facts.iter().copied().filter(|f| f.at < as_of).collect();
        sort_by(&mut known, |a, b| position(a).cmp(&position(b)));
        let mut owners: HashMap<&str, &Fact> = HashMap::new();
        for fact in &known {
            if let Payload::InvoicePaid(invoice) = &fact.payload {
                owners.entry(&invoice.invoice_id).or_insert(fact);
            }
        }
        let mut own: Vec<&Fact> = known.iter().copied().filter(|f| f.account_id.as_str() == account).collect();
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
        let mut timeline = walk.timeline;
        timeline.signup = signup;
        timeline.active = active;
        timeline.account = account;
        timeline.given = facts;
        timeline.shares = Rc::clone(&self.shares);
        timeline.take_back(&known);
        timeline
    }

    /// When each of the facts happened that it was made of, and whether the fact is the account's own.
    pub fn instants(&self) -> impl Iterator<Item = (UtcMillis, bool)> {
        self.given.iter().map(|fact| (fact.at, fact.account_id.as_str() == self.account))
    }

    /// Applies refunds and disputes to their payments.
    fn take_back(&mut self, known: &[&'a Fact]) {
        let known: Vec<MoneyFact> = known.iter().map(|fact| fact.money()).collect();
        let losses = Losses::of(&known, &self.shares);
        for payment in &mut self.payments {
            let lost = losses.of_invoice(payment.invoice);
            payment.taken_back = lost.cents;
            payment.taken_back_elsewhere = lost.elsewhere;
            payment.disputed = lost.disputed;
        }
    }

    /// Rule 15: the annual recurring revenue in a program's currency: what the subscriptions in it are worth, from the
    /// first payment in it on. Amounts of different currencies are never added up.
    pub fn revenue_in(&self, currency: &str) -> Vec<Revenue> {
        let mut payments = self.payments.iter().filter(|p| p.is_customers() && p.invoice.amount.currency == currency);
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
        let is_first = || self.signup.first().is_some_and(|first| first.event_id == fact.event_id);
        matches!(fact.payload, Payload::SignedUp { .. }) && !is_first()
    }

    /// The first payment ever: rules that count months start here.
    pub fn first_paid_at(&self) -> Option<UtcMillis> {
        self.first_payment().map(|p| p.at)
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

/// The state while iterating over an account's facts.
#[derive(Default)]
struct TimelineBuilder<'a> {
    timeline: Timeline<'a>,
    has_signed_up: bool,
    paid_period: Option<usize>,
    subscriptions: HashSet<&'a str>,
    /// Subscriptions that ended, with the paid period that the account's cancellation ended with them, if there was one.
    ended: HashMap<&'a str, Option<PaymentPeriod>>,
    /// The last report of each subscription that has a value.
    reported: HashMap<&'a str, &'a Subscription>,
    is_cancelled: bool,
}

impl<'a> TimelineBuilder<'a> {
    /// Rule 4: applies an account's next event, at its place in the order. A cancellation ends a paid period; a payment
    /// starts one.
    fn step(&mut self, fact: &'a Fact, at: UtcMillis, owners: &HashMap<&str, &'a Fact>) {
        self.timeline.facts.push(fact);
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
        if self.timeline.totals.last().map(|last| &last.annual) != Some(&annual) {
            self.timeline.totals.push(SubscriptionTotals { from: at, annual });
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
        self.timeline.payments.push(Payment {
            event_id: &fact.event_id,
            at,
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
        let paid_periods = &mut self.timeline.paid_periods;
        PaymentPeriod::Paid(*self.paid_period.get_or_insert_with(|| {
            paid_periods.push(PaidPeriod { first_paid_at: at, cancelled_at: None });
            paid_periods.len() - 1
        }))
    }

    fn last_period(&self) -> PaymentPeriod {
        self.timeline.paid_periods.len().checked_sub(1).map_or(PaymentPeriod::Over, PaymentPeriod::Paid)
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
            self.timeline.cancellations.push(at);
            self.is_cancelled = true;
        }
        if let Some(paid_period) = self.paid_period.take() {
            self.timeline.paid_periods[paid_period].cancelled_at = Some(at);
        }
    }
}
