//! How Stripe reports what is paid and given back: payments of one or two invoices, refunds by themselves or as a
//! charge's total, some of which fail, disputes, and credit notes.

use super::super::calendar::{DAY, HOUR, MINUTE};
use super::super::facts::{LINK, Sent};
use super::stripe::{Retelling, Told, second};
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Retelling<'_> {
    /// Groups invoices into payments, and reports what happens to each.
    pub(super) fn payments(&mut self, told: &[Told], theirs: &[Sent]) {
        let mut rest = told;
        while let [first, more @ ..] = rest {
            let is_shared =
                more.first().is_some_and(|second| second.currency == first.currency) && self.rng.percent(25);
            let (paid, left) = rest.split_at(1 + usize::from(is_shared));
            rest = left;
            self.payment(paid, theirs);
            if first.paid > 0 && self.rng.percent(12) {
                self.credit_note(first);
            }
        }
    }

    fn payment(&mut self, paid: &[Told], theirs: &[Sent]) {
        let payment = format!("pi_{}", paid[0].id);
        for invoice in paid.iter().filter(|invoice| invoice.paid > 0) {
            self.link(&payment, invoice);
        }
        let ids: BTreeSet<&str> = paid.iter().map(|invoice| invoice.id.as_str()).collect();
        let mut refunds = Self::reported(theirs, &ids, "invoice.refunded");
        refunds.sort_by(|a, b| (a.at, a.data("refund_id")).cmp(&(b.at, b.data("refund_id"))));
        if self.rng.percent(35) {
            self.totals(&payment, &refunds);
        } else {
            self.refunds(&payment, &refunds);
        }
        for dispute in Self::reported(theirs, &ids, "dispute.") {
            self.dispute(&payment, &dispute);
        }
    }

    /// What a payment paid of an invoice: in the invoice, or by an event of its own.
    fn link(&mut self, payment: &str, invoice: &Told) {
        let data = json!({"data": {"payment": payment, "invoice_id": invoice.id, "paid": invoice.paid}});
        let object = json!({"id": format!("inpay_{}", invoice.id), "object": "invoice_payment", "invoice": invoice.id,
            "status": "paid", "amount_paid": invoice.paid,
            "payment": {"type": "payment_intent", "payment_intent": payment}});
        if self.rng.percent(50) {
            self.tell((LINK, "invoice_payment.paid"), invoice.at, data, object);
            return;
        }
        let body = self.events[invoice.index].stripe.as_mut().expect("Stripe reports it");
        body["data"]["object"]["payments"] = json!({"data": [object]});
        self.add(invoice.index, LINK, ":link", data);
    }

    /// Each refund by itself. Some fail.
    fn refunds(&mut self, payment: &str, refunds: &[Sent]) {
        let mut failed = BTreeSet::new();
        for refund in refunds {
            let (id, cents) = (refund.data("refund_id"), refund.cents());
            let currency = refund.body["amount"]["currency"].as_str().unwrap_or_default();
            self.refund(payment, id, currency, refund.at, cents);
            if self.rng.percent(25) && failed.insert(id) {
                let at = refund.at + self.rng.pick(&[0, MINUTE, 3 * DAY]);
                self.failed(payment, id, currency, at, cents);
            }
        }
    }

    /// The charge's total after each refund. The first one may fail, which does not lower the totals.
    fn totals(&mut self, payment: &str, refunds: &[Sent]) {
        let (mut seen, mut sum, mut at) = (BTreeSet::new(), 0, 0);
        for refund in refunds {
            let (id, cents) = (refund.data("refund_id"), refund.cents());
            if !seen.insert(id) {
                continue;
            }
            let currency = refund.body["amount"]["currency"].as_str().unwrap_or_default();
            at = second(refund.at).max(at + 1_000);
            sum += cents;
            let charge = format!("ch_{payment}");
            let object = json!({"id": charge, "object": "charge", "amount_refunded": sum, "currency": currency,
                "payment_intent": payment});
            let body = json!({"amount": {"cents": sum, "currency": currency}, "data": {"payment": payment}});
            self.tell(("invoice.refunded_total", "charge.refunded"), at, body, object);
            let fails = seen.len() == 1 && self.rng.percent(50);
            if fails || self.rng.percent(40) {
                self.refund(payment, id, currency, at, cents);
            }
            if fails {
                let when = at + self.rng.pick(&[0, HOUR, 4 * DAY]);
                self.failed(payment, id, currency, when, cents);
            }
        }
    }

    pub(super) fn refund(&mut self, payment: &str, id: &str, currency: &str, at: i64, cents: i64) {
        let (body, object) = money(payment, id, currency, cents, "succeeded");
        self.tell(("invoice.refunded", "refund.created"), at, body, object);
    }

    fn failed(&mut self, payment: &str, id: &str, currency: &str, at: i64, cents: i64) {
        let (body, object) = money(payment, id, currency, cents, "failed");
        self.tell(("invoice.refund_failed", "refund.failed"), at, body, object);
    }

    fn dispute(&mut self, payment: &str, dispute: &Sent) {
        let (stripes, status) = match dispute.kind.as_str() {
            "dispute.opened" => ("charge.dispute.created", "needs_response"),
            "dispute.lost" => ("charge.dispute.funds_withdrawn", "under_review"),
            _ => ("charge.dispute.funds_reinstated", "won"),
        };
        let (cents, id) = (dispute.cents(), dispute.data("dispute_id"));
        let amount = dispute.body["amount"].clone();
        let object = json!({"id": id, "object": "dispute", "amount": cents, "currency": amount["currency"],
            "charge": format!("ch_{payment}"), "payment_intent": payment, "status": status,
            "created": dispute.at / 1_000});
        let body = json!({"amount": amount, "data": {"payment": payment, "dispute_id": id}});
        self.tell((&dispute.kind, stripes), dispute.at, body, object);
    }

    /// Money given back outside of Stripe; what goes to the customer's balance besides was not given back. Some notes
    /// are voided.
    fn credit_note(&mut self, invoice: &Told) {
        let outside = self.rng.within(1, invoice.paid + 1);
        let amount = outside + self.rng.pick(&[0, 700]);
        let id = format!("cn_{}", invoice.id);
        let object = |status: &str| {
            json!({"id": id, "object": "credit_note", "invoice": invoice.id, "amount": amount,
                "currency": invoice.currency, "type": "post_payment", "status": status, "out_of_band_amount": outside,
                "post_payment_amount": amount, "refunds": []})
        };
        let body = json!({"amount": {"cents": amount, "currency": invoice.currency},
            "data": {"note": id, "invoice_id": invoice.id, "outside": outside}});
        let at = invoice.at + self.rng.pick(&[0, HOUR, 8 * DAY, 62 * DAY]);
        self.tell(("credit_note.created", "credit_note.created"), at, body.clone(), object("issued"));
        if self.rng.percent(30) {
            let when = at + self.rng.pick(&[0, DAY]);
            self.tell(("credit_note.voided", "credit_note.voided"), when, body, object("void"));
        }
    }
}

/// A refund: what happened, and Stripe's object.
fn money(payment: &str, id: &str, currency: &str, cents: i64, status: &str) -> (Value, Value) {
    let object = json!({"id": id, "object": "refund", "amount": cents, "currency": currency, "status": status,
        "charge": format!("ch_{payment}"), "payment_intent": payment});
    let data = json!({"payment": payment, "refund_id": id});
    (json!({"amount": {"cents": cents, "currency": currency}, "data": data}), object)
}
