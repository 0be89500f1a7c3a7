//! The events by which Stripe reports a story.

use super::story::{Customer, DAY, Dispute, DisputeEnd, Invoice, Payment, SignUp, Subscription};
use crate::simulation::rng::Rng;

#[derive(Clone, Debug)]
pub struct Fact {
    pub id: String,
    pub kind: &'static str,
    pub at: i64,
    pub customer: usize,
    pub what: What,
}

/// What an event is about, by its place in the customer.
#[derive(Clone, Debug)]
pub enum What {
    HostSignUp,
    Customer,
    Checkout,
    OneTime {
        invoice: usize,
        paid: bool,
    },
    Subscription {
        at: usize,
        status: &'static str,
        before: Option<&'static str>,
    },
    Invoice {
        at: usize,
    },
    InvoicePayment {
        payment: usize,
        part: usize,
    },
    Refund {
        payment: usize,
        refund: usize,
        status: &'static str,
    },
    /// The charge with what was refunded of it until then.
    Charge {
        payment: usize,
        refunds: usize,
    },
    Dispute {
        payment: usize,
        status: &'static str,
    },
    Note {
        invoice: usize,
        status: &'static str,
    },
    Transfer,
    /// A connected account, the partner's.
    Account,
    Unused,
}

pub fn facts(customers: &[Customer], rng: &mut Rng) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (n, customer) in customers.iter().enumerate() {
        let mut teller = Teller { customer: n, facts: &mut facts, rng };
        teller.customer(customer);
    }
    facts
}

/// Makes the events of a customer.
struct Teller<'a> {
    customer: usize,
    facts: &'a mut Vec<Fact>,
    rng: &'a mut Rng,
}

impl Teller<'_> {
    fn tell(&mut self, kind: &'static str, at: i64, what: What) {
        let id = format!("evt_{:016x}", self.rng.next());
        self.facts.push(Fact { id, kind, at, customer: self.customer, what });
    }

    fn customer(&mut self, customer: &Customer) {
        match customer.by {
            SignUp::Token { .. } => self.tell("checkout.session.completed", customer.signed_up_at + 60, What::Checkout),
            _ => self.tell("account.signed_up", customer.signed_up_at, What::HostSignUp),
        }
        self.tell("customer.created", customer.signed_up_at, What::Customer);
        if self.rng.percent(30) {
            self.tell("customer.updated", customer.signed_up_at + DAY, What::Customer);
        }
        for (i, subscription) in customer.subscriptions.iter().enumerate() {
            self.subscription(i, subscription);
        }
        for (i, invoice) in customer.invoices.iter().enumerate() {
            self.invoice(i, invoice);
        }
        for (i, payment) in customer.payments.iter().enumerate() {
            self.payment(i, payment, customer);
        }
        if self.rng.percent(20) {
            self.tell("transfer.reversed", customer.signed_up_at, What::Transfer);
            self.tell("account.updated", customer.signed_up_at, What::Account);
        }
    }

    fn subscription(&mut self, i: usize, subscription: &Subscription) {
        let of = |status, before| What::Subscription { at: i, status, before };
        let started_at = subscription.started_at;
        if self.rng.percent(30) {
            self.tell("customer.subscription.created", started_at, of("incomplete", None));
            self.tell("customer.subscription.updated", started_at, of("active", Some("incomplete")));
        } else {
            let status = self.rng.pick(&["active", "trialing"]);
            self.tell("customer.subscription.created", started_at, of(status, None));
        }
        if self.rng.percent(30) {
            self.tell("customer.subscription.updated", started_at + 1, of("active", None));
        }
        if let Some(ended) = subscription.ended_at {
            self.tell("customer.subscription.deleted", ended, of("canceled", None));
        }
    }

    fn invoice(&mut self, i: usize, invoice: &Invoice) {
        if invoice.one_time {
            let paid = self.rng.percent(50);
            self.tell("checkout.session.completed", invoice.paid_at, What::OneTime { invoice: i, paid });
            if !paid {
                let what = What::OneTime { invoice: i, paid: true };
                self.tell("checkout.session.async_payment_succeeded", invoice.paid_at, what);
            }
            return;
        }
        self.tell("invoice.paid", invoice.paid_at, What::Invoice { at: i });
        if self.rng.percent(20) {
            self.tell("invoice.payment_succeeded", invoice.paid_at, What::Unused);
        }
        if let Some((_, _, voided)) = &invoice.note {
            self.tell("credit_note.created", invoice.paid_at + DAY, What::Note { invoice: i, status: "issued" });
            if self.rng.percent(30) {
                self.tell("credit_note.updated", invoice.paid_at + DAY, What::Note { invoice: i, status: "issued" });
            }
            if let Some(at) = voided {
                self.tell("credit_note.voided", *at, What::Note { invoice: i, status: "void" });
            }
        }
    }

    fn payment(&mut self, i: usize, payment: &Payment, customer: &Customer) {
        for (part, (id, _)) in payment.parts.iter().enumerate() {
            let invoice = customer.invoices.iter().find(|invoice| invoice.id == *id).expect("an invoice");
            if invoice.links.reported {
                self.tell("invoice_payment.paid", invoice.paid_at, What::InvoicePayment { payment: i, part });
            }
        }
        let fails = payment.refunds.iter().any(|refund| refund.failed_at.is_some());
        let (by_refund, by_charge) = self.rng.pick(&[(true, false), (true, true), (fails, true)]);
        for (n, refund) in payment.refunds.iter().enumerate() {
            let of = |status| What::Refund { payment: i, refund: n, status };
            if by_refund {
                let status = self.rng.pick(&["pending", "succeeded", "requires_action"]);
                self.tell("refund.created", refund.at, of(status));
                for kind in ["refund.updated", "charge.refund.updated"] {
                    if self.rng.percent(25) {
                        self.tell(kind, refund.at, of("succeeded"));
                    }
                }
            }
            if by_charge {
                self.tell("charge.refunded", refund.at, What::Charge { payment: i, refunds: n + 1 });
            }
            if let Some(at) = refund.failed_at {
                let status = self.rng.pick(&["failed", "canceled"]);
                let kind = if status == "failed" { "refund.failed" } else { "refund.updated" };
                self.tell(kind, at, of(status));
            }
        }
        if let Some(dispute) = &payment.dispute {
            self.dispute(i, dispute);
        }
    }

    fn dispute(&mut self, i: usize, dispute: &Dispute) {
        let of = |status| What::Dispute { payment: i, status };
        let (at, end) = (dispute.at, dispute.at + 10 * DAY);
        match dispute.end {
            DisputeEnd::Inquiry => {
                self.tell("charge.dispute.created", at, of("warning_needs_response"));
                self.tell("charge.dispute.closed", end, of("warning_closed"));
                return;
            }
            DisputeEnd::Prevented => {
                self.tell("charge.dispute.created", at, of("needs_response"));
                self.tell("charge.dispute.closed", end, of("prevented"));
                return;
            }
            _ => self.tell("charge.dispute.created", at, of("needs_response")),
        }
        match dispute.end {
            DisputeEnd::Lost => {
                self.tell("charge.dispute.funds_withdrawn", at, of("needs_response"));
                self.tell("charge.dispute.closed", end, of("lost"));
            }
            DisputeEnd::Won => {
                self.tell("charge.dispute.funds_withdrawn", at, of("needs_response"));
                self.tell("charge.dispute.closed", end, of("won"));
                self.tell("charge.dispute.funds_reinstated", end, of("won"));
            }
            _ => {}
        }
    }
}
