//! Invoices and their payments.

use super::super::declarations::{Object, list};
use super::super::story::{Customer, DAY, Invoice, Payment};
use super::Renderer;
use serde_json::{Value, json};

impl<'a> Renderer<'a> {
    pub(super) fn invoice(&mut self, customer: &Customer, of: &Invoice) -> Value {
        let mut object = self.object_of("Invoice", &of.id);
        object.set("currency", json!(of.currency));
        object.refer("customer", &customer.id, self.rng);
        match self.rng.percent(70) {
            true => object.set("customer_email", json!(customer.email)),
            false => object.nothing("customer_email", self.rng),
        }
        object.set("status", json!("paid"));
        object.set("status_transitions.paid_at", json!(of.paid_at));
        object.set("created", json!(of.paid_at - self.rng.pick(&[0, 3_600, 3 * DAY])));
        object.set("total", json!(of.total()));
        object.set("amount_due", json!(of.due));
        object.set("amount_paid", json!(of.due + of.overpaid));
        object.set("amount_remaining", json!(0));
        object.set_if_declared("amount_overpaid", json!(of.overpaid));
        if object.declares("amount_paid_off_stripe") {
            object.nothing("amount_paid_off_stripe", self.rng);
        }
        self.tax(&mut object, of);
        self.discount(&mut object, of);
        let lines = self.lines(of);
        object.set("lines", lines);
        self.invoice_subscription(&mut object, of);
        self.invoice_payments(&mut object, customer, of);
        object.value
    }

    /// The tax is in the totals, or in a list, or both.
    fn tax(&mut self, object: &mut Object, of: &Invoice) {
        let (listed, name) = if object.declares("total_taxes") {
            ("total_taxes", "Invoice.TotalTax")
        } else {
            ("total_tax_amounts", "Invoice.TotalTaxAmount")
        };
        let mut parts = vec![of.tax / 3, of.tax - of.tax / 3];
        parts.retain(|cents| *cents > 0);
        let taxes: Vec<Value> = parts
            .iter()
            .map(|cents| {
                let mut tax = self.of.object(name, self.rng);
                tax.set("amount", json!(cents));
                tax.value
            })
            .collect();
        object.set(listed, json!(taxes));
        object.set_if_declared("tax", if of.tax == 0 { json!(null) } else { json!(of.tax) });
        match self.rng.percent(70) {
            true => object.set("total_excluding_tax", json!(of.net)),
            false => object.nothing("total_excluding_tax", self.rng),
        }
    }

    fn discount(&mut self, object: &mut Object, of: &Invoice) {
        object.set("subtotal", json!(of.net + of.discount));
        if of.discount == 0 && self.rng.percent(50) {
            object.nothing("total_discount_amounts", self.rng);
            return;
        }
        let mut amounts = Vec::new();
        if of.discount > 0 {
            let mut discount = self.of.object("Invoice.TotalDiscountAmount", self.rng);
            discount.set("amount", json!(of.discount));
            amounts.push(discount.value);
        }
        object.set("total_discount_amounts", json!(amounts));
    }

    fn lines(&mut self, of: &Invoice) -> Value {
        let mut line = self.object_of("InvoiceLineItem", "il_1");
        line.set("amount", json!(of.net + of.discount));
        line.set("currency", json!(of.currency));
        line.set("period.start", json!(of.paid_at));
        line.set("period.end", json!(of.paid_at + 30 * DAY));
        let subscription = of.subscription.as_deref().unwrap_or_default();
        if line.declares("parent") {
            line.set("parent.type", json!("subscription_item_details"));
            line.set("parent.subscription_item_details.subscription", json!(subscription));
            line.set("parent.subscription_item_details.proration", json!(false));
            line.set("parent.invoice_item_details", json!(null));
        } else {
            line.set("type", json!("subscription"));
            line.set("proration", json!(false));
            let mut price = self.object_of("Price", "price_1");
            self.monthly(&mut price, of.currency);
            line.set("price", price.value);
        }
        line.refer("subscription", subscription, self.rng);
        list(vec![line.value])
    }

    fn invoice_subscription(&mut self, object: &mut Object, of: &Invoice) {
        let subscription = of.subscription.as_deref().unwrap_or_default();
        if object.declares("parent") {
            object.set("parent.type", json!("subscription_details"));
            object.set("parent.quote_details", json!(null));
            object.refer("parent.subscription_details.subscription", subscription, self.rng);
        } else {
            object.refer("subscription", subscription, self.rng);
            object.nothing("quote", self.rng);
        }
    }

    /// Older invoices name their payment. Newer ones list payments, or have events of their own for them.
    fn invoice_payments(&mut self, object: &mut Object, customer: &Customer, of: &Invoice) {
        let paid_by = |payment: &&Payment| payment.parts.iter().any(|(id, _)| *id == of.id);
        let payments: Vec<&Payment> = customer.payments.iter().filter(paid_by).collect();
        if object.declares("payment_intent") {
            object.nothing("payment_intent", self.rng);
            object.nothing("charge", self.rng);
            for payment in payments {
                if let Some(intent) = &payment.intent {
                    object.refer("payment_intent", intent, self.rng);
                }
                if payment.intent.is_none() || self.rng.percent(70) {
                    object.refer("charge", &payment.charge, self.rng);
                }
            }
        } else if of.links.listed {
            let mut all = Vec::new();
            for payment in payments {
                let part = payment.parts.iter().position(|(id, _)| *id == of.id).expect("a part");
                all.push(self.invoice_payment(payment, part).value);
            }
            if self.rng.percent(30) {
                let mut canceled = self.object_of("InvoicePayment", "inpay_canceled");
                canceled.set("status", json!("canceled"));
                canceled.set("amount_paid", json!(null));
                canceled.refer("invoice", &of.id, self.rng);
                all.push(canceled.value);
            }
            object.set("payments", list(all));
        } else {
            object.nothing("payments", self.rng);
        }
    }

    pub(super) fn invoice_payment(&mut self, payment: &Payment, part: usize) -> Object<'a> {
        let (invoice, cents) = &payment.parts[part];
        let mut object = self.object_of("InvoicePayment", &format!("inpay_{}_{part}", payment.charge));
        object.refer("invoice", invoice, self.rng);
        object.set("status", json!("paid"));
        object.set("amount_paid", json!(cents));
        object.set("amount_requested", json!(cents));
        object.set("currency", json!(payment.currency));
        let mut paid = self.of.object("InvoicePayment.Payment", self.rng);
        if paid.declares("payment_record") {
            paid.nothing("payment_record", self.rng);
        }
        match &payment.intent {
            Some(intent) => {
                paid.set("type", json!("payment_intent"));
                paid.refer("payment_intent", intent, self.rng);
                paid.nothing("charge", self.rng);
            }
            None => {
                paid.set("type", json!("charge"));
                paid.refer("charge", &payment.charge, self.rng);
                paid.nothing("payment_intent", self.rng);
            }
        }
        object.set("payment", paid.value);
        object
    }
}
