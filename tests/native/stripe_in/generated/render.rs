//! Stripe's events for a story's facts, in the shape of any API version: each optional field absent, null, or expanded.

mod invoice;

use super::declarations::{Declarations, Object, list};
use super::story::{Customer, Dispute, Invoice, Payment, Refund, SignUp, Subscription};
use super::telling::{Fact, What};
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
        if matches!(fact.what, What::Account) {
            event["account"] = json!("acct_7");
        }
        event
    }

    fn object(&mut self, fact: &Fact, customer: &Customer) -> Value {
        match &fact.what {
            What::HostSignUp => unreachable!("the host's"),
            What::Customer => {
                let mut object = self.object_of("Customer", &customer.id);
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
                let mut object = self.object_of("Transfer", "tr_1");
                object.set("amount_reversed", json!(500));
                object.nothing("transfer_group", self.rng);
                object.value
            }
            What::Account => {
                let mut object = self.object_of("Account", "acct_7");
                object.set("payouts_enabled", json!(true));
                object.set("capabilities.transfers", json!("active"));
                object.set("country", json!("DE"));
                object.set("default_currency", json!("eur"));
                object.set("requirements.currently_due", json!([]));
                object.set("requirements.disabled_reason", json!(null));
                object.value
            }
            What::Unused => self.object_of("Invoice", "in_unused").value,
        }
    }

    fn object_of(&mut self, name: &str, id: &str) -> Object<'a> {
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
        let mut object = self.object_of("Checkout.Session", "cs_1");
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
        let mut price = self.object_of("Price", "price_1");
        self.monthly(&mut price, customer.currency);
        price.set("unit_amount", json!(of.monthly_cents));
        price.set("unit_amount_decimal", json!(of.monthly_cents.to_string()));
        let mut item = self.object_of("SubscriptionItem", "si_1");
        item.set("price", price.value);
        item.set("subscription", json!(of.id));
        item.set("discounts", json!([]));
        match self.rng.percent(50) {
            true => item.nothing("quantity", self.rng),
            false => item.set("quantity", json!(1)),
        }
        let mut object = self.object_of("Subscription", &of.id);
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

    fn refund(&mut self, payment: &Payment, of: &Refund, status: &str) -> Value {
        let mut object = self.object_of("Refund", &of.id);
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
        let mut object = self.object_of("Charge", &payment.charge);
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
        let mut object = self.object_of("Dispute", &of.id);
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
        let mut object = self.object_of("CreditNote", id);
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
