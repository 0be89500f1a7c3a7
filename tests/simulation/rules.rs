//! The rules of the two programs, said again by themselves: naive, slow, straight from the raw events.
//!
//! Source: section 5 of the design, rules 1 to 8, 11 to 13, 16 and 25. Not one line of the engine is used here.

use super::calendar::{DAY, plus_months};
use super::facts::{Known, Place, Register, Sent};
use std::collections::{BTreeMap, BTreeSet};

pub const CREDIT: i64 = 5_000;

/// An invoice: of all contents under one id, the earliest.
#[derive(Clone, Debug)]
pub struct Invoice {
    pub id: String,
    pub account: String,
    pub place: Place,
    pub cents: i64,
    pub currency: String,
    pub discount: i64,
    /// Refunded and lost in disputes, without the bound of what was paid.
    pub returned: i64,
    /// A dispute is open.
    pub frozen: bool,
}

impl Invoice {
    fn is_payment(&self) -> bool {
        self.cents > 0
    }

    fn is_returned_in_full(&self) -> bool {
        self.returned >= self.cents
    }
}

/// Every invoice that is known, in order of its place.
pub fn invoices(known: &Known) -> Vec<Invoice> {
    let mut by_id: BTreeMap<String, Invoice> = BTreeMap::new();
    for event in known.events.iter().filter(|e| e.kind == "invoice.paid") {
        // Events are in order of their place, so the first content under an id is the one that stands.
        by_id.entry(event.data("invoice_id")).or_insert_with(|| Invoice {
            id: event.data("invoice_id"),
            account: event.account.clone(),
            place: event.place(),
            cents: event.cents(),
            currency: event.body["amount"]["currency"].as_str().unwrap_or_default().to_owned(),
            discount: event.body["data"]["discount_cents"].as_i64().unwrap_or_default(),
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

/// What was refunded of an invoice, each refund once whatever event carries it.
fn refunded(known: &Known, invoice: &str) -> i64 {
    let mut seen = BTreeSet::new();
    let refunds = known.events.iter().filter(|e| e.kind == "invoice.refunded" && e.data("invoice_id") == invoice);
    refunds.filter(|e| seen.insert(e.data("refund_id"))).map(|e| e.cents()).sum()
}

/// The disputes of an invoice with what was heard of each last, and its amount. What ends a dispute is not undone by
/// the news that it was opened.
fn disputes(known: &Known, invoice: &str) -> BTreeMap<String, (String, i64)> {
    let mut last: BTreeMap<String, (String, i64)> = BTreeMap::new();
    for event in known.events.iter().filter(|e| e.kind.starts_with("dispute.") && e.data("invoice_id") == invoice) {
        let news = (event.kind.clone(), event.cents());
        match last.get(&event.data("dispute_id")) {
            Some(_) if event.kind == "dispute.opened" => {}
            _ => {
                last.insert(event.data("dispute_id"), news);
            }
        }
    }
    last
}

/// To whom an account is bound, and from which place on.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub program: String,
    pub partner: String,
    pub from: Place,
}

pub fn binding(known: &Known, register: &Register, account: &str) -> Option<Bound> {
    let sign_up = known.of(account).find(|e| e.kind == "account.signed_up")?;
    let by = |code: &str, from: Place, at: i64| {
        let link = register.links.get(code)?;
        let works = link.disabled_at.is_none_or(|off| at < off);
        works.then(|| Bound { program: link.program.clone(), partner: link.partner.clone(), from })
    };
    let typed = |event: &Sent| event.code().and_then(|code| by(code, event.place(), event.at));
    if let Some(bound) = typed(sign_up) {
        return Some(bound);
    }
    let mut touches: Vec<&(String, i64)> =
        sign_up.touches.iter().filter(|(_, at)| *at <= sign_up.at && *at > sign_up.at - 30 * DAY).collect();
    touches.sort_by_key(|(_, at)| *at);
    if let Some(bound) = touches.iter().rev().find_map(|(code, at)| by(code, sign_up.place(), *at)) {
        return Some(bound);
    }
    known.of(account).filter(|e| e.place() > sign_up.place()).find_map(typed)
}

/// When an account was cancelled: by itself, or as its last active subscription ended.
pub fn cancellations(known: &Known, account: &str) -> Vec<Place> {
    let mut active: BTreeSet<String> = BTreeSet::new();
    let mut ended: BTreeSet<String> = BTreeSet::new();
    let payments: BTreeSet<Place> = invoices(known).into_iter().filter(Invoice::is_payment).map(|i| i.place).collect();
    let mut found = Vec::new();
    for event in known.of(account) {
        let subscription = event.data("subscription_id");
        match event.kind.as_str() {
            "account.cancelled" => found.push(event.place()),
            // Who pays for a subscription has it, whatever was said of it before.
            "invoice.paid" if !subscription.is_empty() && payments.contains(&event.place()) => {
                ended.remove(&subscription);
                active.insert(subscription);
            }
            "subscription.started" | "subscription.updated" if !ended.contains(&subscription) => {
                active.insert(subscription);
            }
            "subscription.cancelled" if !ended.contains(&subscription) => {
                active.remove(&subscription);
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

/// A stretch of paying: from the first payment since the account last (re)started until it was cancelled.
#[derive(Clone, Debug)]
pub struct Stay {
    pub start: i64,
    pub cancelled: Option<i64>,
    pub invoices: Vec<Invoice>,
}

impl Stay {
    pub fn hold_end(&self) -> i64 {
        self.start + 60 * DAY
    }

    pub fn is_void(&self) -> bool {
        self.cancelled.is_some_and(|at| at < self.hold_end())
    }
}

/// An account's stays, oldest first.
pub fn stays(known: &Known, all: &[Invoice], account: &str) -> Vec<Stay> {
    let mut steps: Vec<(Place, Option<Invoice>)> =
        cancellations(known, account).into_iter().map(|place| (place, None)).collect();
    let payments = all.iter().filter(|i| i.account == account && i.is_payment());
    steps.extend(payments.map(|i| (i.place.clone(), Some(i.clone()))));
    steps.sort_by(|a, b| a.0.cmp(&b.0));
    let mut stays: Vec<Stay> = Vec::new();
    for (place, payment) in steps {
        match (payment, stays.last_mut()) {
            (Some(invoice), Some(stay)) if stay.cancelled.is_none() => stay.invoices.push(invoice),
            (Some(invoice), _) => {
                stays.push(Stay { start: place.0, cancelled: None, invoices: vec![invoice] });
            }
            (None, Some(stay)) if stay.cancelled.is_none() => stay.cancelled = Some(place.0),
            (None, _) => {}
        }
    }
    stays
}

/// What an invoice earns a partner.
#[derive(Clone, Debug, PartialEq)]
pub struct Commission {
    pub partner: String,
    pub rule: &'static str,
    pub invoice: String,
    pub at: i64,
    pub earned: i64,
    pub net: i64,
    pub vests_at: i64,
    pub void: bool,
    pub frozen: bool,
}

/// The commissions of agency-partner for one account.
pub fn commissions(known: &Known, register: &Register, account: &str) -> Vec<Commission> {
    let Some(bound) = binding(known, register, account).filter(|b| b.program == "agency-partner") else {
        return Vec::new();
    };
    let all = invoices(known);
    let stays = stays(known, &all, account);
    let Some(first_paid) = stays.first().map(|s| s.start) else { return Vec::new() };
    let mut found = Vec::new();
    for stay in &stays {
        for invoice in stay.invoices.iter().filter(|i| i.currency == "usd" && i.place >= bound.from) {
            let at = invoice.place.0;
            let (rule, percent) = if at < plus_months(first_paid, 12) { ("first-year", 20) } else { ("recurring", 10) };
            let earned = invoice.cents * percent / 100;
            let taken = invoice.returned.min(invoice.cents);
            let void = stay.is_void();
            found.push(Commission {
                partner: bound.partner.clone(),
                rule,
                invoice: invoice.id.clone(),
                at,
                earned,
                net: if void {
                    0
                } else {
                    earned - (i128::from(earned) * i128::from(taken) / i128::from(invoice.cents)) as i64
                },
                vests_at: stay.hold_end().max(at),
                void,
                frozen: invoice.frozen,
            });
        }
    }
    found
}

/// The partner to whom user-referral owes a credit for an account as of a run at `run`.
pub fn qualifies(known: &Known, register: &Register, account: &str, run: i64) -> Option<String> {
    let known = known.before(run);
    let bound = binding(&known, register, account).filter(|b| b.program == "user-referral")?;
    let sign_up = known.of(account).find(|e| e.kind == "account.signed_up")?.at;
    let end = sign_up + 14 * DAY;
    let left = cancellations(&known, account).iter().any(|(at, _)| (sign_up..end).contains(at));
    let all = invoices(&known);
    let kept: Vec<i64> = all
        .iter()
        .filter(|i| i.account == account && i.is_payment() && i.currency == "usd" && !i.is_returned_in_full())
        .map(|i| i.place.0)
        .collect();
    let paid = kept.len() >= 2 || kept.first().is_some_and(|at| at + 30 * DAY <= run);
    (end <= run && !left && paid).then_some(bound.partner)
}

/// The friend's first invoice, where user-referral brought the friend: what it was discounted is the program's cost.
pub fn benefit(known: &Known, register: &Register, account: &str) -> Option<Invoice> {
    let bound = binding(known, register, account).filter(|b| b.program == "user-referral")?;
    let first = invoices(known).into_iter().find(|i| i.account == account && i.is_payment())?;
    (first.place >= bound.from && first.currency == "usd").then_some(first)
}

/// Whether a credit for this account waits for a person: the account gave the partner's own address.
pub fn held(known: &Known, register: &Register, account: &str, partner: &str) -> bool {
    let own = register.partner_email.get(partner).map(|e| e.to_lowercase());
    let same = known.of(account).filter_map(Sent::email).any(|e| Some(e.to_lowercase()) == own);
    same && !register.reviews.contains_key(&(account.to_owned(), partner.to_owned()))
}

pub fn rejected(register: &Register, account: &str, partner: &str) -> bool {
    register.reviews.get(&(account.to_owned(), partner.to_owned())) == Some(&false)
}
