//! Stripe's events for a story's facts, in the shape of any API version: each optional field absent, null, or expanded.

use super::declarations::{Declarations, Object, list};
use super::story::{Customer, DAY, Dispute, Fact, Invoice, Payment, Refund, SignUp, Subscription, What};
use crate::simulation::rng::Rng;
use serde_json::{Value, json};

/// One rendering of a fact.
pub struct Renderer<'a> {
    pub of: &'a Declarations,
    pub rng: &'a mut Rng,
    pub token: &'a str,
}

/// Whether Stripe sends this type of event in a version: `invoice_payment.paid` came with 2025-03-31.
pub fn exists(of: &Declarations, kind: &str) -> bool {
    kind != "invoice_payment.paid" || of.version.as_str() >= "2025-03-31"
}

impl<'a> Renderer<'a> {
    pub fn event(&mut self, fact: &Fact, customer: &Customer) -> Value {
        let object = self.object(fact, customer);
        let request = self.rng.pick(&[json!(null), json!({"id": null, "idempotency_key": null}), json!("req_1")]);
        let mut event = json!({
            "id": fact.id, "object": "event", "api_version": self.of.version, "created": fact.at, "livemode": false,
            "pending_webhooks": self.rng.within(0, 3), "request": request, "type": fact.kind,
            "data": {"object": object},
        });
        if let What::Subscription { before, .. } = fact.what {
            event["data"]["previous_attributes"] = before.map_or(json!({}), |before| json!({"status": before}));
        }
        event
    }

    fn object(&mut self, fact: &Fact, customer: &Customer) -> Value {
        match &fact.what {
            What::HostSignUp => unreachable!("the host's"),
            What::Customer => {
                let mut object = self.new("Customer", &customer.id);
                object.set("email", json!(customer.email));
                object.value
            }
            What::Checkout => self.checkout(customer),
            What::OneTime { invoice, paid } => self.one_time(customer, &customer.invoices[*invoice], *paid),
            What::Subscription { at, status, .. } => self.subscription(customer, &customer.subscriptions[*at], status),
            What::Invoice { at } => self.invoice(customer, &customer.invoices[*at]),
            What::InvoicePayment { payment, part } => self.invoice_payment(&customer.payments[*payment], *part).value,
            What::Refund { payment, refund, status } => {
                let payment = &customer.payments[*payment];
                self.refund(payment, &payment.refunds[*refund], status)
            }
            What::Charge { payment, refunds } => self.charge(customer, &customer.payments[*payment], *refunds),
            What::Dispute { payment, status } => {
                let payment = &customer.payments[*payment];
                self.dispute(payment, payment.dispute.as_ref().expect("a dispute"), status)
            }
            What::Note { invoice, status } => self.note(customer, &customer.invoices[*invoice], status),
            What::Transfer => {
                let mut object = self.new("Transfer", "tr_1");
                object.nothing("transfer_group", self.rng);
                object.value
            }
            What::Unused => self.new("Invoice", "in_unused").value,
        }
    }

