//! An account's life by the rules, directly from the raw events: sign-up, payments with refunds and disputes,
//! cancellations, paid periods, subscription value. Naive and slow, without a single line of the engine.
//!
//! Source: section 5 of the design, rules 2 to 4, 8, 11, 15 and 16.

use super::calendar::DAY;
use super::facts::{Known, Place, Sent};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A payment. If several events have one invoice id, the earliest counts.
#[derive(Clone, Debug)]
pub struct Invoice {
    pub id: String,
    pub account: String,
    pub place: Place,
    pub cents: i64,
    pub months: i64,
    pub currency: String,
    pub discount: i64,
    /// Refunded and lost in disputes, not limited to the amount paid.
    pub returned: i64,
    /// A dispute is open.
    pub frozen: bool,
}

impl Invoice {
    pub fn at(&self) -> i64 {
        self.place.0
    }

    pub fn is_ours(&self) -> bool {
        self.currency == "usd"
    }

    pub fn is_returned_in_full(&self) -> bool {
        self.returned >= self.cents
    }

    /// The part of `earned` that is clawed back.
    pub fn taken(&self, earned: i64) -> i64 {
        let returned = self.returned.min(self.cents);
        (i128::from(earned) * i128::from(returned) / i128::from(self.cents)) as i64
    }
}

/// A paid period: from the first payment since the account last (re)started until its cancellation.
#[derive(Clone, Debug)]
pub struct Stay {
    pub from: Place,
    pub cancelled: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Life {
    pub events: Vec<Rc<Sent>>,
    /// Its events, and other accounts' events about the same invoices.
    pub related: Known,
    pub sign_up: Option<Rc<Sent>>,
    /// Payments above zero, in order.
    pub payments: Vec<Invoice>,
    pub cancelled: Vec<i64>,
    pub stays: Vec<Stay>,
}

impl Life {
    pub fn of(known: &Known, account: &str) -> Life {
        let known: Known = known.about(account);
        let events: Vec<Rc<Sent>> = known.of(account).cloned().collect();
        let payments: Vec<Invoice> =
            invoices(&known).into_iter().filter(|i| i.account == account && i.cents > 0).collect();
        let sign_up = events.iter().find(|e| e.kind == "account.signed_up").cloned();
        let cancelled = cancellations(&events, &payments);
        let stays = stays(&cancelled, &payments);
        // A canceled account cannot be canceled again until it signs up or pays.
        let real = cancelled.iter().enumerate().filter(|(index, place)| {
            let before = index.checked_sub(1).map(|i| &cancelled[i]);
            before.is_none_or(|b| {
                let returned = |p: &Place| p > b && p < *place;
                payments.iter().any(|i| returned(&i.place)) || sign_up.as_ref().is_some_and(|s| returned(&s.place()))
            })
        });
        let cancelled = real.map(|(_, place)| place.0).collect();
        Life { sign_up, payments, cancelled, stays, events, related: known }
    }

    pub fn first_paid(&self) -> Option<i64> {
        self.payments.first().map(Invoice::at)
    }

    pub fn signed_up_at(&self) -> Option<i64> {
        self.sign_up.as_ref().map(|s| s.at)
    }

    /// The first cancellation in [from, to).
    pub fn cancelled_in(&self, from: i64, to: i64) -> Option<i64> {
        self.cancelled.iter().copied().find(|at| (from..to).contains(at))
    }

    /// When it had been active for this many days since its sign-up.
    pub fn active_for(&self, days: i64) -> Option<i64> {
        let start = self.signed_up_at()?;
        let end = start + days * DAY;
        self.cancelled_in(start, end).is_none().then_some(end)
    }

    /// The paid period in which a payment was made.
    pub fn stay_of(&self, invoice: &Invoice) -> &Stay {
        self.stays.iter().rfind(|s| s.from <= invoice.place).expect("a payment is in a stay")
    }

