//! What a timeline is made of.

use crate::base::ids::EventId;
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::account::order::Position;
use crate::engine::event::{FactKind, Invoice, InvoiceOrigin, Subscription};
use serde::Serialize;
use std::collections::BTreeMap;

/// A paid invoice of more than zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment<'a> {
    pub event_id: &'a EventId,
    /// The sign-up's instant if it was made shortly before.
    pub at: UtcMillis,
    /// When it was made.
    pub occurred_at: UtcMillis,
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
