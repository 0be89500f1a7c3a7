//! Stripe's request bodies, built by hand.

use serde_json::{Value, json};

/// 2026-06-01T00:00:00Z, in seconds.
pub const CREATED: i64 = 1_780_272_000;

/// One fact that is sent to the Worker.
#[derive(Clone, Debug)]
pub enum StoryStep {
    Stripe(Value),
    /// The host's sign-up: account, address, customer.
    SignUp(&'static str, Option<&'static str>, Option<&'static str>),
    /// The host's sign-up without a code: account, address, seconds after the payments.
    Plain(&'static str, &'static str, i64),
    /// A completed checkout with a token: event, customer, address.
    Checkout(&'static str, &'static str, &'static str),
}

#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Before 2025-03-31.
    Old,
    New,
}

pub fn event(id: &str, kind: &str, object: &Value) -> Value {
    json!({
        "id": id, "object": "event", "api_version": "2026-10-28.endive", "created": CREATED, "livemode": false,
        "pending_webhooks": 1, "request": {"id": null}, "type": kind, "data": {"object": object},
    })
}

/// A paid invoice of `net` plus `tax`, of customer `cus_1`. In the old shape it names its payment `pi_1`.
pub fn invoice(shape: Shape, id: &str, invoice: &str, net: i64, tax: i64) -> Value {
    let mut object = json!({
        "id": invoice, "object": "invoice", "currency": "usd", "customer": "cus_1", "customer_email": "ann@example.org",
        "amount_paid": net + tax, "total": net + tax, "total_excluding_tax": net, "total_discount_amounts": [],
        "billing_reason": "subscription_cycle", "status_transitions": {"paid_at": CREATED},
    });
    let period = json!({"start": CREATED, "end": CREATED + 30 * 86_400});
    match shape {
        Shape::Old => {
            object["subscription"] = json!("sub_1");
            object["payment_intent"] = json!("pi_1");
            object["charge"] = json!("ch_1");
            object["lines"] = json!({"data": [{"type": "subscription", "amount": net, "period": period,
                "price": {"recurring": {"interval": "month", "interval_count": 1}}}]});
        }
        Shape::New => {
            object["parent"] = json!({"subscription_details": {"subscription": "sub_1"}});
            object["lines"] = json!({"data": [{"amount": net, "period": period,
                "parent": {"subscription_item_details": {"subscription": "sub_1", "proration": false}}}]});
        }
    }
    event(id, "invoice.paid", &object)
}

pub fn payment_of(id: &str, invoice: &str, intent: &str) -> Value {
    let object = json!({"id": "inpay_1", "object": "invoice_payment", "invoice": invoice,
        "payment": {"type": "payment_intent", "payment_intent": intent}});
    event(id, "invoice_payment.paid", &object)
}

pub fn subscription(id: &str, kind: &str, status: &str, monthly: i64) -> Value {
    let object = json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": status,
        "items": {"data": [{"quantity": 1, "price": {"unit_amount": monthly,
            "recurring": {"interval": "month", "interval_count": 1}}}]}});
    event(id, &format!("customer.subscription.{kind}"), &object)
}

pub fn refund(id: &str, kind: &str, refund: &str, amount: i64, status: &str) -> Value {
    let object = json!({"id": refund, "object": "refund", "amount": amount, "currency": "usd", "charge": "ch_1",
        "payment_intent": "pi_1", "status": status});
    event(id, kind, &object)
}

/// A charge's amount, and in old shapes its refunds: id, amount, status.
pub fn charge_refunded(id: &str, sum: i64, listed: Option<&[(&str, i64, &str)]>) -> Value {
    let mut object = json!({"id": "ch_1", "object": "charge", "amount_refunded": sum, "currency": "usd",
        "payment_intent": "pi_1"});
    if let Some(listed) = listed {
        let refunds: Vec<Value> = listed
            .iter()
            .map(|(id, amount, status)| json!({"id": id, "amount": amount, "currency": "usd", "status": status}))
            .collect();
        object["refunds"] = json!({"data": refunds});
    }
    event(id, "charge.refunded", &object)
}

/// A dispute of 10,000, `later` seconds later.
pub fn dispute(id: &str, kind: &str, status: &str, later: i64) -> Value {
    let object = json!({"id": "dp_1", "object": "dispute", "amount": 10_000, "currency": "usd", "charge": "ch_1",
        "payment_intent": "pi_1", "status": status, "created": CREATED});
    let mut body = event(id, &format!("charge.dispute.{kind}"), &object);
    body["created"] = json!(CREATED + later);
    body
}

pub fn checkout(id: &str, token: &str, email: &str) -> Value {
    let object = json!({"id": "cs_1", "object": "checkout.session", "mode": "subscription", "customer": "cus_1",
        "created": CREATED - 60, "client_reference_id": token, "subscription": "sub_1",
        "customer_details": {"email": email}});
    event(id, "checkout.session.completed", &object)
}

/// An invoice's payment of an amount, as Stripe reports it on its own.
pub fn part(id: &str, invoice: &str, intent: &str, cents: i64) -> Value {
    let object = json!({"id": format!("inpay_{id}"), "object": "invoice_payment", "invoice": invoice, "status": "paid",
        "amount_paid": cents, "payment": {"type": "payment_intent", "payment_intent": intent}});
    event(id, "invoice_payment.paid", &object)
}

/// The same body with other fields of its object.
pub fn with(mut body: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().expect("an object") {
        body["data"]["object"][key] = value.clone();
    }
    body
}

/// A credit note of `in_1`.
pub fn note(id: &str, kind: &str, changes: &Value) -> Value {
    let object = json!({"id": "cn_1", "object": "credit_note", "invoice": "in_1", "amount": 5_000, "currency": "usd",
        "customer": "cus_1", "type": "post_payment", "status": "issued", "out_of_band_amount": null, "refunds": []});
    with(event(id, &format!("credit_note.{kind}"), &object), changes)
}

/// The same body, `later` seconds later.
pub fn at(mut body: Value, later: i64) -> Value {
    body["created"] = json!(CREATED + later);
    body
}

/// A one-time checkout of 10,000 with 1,900 tax and 500 for shipping.
pub fn one_time(id: &str, kind: &str, changes: &Value) -> Value {
    let object = json!({"id": "cs_1", "object": "checkout.session", "mode": "payment", "customer": "cus_1",
        "created": CREATED - 60, "invoice": null, "payment_intent": "pi_1", "payment_status": "paid", "currency": "usd",
        "amount_total": 12_400, "total_details": {"amount_tax": 1_900, "amount_shipping": 500, "amount_discount": 100},
        "customer_details": {"email": "ann@example.org"}});
    with(event(id, &format!("checkout.session.{kind}"), &object), changes)
}
