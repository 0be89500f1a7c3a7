//! Translates Stripe's events into ours.
//!
//! In scope: the events that the product uses, in the formats of old and new API versions (an event has its own
//! version, regardless of the pinned one), and which of them to ignore. Not in scope: which account a customer is
//! (`engine::account::customer`, `service::account::stripe_customer`), and which invoice a payment is for if the event
//! does not say.

pub mod account;
pub mod discount;
pub mod event;
pub mod form;
pub mod invoice;
pub mod price;
pub mod read;
pub mod refunds_disputes;
pub mod signature;
pub mod subscription;
pub mod worth;

#[cfg(test)]
mod tests;

pub use crate::codec::stripe::account::payability;
pub use crate::codec::stripe::event::{
    Customer, Draft, EventObject, StripeEndpoint, StripeEvent, Translated, about, identity,
};
pub use crate::codec::stripe::read::created;
pub use crate::codec::stripe::subscription::{Billing, billing};

use crate::base::time::UtcMillis;
use crate::codec::stripe::read::{flag, id, text};
use crate::codec::{Invalid, json};
use crate::engine::event::Payload;
use crate::program::event::EventType;
use serde_json::Value;

/// The API version that we request from Stripe, and the best one for webhook endpoints.
pub const API_VERSION: &str = "2026-10-28.endive";

/// The events of the operator's own account that we use and that Stripe still sends: its list takes 20 names.
pub const OWN_EVENTS: [&str; 17] = [
    "checkout.session.completed",
    "customer.created",
    "customer.updated",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "invoice.paid",
    "invoice_payment.paid",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "transfer.reversed",
];

/// Reads a body and translates it.
pub fn parse(body: &[u8], endpoint: StripeEndpoint, now: UtcMillis) -> Result<Translated, Invalid> {
    translate(&json::read(body)?, endpoint, now)
}

/// Translates one event, from a webhook or from Stripe's list of events. `now` limits how far in the future it may be
/// dated.
pub fn translate(event: &Value, endpoint: StripeEndpoint, now: UtcMillis) -> Result<Translated, Invalid> {
    let kind = text(event, "type").ok_or_else(|| read::missing("type"))?;
    let is_live = event.get("livemode").and_then(Value::as_bool).ok_or_else(|| read::missing("livemode"))?;
    let object = event.get("data").and_then(|data| data.get("object")).filter(|object| object.is_object());
    let object = object.ok_or_else(|| read::missing("data.object"))?;
    let mut translated = Translated {
        id: read::required_id(event, "id")?,
        kind: kind.chars().take(64).collect(),
        created: read::created(event, now)?,
        is_live,
        customer: None,
        paying_customer: None,
        paid_by: Vec::new(),
        what: StripeEvent::Ignored("this type of event is not used"),
    };
    // Sales of connected accounts are not ours, whichever endpoint receives them.
    match (endpoint, id(event, "account").is_some()) {
        (_, true) if kind == "account.updated" => {
            translated.what = StripeEvent::Payability(account::payability(object)?)
        }
        (_, true) => translated.what = StripeEvent::Ignored("from a connected account"),
        (StripeEndpoint::Connect, false) => translated.what = StripeEvent::Ignored("not from a connected account"),
        (StripeEndpoint::Own, false) => own(event, kind, object, &mut translated).map_err(below)?,
    }
    Ok(translated)
}

/// An event of the operator's own account.
fn own(event: &Value, kind: &str, object: &Value, into: &mut Translated) -> Result<(), Invalid> {
    into.customer = customer(kind, object);
    into.paid_by = paid_by(kind, object);
    into.paying_customer = paying_customer(object);
    into.what = match kind {
        "checkout.session.completed" => signed_up(object, into),
        "invoice.paid" => invoice::paid(object, into)?,
        "customer.subscription.created"
        | "customer.subscription.updated"
        | "customer.subscription.deleted"
        | "customer.subscription.paused"
        | "customer.subscription.resumed" => subscription::changed(event, object, into)?,
        "customer.created" | "customer.updated" => StripeEvent::Ignored("it only identifies the customer"),
        "invoice_payment.paid" => StripeEvent::Ignored("it only links a payment to its invoice"),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            refunds_disputes::refund(object, into)?
        }
        "charge.refunded" => refunds_disputes::charge_refunded(object, into)?,
        "charge.dispute.created"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated"
        | "charge.dispute.closed" => refunds_disputes::dispute(object, into)?,
        "transfer.reversed" => StripeEvent::TransferReversed {
            transfer_id: read::required_id(object, "id")?,
            group: id(object, "transfer_group").unwrap_or_default(),
            reversed_cents: read::required_cents(object, "amount_reversed")?,
        },
        _ => return Ok(()),
    };
    Ok(())
}

