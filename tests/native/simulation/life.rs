//! An account's life by the rules, directly from the raw events: sign-up, payments with refunds and disputes,
//! cancellations, paid periods, subscription value. Naive and slow, without a single line of the engine.
//!
//! Source: section 5 of the design, rules 2 to 5, 8, 11, 15 and 16.

use super::calendar::DAY;
use super::facts::{CODE, Known, Place, Sent};
use super::losses::Losses;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A payment. If several events have one invoice id, the earliest counts.
#[derive(Clone, Debug)]
pub struct Invoice {
    pub id: String,
    pub account: String,
    /// Right after the sign-up, if it was paid in the day before.
    pub place: Place,
    /// The event that carries it.
    pub event: String,
    pub subscription: String,
    pub origin: Origin,
    pub cents: i64,
    pub months: i64,
    pub currency: String,
    pub discount: i64,
    /// With tax: what refunds are a share of.
    pub charged: i64,
    /// Refunded and lost in disputes, with tax; at most what was charged.
    pub returned: i64,
    /// A dispute is open.
    pub frozen: bool,
}

/// Who reports a payment, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Host,
    Stripe,
    /// A one-time checkout at Stripe. It earns rates, and is otherwise no payment.
    OneTime,
}

impl Origin {
    fn of(event: &Sent) -> Origin {
        match (event.customer.is_some(), event.data("once").is_empty()) {
            (false, _) => Origin::Host,
            (true, true) => Origin::Stripe,
            (true, false) => Origin::OneTime,
        }
    }
}

impl Invoice {
    pub fn at(&self) -> i64 {
        self.place.0
    }

    pub fn is_ours(&self) -> bool {
        self.currency == "usd"
    }

    /// Whether it makes the account a customer.
    pub fn is_customers(&self) -> bool {
        self.origin != Origin::OneTime
    }

    pub fn is_returned_in_full(&self) -> bool {
        self.returned >= self.charged
    }

    /// The part of `earned` that is clawed back.
    pub fn taken(&self, earned: i64) -> i64 {
        (i128::from(earned) * i128::from(self.returned) / i128::from(self.charged)) as i64
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
    /// The earliest of the sign-ups within a day.
    pub sign_up: Option<Rc<Sent>>,
    pub sign_ups: Vec<Rc<Sent>>,
    /// Payments above zero, in order.
    pub payments: Vec<Invoice>,
    pub cancelled: Vec<i64>,
    pub stays: Vec<Stay>,
    /// The stay of each payment, by its event.
    stay_of: BTreeMap<String, Stay>,
}

/// An account as it goes on.
#[derive(Default)]
struct Walk {
    running: BTreeSet<String>,
    /// Each subscription that has ended, and the stay that ended when the account left: `None` while it has not left.
    over: BTreeMap<String, Option<OfStay>>,
    is_gone: bool,
    is_signed_up: bool,
    cancelled: Vec<i64>,
    stays: Vec<Stay>,
    of_payment: BTreeMap<String, OfStay>,
}

#[derive(Clone, Copy)]
enum OfStay {
    Numbered(usize),
    ItsOwn,
    /// The account had left without ever paying.
    Past,
}

impl Walk {
    fn open_stay(&self) -> Option<usize> {
        self.stays.iter().position(|stay| stay.cancelled.is_none())
    }

