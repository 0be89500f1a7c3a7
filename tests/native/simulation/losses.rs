//! What refunds, disputes and credit notes that Stripe reports take back: each names a payment, which may have paid
//! several invoices.
//!
//! Source: section 5 of the design, rule 11.

use super::facts::{Known, LINK, Sent};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Losses {
    returned: BTreeMap<String, i64>,
    frozen: BTreeSet<String>,
}

/// What happened to one payment, or to one note's money.
#[derive(Default)]
struct Payment {
    paid: BTreeMap<String, i64>,
    refunds: BTreeMap<String, i64>,
    failed: BTreeMap<String, i64>,
    total: i64,
    disputes: BTreeMap<String, (String, i64)>,
}

impl Losses {
    pub fn of(known: &Known) -> Losses {
        let mut payments: BTreeMap<&str, Payment> = BTreeMap::new();
        let mut losses = Losses::default();
        let mut notes: BTreeMap<&str, (&str, i64)> = BTreeMap::new();
        for event in &known.events {
            match event.kind.as_str() {
                "credit_note.created" => {
                    let outside = event.number("outside").unwrap_or_default();
                    notes.entry(event.data("note")).or_insert((event.data("invoice_id"), outside));
                }
                // It comes after its note, whenever it arrives.
                "credit_note.voided" => drop(notes.insert(event.data("note"), (event.data("invoice_id"), 0))),
                _ if !event.data("payment").is_empty() => {
                    payments.entry(event.data("payment")).or_default().add(event);
                }
                _ => {}
            }
        }
        for (invoice, outside) in notes.into_values() {
            *losses.returned.entry(invoice.to_owned()).or_default() += outside;
        }
        for payment in payments.into_values() {
            payment.split(&mut losses.returned);
            if payment.disputes.values().any(|(kind, _)| kind == "dispute.opened") {
                losses.frozen.extend(payment.paid.into_keys());
            }
        }
        losses
    }

    pub fn of_invoice(&self, invoice: &str) -> i64 {
        self.returned.get(invoice).copied().unwrap_or_default()
    }

    pub fn is_frozen(&self, invoice: &str) -> bool {
        self.frozen.contains(invoice)
    }
}

impl Payment {
    fn add(&mut self, event: &Sent) {
        let id = event.data("refund_id").to_owned();
        match event.kind.as_str() {
            LINK => {
                let paid = event.number("paid").unwrap_or_default();
                self.paid.insert(event.data("invoice_id").to_owned(), paid);
            }
            "invoice.refunded" => drop(self.refunds.insert(id, event.cents())),
            "invoice.refund_failed" => drop(self.failed.insert(id, event.cents())),
            "invoice.refunded_total" => self.total = self.total.max(event.cents()),
            "dispute.opened" => {
                self.disputes.entry(event.data("dispute_id").to_owned()).or_insert((event.kind.clone(), event.cents()));
            }
            "dispute.won" | "dispute.lost" => {
                self.disputes.insert(event.data("dispute_id").to_owned(), (event.kind.clone(), event.cents()));
            }
            _ => {}
        }
    }

    /// What was given back: by the refunds that did not fail or by the charge's total, whichever is more, and by lost
    /// disputes. The stories' totals always contain the refund that fails.
    fn given_back(&self) -> i64 {
        let kept: i64 = self.refunds.iter().filter(|(id, _)| !self.failed.contains_key(*id)).map(|(_, c)| c).sum();
        let failed: i64 = self.failed.values().sum();
        let lost: i64 = self.disputes.values().filter(|(kind, _)| kind == "dispute.lost").map(|(_, c)| c).sum();
        kept.max(self.total - failed) + lost
    }

    /// In proportion to what it paid of each invoice. Leftover cents go to the smallest id first.
    fn split(&self, returned: &mut BTreeMap<String, i64>) {
        let whole: i64 = self.paid.values().sum();
        let back = self.given_back().min(whole);
        if back <= 0 {
            return;
        }
        let share = |paid: i64| (i128::from(back) * i128::from(paid) / i128::from(whole)) as i64;
        let mut left = back - self.paid.values().map(|paid| share(*paid)).sum::<i64>();
        for (invoice, paid) in &self.paid {
            let more = i64::from(left > 0 && share(*paid) < *paid);
            left -= more;
            *returned.entry(invoice.clone()).or_default() += share(*paid) + more;
        }
    }
}