/// The customer that an event names, with its email address in that event.
fn customer(kind: &str, object: &Value) -> Option<Customer> {
    let (id, email) = match kind {
        "customer.created" | "customer.updated" => (id(object, "id")?, read::email(object, "email")),
        "checkout.session.completed" => {
            let details = object.get("customer_details").and_then(|details| read::email(details, "email"));
            (id(object, "customer")?, details.or_else(|| read::email(object, "customer_email")))
        }
        "invoice.paid" => (id(object, "customer")?, read::email(object, "customer_email")),
        _ if kind.starts_with("customer.subscription.") => (id(object, "customer")?, None),
        _ => return None,
    };
    Some(Customer { id, email })
}

/// The customer of a charge, or of the payment of a refund or dispute if that is expanded.
fn paying_customer(object: &Value) -> Option<String> {
    let of_payment = |name: &str| id(object.get(name)?, "customer");
    id(object, "customer").or_else(|| of_payment("charge")).or_else(|| of_payment("payment_intent"))
}

/// Which invoice a payment is for, from any event that shows it.
fn paid_by(kind: &str, object: &Value) -> Vec<(String, String)> {
    let (invoice, payments) = match kind {
        "invoice.paid" => {
            let mut payments = vec![id(object, "payment_intent"), id(object, "charge")];
            let listed = read::list(object, "payments").iter().filter_map(|p| p.get("payment"));
            payments.extend(listed.flat_map(|p| [id(p, "payment_intent"), id(p, "charge")]));
            (id(object, "id"), payments)
        }
        "invoice_payment.paid" => {
            let payment = object.get("payment").unwrap_or(&Value::Null);
            (id(object, "invoice"), vec![id(payment, "payment_intent"), id(payment, "charge")])
        }
        "charge.refunded" => (id(object, "invoice"), vec![id(object, "payment_intent"), id(object, "id")]),
        "checkout.session.completed" => (id(object, "invoice"), vec![id(object, "payment_intent")]),
        _ => (None, Vec::new()),
    };
    let Some(invoice) = invoice else { return Vec::new() };
    let mut pairs: Vec<_> = payments.into_iter().flatten().map(|payment| (payment, invoice.clone())).collect();
    pairs.sort();
    pairs.dedup();
    pairs
}

/// A completed checkout: the customer's sign-up, dated when the checkout started, which is before any payment in it. Of
/// two sign-ups of one account, the earlier one decides, so an account that signed up before is not moved.
fn signed_up(object: &Value, into: &Translated) -> StripeEvent {
    if into.customer.is_none() {
        return StripeEvent::Ignored("a guest checkout has no customer");
    }
    if text(object, "mode") == Some("setup") {
        return StripeEvent::Ignored("nothing was bought");
    }
    // Stripe cuts the reference at 200 characters, so longer tokens are put in the metadata. A reference that does not
    // look like one of our tokens is the host's own id.
    let reference = text(object, "client_reference_id");
    let metadata = object.get("metadata").and_then(|metadata| text(metadata, "manicule_token"));
    let token = reference.into_iter().chain(metadata).find(|token| token.starts_with("v1.") && token.len() <= 4_096);
    let began = read::instant(object, "created").filter(|at| *at >= crate::engine::event::OCCURRED_AT_MIN);
    StripeEvent::Facts(vec![Draft {
        id: into.id.clone(),
        kind: EventType::AccountSignedUp,
        at: began.unwrap_or(into.created).min(into.created),
        of: EventObject::Customer,
        payload: Payload::SignedUp { plan: None, team_size: None },
        token: token.map(str::to_owned),
    }])
}

/// The invoice of the first item in a list of invoice payments (`GET /v1/invoice_payments`), if there is one.
pub fn invoice_of_payments(answer: &Value) -> Option<String> {
    answer.get("data")?.as_array()?.iter().find_map(|payment| id(payment, "invoice"))
}

/// One page of a list: its items, and the id after which the next page starts.
pub fn page(answer: &Value) -> (&[Value], Option<String>) {
    let members = answer.get("data").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let next = members.last().and_then(|last| id(last, "id")).filter(|_| flag(answer, "has_more"));
    (members, next)
}

fn below(mut invalid: Invalid) -> Invalid {
    invalid.field = format!("data.object.{}", invalid.field);
    invalid.detail = format!("data.object.{}", invalid.detail);
    invalid
}