    fn step(&mut self, event: &Sent, at: i64, paid: Option<&Invoice>) {
        let subscription = event.data("subscription_id");
        match event.kind.as_str() {
            "account.signed_up" if !self.is_signed_up => (self.is_signed_up, self.is_gone) = (true, false),
            "subscription.started" => {
                self.over.remove(subscription);
                self.begin(subscription);
            }
            "subscription.updated" if !self.over.contains_key(subscription) => self.begin(subscription),
            "subscription.cancelled" => {
                let ran = self.running.remove(subscription);
                self.over.entry(subscription.to_owned()).or_default();
                if ran && self.running.is_empty() {
                    self.leave(at);
                }
            }
            "account.cancelled" => self.leave(at),
            "invoice.paid" => {
                if let Some(invoice) = paid {
                    let stay = self.pay(invoice);
                    self.of_payment.insert(invoice.event.clone(), stay);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, subscription: &str) {
        if self.running.insert(subscription.to_owned()) {
            self.is_gone = false;
        }
    }

    fn pay(&mut self, invoice: &Invoice) -> OfStay {
        if !invoice.is_customers() {
            return OfStay::ItsOwn;
        }
        if let Some(ended_with) = self.over.get(&invoice.subscription) {
            return match (ended_with, self.open_stay()) {
                (Some(stay), _) => *stay,
                (None, Some(open)) => OfStay::Numbered(open),
                (None, None) => OfStay::ItsOwn,
            };
        }
        // Only the host knows that an account pays again without a subscription.
        if invoice.subscription.is_empty() && invoice.origin == Origin::Stripe && self.is_gone {
            return self.stays.len().checked_sub(1).map_or(OfStay::Past, OfStay::Numbered);
        }
        if invoice.subscription.is_empty() {
            self.is_gone = false;
        } else {
            self.begin(&invoice.subscription);
        }
        if self.open_stay().is_none() {
            self.stays.push(Stay { from: invoice.place.clone(), cancelled: None });
        }
        OfStay::Numbered(self.stays.len() - 1)
    }

    fn leave(&mut self, at: i64) {
        let open = self.open_stay();
        for subscription in std::mem::take(&mut self.running) {
            self.over.insert(subscription, None);
        }
        for ended_with in self.over.values_mut().filter(|w| w.is_none()) {
            *ended_with = Some(open.map_or(OfStay::Past, OfStay::Numbered));
        }
        if !self.is_gone {
            self.cancelled.push(at);
        }
        self.is_gone = true;
        if let Some(open) = open {
            self.stays[open].cancelled = Some(at);
        }
    }
}

/// Where an account's event stands: a payment in the day before the sign-up comes right after it.
fn place_of(event: &Sent, sign_up: Option<i64>) -> Place {
    let (at, kind, id) = event.place();
    match sign_up.filter(|s| event.kind == "invoice.paid" && at < *s && at >= s - DAY) {
        Some(sign_up) => (sign_up, kind, id),
        None => (at, kind, id),
    }
}

impl Life {
    pub fn of(known: &Known, account: &str) -> Life {
        let known: Known = known.about(account);
        let events: Vec<Rc<Sent>> = known.of(account).cloned().collect();
        let sign_up = events.iter().find(|e| e.kind == "account.signed_up").cloned();
        let signed_up_at = sign_up.as_ref().map(|s| s.at);
        let is_part = |e: &&Rc<Sent>| e.kind == "account.signed_up" && signed_up_at.is_some_and(|at| e.at < at + DAY);
        let sign_ups = events.iter().filter(is_part).cloned().collect();
        let mut payments: Vec<Invoice> =
            invoices(&known).into_iter().filter(|i| i.account == account && i.cents > 0).collect();
        for invoice in &mut payments {
            let event = events.iter().find(|e| e.id == invoice.event).expect("its own event");
            invoice.place = place_of(event, signed_up_at);
        }
        payments.sort_by(|a, b| a.place.cmp(&b.place));
        let mut life = Life {
            sign_up,
            sign_ups,
            payments,
            events,
            related: known,
            cancelled: Vec::new(),
            stays: Vec::new(),
            stay_of: BTreeMap::new(),
        };
        let walk = life.walk(i64::MAX);
        (life.cancelled, life.stays) = (walk.cancelled, walk.stays);
        for invoice in &life.payments {
            let own = |cancelled| Stay { from: invoice.place.clone(), cancelled };
            let stay = match walk.of_payment[&invoice.event] {
                OfStay::Numbered(number) => life.stays[number].clone(),
                OfStay::ItsOwn => own(life.cancelled.iter().copied().find(|c| *c >= invoice.at())),
                OfStay::Past => own(Some(invoice.at())),
            };
            life.stay_of.insert(invoice.event.clone(), stay);
        }
        life
    }

    /// Its events in order, up to an instant, each with its place.
    fn placed(&self, until: i64) -> Vec<(Place, &Rc<Sent>)> {
        let signed_up_at = self.signed_up_at();
        let mut placed: Vec<_> = self.events.iter().map(|e| (place_of(e, signed_up_at), e)).collect();
        placed.retain(|(place, _)| place.0 <= until);
        placed.sort_by(|a, b| a.0.cmp(&b.0));
        placed
    }

    fn walk(&self, until: i64) -> Walk {
        let mut walk = Walk::default();
        for (place, event) in self.placed(until) {
            walk.step(event, place.0, self.payments.iter().find(|p| p.event == event.id));
        }
        walk
    }

    /// The later events that carry a code, in order.
    pub fn later_codes(&self) -> Vec<(Place, &Rc<Sent>)> {
        let Some(sign_up) = &self.sign_up else { return Vec::new() };
        let mut later = self.placed(i64::MAX);
        later.retain(|(place, e)| {
            *place > sign_up.place() && e.code().is_some() && !self.sign_ups.iter().any(|s| s.id == e.id)
        });
        for (place, _) in &mut later {
            place.1 = CODE;
        }
        later.sort_by(|a, b| a.0.cmp(&b.0));
        later
    }

    pub fn first_paid(&self) -> Option<i64> {
        self.first_payment().map(Invoice::at)
    }

    /// The first payment that makes it a customer.
    pub fn first_payment(&self) -> Option<&Invoice> {
        self.payments.iter().find(|i| i.is_customers())
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

    /// The paid period that a payment belongs to.
    pub fn stay_of(&self, invoice: &Invoice) -> &Stay {
        &self.stay_of[&invoice.event]
    }

    /// The yearly value of the active subscriptions at the end of an instant, while the account pays.
    pub fn worth_at(&self, instant: i64) -> i64 {
        let mut worth: BTreeMap<&str, i64> = BTreeMap::new();
        for (_, event) in self.placed(instant).into_iter().filter(|(_, e)| e.kind.starts_with("subscription.")) {
            let annual = event.number("annual_value_cents").or(event.number("monthly_cents").map(|m| 12 * m));
            // What is in another currency is worth nothing here.
            let own = annual.map(|cents| if event.is_in_own_currency() { cents } else { 0 });
            worth.extend(own.map(|cents| (event.data("subscription_id"), cents)));
        }
        let walk = self.walk(instant);
        let counts = |p: &Invoice| p.is_customers() && p.is_ours() && p.at() <= instant;
        let pays = !walk.is_gone && self.payments.iter().any(counts);
        if pays { walk.running.iter().filter_map(|id| worth.get(id.as_str())).sum() } else { 0 }
    }
}

/// Every known invoice, in order of position.
fn invoices(known: &Known) -> Vec<Invoice> {
    let mut by_id: BTreeMap<&str, Invoice> = BTreeMap::new();
    // Stripe's invoice of zero is no event about a payment at all.
    let is_payment = |e: &&Rc<Sent>| e.kind == "invoice.paid" && (e.customer.is_none() || e.base() > 0);
    let losses = Losses::of(known);
    let mut charged: BTreeMap<&str, i64> = BTreeMap::new();
    for event in known.events.iter().filter(is_payment) {
        charged.entry(event.data("invoice_id")).or_insert(event.charged());
        // Events are in order of position, so the first content with an id counts.
        by_id.entry(event.data("invoice_id")).or_insert_with(|| Invoice {
            id: event.data("invoice_id").to_owned(),
            account: event.account.clone(),
            place: event.place(),
            event: event.id.clone(),
            subscription: event.data("subscription_id").to_owned(),
            origin: Origin::of(event),
            cents: event.base(),
            months: event.number("months").unwrap_or(1),
            currency: event.body["amount"]["currency"].as_str().unwrap_or_default().to_owned(),
            discount: event.number("discount_cents").unwrap_or_default(),
            charged: 0,
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
        invoice.frozen |= losses.is_frozen(&invoice.id);
        // Refunds contain the tax that was charged.
        invoice.charged = charged[invoice.id.as_str()];
        invoice.returned = (invoice.returned + losses.of_invoice(&invoice.id)).min(invoice.charged);
    }
    let mut all: Vec<Invoice> = by_id.into_values().collect();
    all.sort_by(|a, b| a.place.cmp(&b.place));
    all
}

/// The refunded amount of an invoice. Each refund counts once, whichever event carries it.
fn refunded(known: &Known, invoice: &str) -> i64 {
    let mut seen = BTreeSet::new();
    let is_direct = |e: &&Rc<Sent>| e.kind == "invoice.refunded" && e.data("invoice_id") == invoice;
    let refunds = known.events.iter().filter(is_direct);
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