    fn new(&mut self, name: &str, id: &str) -> Object<'a> {
        let mut object = self.of.object(name, self.rng);
        object.set("id", json!(id));
        object.set_if_declared("livemode", json!(false));
        object
    }

    fn checkout(&mut self, customer: &Customer) -> Value {
        let mut object = self.session(customer, customer.signed_up_at);
        object.set("mode", json!("subscription"));
        object.set("payment_status", json!("paid"));
        object.refer("subscription", &customer.subscriptions[0].id, self.rng);
        let reference = self.rng.pick(&["my-own-id", "cart_7"]);
        if customer.by == (SignUp::Token { in_metadata: true }) {
            object.set("metadata", json!({"manicule_token": self.token}));
            object.set("client_reference_id", json!(reference));
        } else {
            object.set("client_reference_id", json!(self.token));
        }
        object.value
    }

    fn session(&mut self, customer: &Customer, began: i64) -> Object<'a> {
        let mut object = self.new("Checkout.Session", "cs_1");
        object.set("created", json!(began));
        object.refer("customer", &customer.id, self.rng);
        object.set("customer_details.email", json!(customer.email));
        object.nothing("customer_email", self.rng);
        object
    }

    fn one_time(&mut self, customer: &Customer, invoice: &Invoice, paid: bool) -> Value {
        let mut object = self.session(customer, invoice.paid_at);
        object.set("mode", json!("payment"));
        object.set("payment_status", json!(if paid { "paid" } else { "unpaid" }));
        object.set("currency", json!(invoice.currency));
        object.set("amount_total", json!(invoice.total()));
        object.nothing("invoice", self.rng);
        object.nothing("client_reference_id", self.rng);
        object.refer("payment_intent", &invoice.id, self.rng);
        if self.rng.percent(50) {
            object.set("invoice_creation.enabled", json!(false));
        } else {
            object.nothing("invoice_creation", self.rng);
        }
        object.set("total_details.amount_tax", json!(invoice.tax));
        object.set("total_details.amount_discount", json!(0));
        object.set("total_details.amount_shipping", json!(invoice.shipping));
        if invoice.shipping == 0 && self.rng.percent(50) {
            object.set("total_details.amount_shipping", json!(null));
        }
        object.value
    }

    fn subscription(&mut self, customer: &Customer, of: &Subscription, status: &str) -> Value {
        let mut price = self.new("Price", "price_1");
        self.monthly(&mut price, customer.currency);
        price.set("unit_amount", json!(of.monthly_cents));
        price.set("unit_amount_decimal", json!(of.monthly_cents.to_string()));
        let mut item = self.new("SubscriptionItem", "si_1");
        item.set("price", price.value);
        item.set("subscription", json!(of.id));
        item.set("discounts", json!([]));
        match self.rng.percent(50) {
            true => item.nothing("quantity", self.rng),
            false => item.set("quantity", json!(1)),
        }
        let mut object = self.new("Subscription", &of.id);
        object.set("status", json!(status));
        object.set("currency", json!(customer.currency));
        object.refer("customer", &customer.id, self.rng);
        object.set("items", list(vec![item.value]));
        object.set("discounts", json!([]));
        for field in ["discount", "pause_collection", "trial_start", "trial_end", "pending_update", "cancel_at"] {
            object.nothing_if_declared(field, self.rng);
        }
        object.value
    }

    /// A price per month and seat.
    fn monthly(&mut self, price: &mut Object, currency: &str) {
        price.set("billing_scheme", json!("per_unit"));
        price.set("currency", json!(currency));
        price.set("type", json!("recurring"));
        price.set("recurring.interval", json!("month"));
        price.set("recurring.interval_count", json!(1));
        price.set("recurring.usage_type", json!("licensed"));
        for field in ["transform_quantity", "custom_unit_amount", "tiers", "tiers_mode", "currency_options"] {
            price.nothing(field, self.rng);
        }
    }

    fn invoice(&mut self, customer: &Customer, of: &Invoice) -> Value {
        let mut object = self.new("Invoice", &of.id);
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
        let mut line = self.new("InvoiceLineItem", "il_1");
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
            let mut price = self.new("Price", "price_1");
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
                let mut canceled = self.new("InvoicePayment", "inpay_canceled");
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

    fn invoice_payment(&mut self, payment: &Payment, part: usize) -> Object<'a> {
        let (invoice, cents) = &payment.parts[part];
        let mut object = self.new("InvoicePayment", &format!("inpay_{}_{part}", payment.charge));
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

    fn refund(&mut self, payment: &Payment, of: &Refund, status: &str) -> Value {
        let mut object = self.new("Refund", &of.id);
        object.set("amount", json!(of.cents));
        object.set("currency", json!(payment.currency));
        object.set("status", json!(status));
        object.set("created", json!(of.at));
        match &payment.intent {
            Some(intent) => {
                object.refer("payment_intent", intent, self.rng);
                match self.rng.percent(80) {
                    true => object.refer("charge", &payment.charge, self.rng),
                    false => object.nothing("charge", self.rng),
                }
            }
            None => {
                object.nothing("payment_intent", self.rng);
                object.refer("charge", &payment.charge, self.rng);
            }
        }
        object.value
    }

    fn charge(&mut self, customer: &Customer, payment: &Payment, refunds: usize) -> Value {
        let mut object = self.new("Charge", &payment.charge);
        let known = &payment.refunds[..refunds];
        let now = known.last().map_or(0, |refund| refund.at);
        // One that failed by then is no longer in the total.
        let stands = |refund: &&Refund| refund.failed_at.is_none_or(|at| at > now);
        object.set("amount", json!(payment.cents()));
        object.set("amount_refunded", json!(known.iter().filter(stands).map(|refund| refund.cents).sum::<i64>()));
        object.set("currency", json!(payment.currency));
        object.refer("customer", &customer.id, self.rng);
        match &payment.intent {
            Some(intent) => object.refer("payment_intent", intent, self.rng),
            None => object.nothing("payment_intent", self.rng),
        }
        if object.declares("invoice") {
            object.refer("invoice", &payment.parts[0].0, self.rng);
            if customer.invoices.iter().any(|invoice| invoice.one_time && invoice.id == payment.parts[0].0) {
                object.set("invoice", json!(null));
            }
        }
        if !payment.refunds.iter().any(|refund| refund.failed_at.is_some()) && self.rng.percent(40) {
            let listed = known.iter().map(|refund| self.refund(payment, refund, "succeeded")).collect();
            object.set("refunds", list(listed));
        } else {
            object.nothing("refunds", self.rng);
        }
        object.value
    }

    fn dispute(&mut self, payment: &Payment, of: &Dispute, status: &str) -> Value {
        let mut object = self.new("Dispute", &of.id);
        object.set("amount", json!(of.cents));
        object.set("currency", json!(payment.currency));
        // "prevented" is younger than the oldest version, which then has another word for it.
        object.value["status"] = json!(status);
        object.set("created", json!(of.at));
        object.refer("charge", &payment.charge, self.rng);
        match &payment.intent {
            Some(intent) => object.refer("payment_intent", intent, self.rng),
            None => object.nothing("payment_intent", self.rng),
        }
        object.value
    }

    fn note(&mut self, customer: &Customer, of: &Invoice, status: &str) -> Value {
        let (id, cents, _) = of.note.as_ref().expect("a credit note");
        let mut object = self.new("CreditNote", id);
        object.refer("invoice", &of.id, self.rng);
        object.refer("customer", &customer.id, self.rng);
        object.set("amount", json!(cents));
        object.set("currency", json!(of.currency));
        object.set("out_of_band_amount", json!(cents));
        object.set("status", json!(status));
        object.set("type", json!("post_payment"));
        object.set_if_declared("post_payment_amount", json!(cents));
        object.set_if_declared("pre_payment_amount", json!(0));
        object.set_if_declared("refunds", json!([]));
        object.nothing_if_declared("refund", self.rng);
        object.value
    }
}