    /// The yearly value of the active subscriptions at the end of an instant, while the account pays.
    pub fn worth_at(&self, instant: i64) -> i64 {
        let paid = self.payments.iter().any(|p| p.at() <= instant && p.is_ours());
        let mut worth: BTreeMap<&str, i64> = BTreeMap::new();
        let mut active: BTreeSet<&str> = BTreeSet::new();
        let mut gone = false;
        for event in self.events.iter().filter(|e| e.at <= instant) {
            let id = event.data("subscription_id");
            let is_payment = self.payments.iter().any(|p| p.place == event.place());
            match event.kind.as_str() {
                "account.signed_up" if self.sign_up.as_ref().is_some_and(|s| s.id == event.id) => gone = false,
                "subscription.started" | "subscription.updated" => {
                    let annual = event.number("annual_value_cents").or(event.number("monthly_cents").map(|m| 12 * m));
                    // What is in another currency is worth nothing here.
                    worth.extend(annual.map(|cents| (id, if event.is_in_own_currency() { cents } else { 0 })));
                    active.insert(id);
                }
                "subscription.cancelled" => {
                    let was = active.remove(id);
                    gone = gone || (was && active.is_empty());
                }
                "account.cancelled" => {
                    active.clear();
                    gone = true;
                }
                "invoice.paid" if is_payment => {
                    gone = false;
                    if !id.is_empty() {
                        active.insert(id);
                    }
                }
                _ => {}
            }
        }
        if paid && !gone { active.iter().filter_map(|id| worth.get(id)).sum() } else { 0 }
    }
}

/// Every known invoice, in order of position.
fn invoices(known: &Known) -> Vec<Invoice> {
    let mut by_id: BTreeMap<&str, Invoice> = BTreeMap::new();
    for event in known.events.iter().filter(|e| e.kind == "invoice.paid") {
        // Events are in order of position, so the first content with an id counts.
        by_id.entry(event.data("invoice_id")).or_insert_with(|| Invoice {
            id: event.data("invoice_id").to_owned(),
            account: event.account.clone(),
            place: event.place(),
            cents: event.cents(),
            months: event.number("months").unwrap_or(1),
            currency: event.body["amount"]["currency"].as_str().unwrap_or_default().to_owned(),
            discount: event.number("discount_cents").unwrap_or_default(),
            returned: 0,
            frozen: false,
        });
    }
    for invoice in by_id.values_mut() {
        invoice.returned = refunded(known, &invoice.id);
        for (kind, cents) in disputes(known, &invoice.id).into_values() {
            match kind.as_str() {
                "dispute.lost" => invoice.returned += cents,
                "dispute.opened" => invoice.frozen = true,
                _ => {}
            }
        }
    }
    let mut all: Vec<Invoice> = by_id.into_values().collect();
    all.sort_by(|a, b| a.place.cmp(&b.place));
    all
}

/// The refunded amount of an invoice. Each refund counts once, whichever event carries it.
fn refunded(known: &Known, invoice: &str) -> i64 {
    let mut seen = BTreeSet::new();
    let refunds = known.events.iter().filter(|e| e.kind == "invoice.refunded" && e.data("invoice_id") == invoice);
    refunds.filter(|e| seen.insert(e.data("refund_id"))).map(|e| e.cents()).sum()
}

/// The disputes of an invoice, each with its latest event and amount. A report that a dispute was opened does not undo
/// its end.
fn disputes(known: &Known, invoice: &str) -> BTreeMap<String, (String, i64)> {
    let mut last: BTreeMap<String, (String, i64)> = BTreeMap::new();
    for event in known.events.iter().filter(|e| e.kind.starts_with("dispute.") && e.data("invoice_id") == invoice) {
        let news = (event.kind.clone(), event.cents());
        match last.get(event.data("dispute_id")) {
            Some(_) if event.kind == "dispute.opened" => {}
            _ => {
                last.insert(event.data("dispute_id").to_owned(), news);
            }
        }
    }
    last
}

/// When an account was canceled: directly, or when its last active subscription ended.
fn cancellations(events: &[Rc<Sent>], payments: &[Invoice]) -> Vec<Place> {
    let mut active: BTreeSet<&str> = BTreeSet::new();
    let mut ended: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for event in events {
        let subscription = event.data("subscription_id");
        match event.kind.as_str() {
            "account.cancelled" => {
                found.push(event.place());
                ended.append(&mut active);
            }
            // An account that pays for a subscription has it, whatever was reported before.
            "invoice.paid" if !subscription.is_empty() && payments.iter().any(|p| p.place == event.place()) => {
                ended.remove(subscription);
                active.insert(subscription);
            }
            "subscription.started" | "subscription.updated" if !ended.contains(subscription) => {
                active.insert(subscription);
            }
            "subscription.cancelled" if !ended.contains(subscription) => {
                active.remove(subscription);
                ended.insert(subscription);
                if active.is_empty() {
                    found.push(event.place());
                }
            }
            _ => {}
        }
    }
    found
}

/// An account's paid periods, oldest first.
fn stays(cancelled: &[Place], payments: &[Invoice]) -> Vec<Stay> {
    let mut steps: Vec<(Place, bool)> = cancelled.iter().map(|place| (place.clone(), false)).collect();
    steps.extend(payments.iter().map(|i| (i.place.clone(), true)));
    steps.sort();
    let mut stays: Vec<Stay> = Vec::new();
    for (place, pays) in steps {
        let open = stays.last_mut().filter(|stay| stay.cancelled.is_none());
        match (pays, open) {
            (true, None) => stays.push(Stay { from: place, cancelled: None }),
            (false, Some(stay)) => stay.cancelled = Some(place.0),
            _ => {}
        }
    }
    stays
}
