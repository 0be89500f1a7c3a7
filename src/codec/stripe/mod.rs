//! Translates Stripe's events into ours.
//!
//! In scope: the events that the product uses, in the formats of old and new API versions (an event has its own
//! version, regardless of the pinned one), and which of them to ignore. Not in scope: which account a customer is
//! (`engine::account::customer`, `service::account::stripe_customer`), and which invoice a payment is for if the event
//! does not say.

pub mod account;
pub mod checkout;
pub mod credit_note;
pub mod discount;
pub mod event;
pub mod form;
pub mod invoice;
pub mod payment;
pub mod price;
pub mod read;
pub mod refunds_disputes;
pub mod signature;
pub mod subscription;
pub mod thin;
pub mod worth;

#[cfg(test)]
mod tests;

pub use crate::codec::stripe::account::payability;
pub use crate::codec::stripe::event::{
    Customer, Draft, EventObject, InvoicePayment, StripeEndpoint, StripeEvent, ThinEvent, Translated, identity,
};
pub use crate::codec::stripe::payment::invoice_payments;
pub use crate::codec::stripe::read::created;
pub use crate::codec::stripe::subscription::{Billing, billing};

use crate::base::time::UtcMillis;
use crate::codec::stripe::read::{flag, id, text};
use crate::codec::{Invalid, json};
use crate::engine::event::OCCURRED_AT_MIN;
use crate::engine::payout::StripeObject;
use serde_json::Value;

/// The API version that we request from Stripe, and the best one for webhook endpoints.
pub const API_VERSION: &str = "2026-10-28.endive";

/// The longest event that is read, in bytes: a dispute's evidence alone can have 150,000 characters.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// The events of the operator's own account that we use and that Stripe still sends: its list takes 20 names.
pub const OWN_EVENTS: [&str; 20] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
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
    "credit_note.created",
    "credit_note.voided",
    "transfer.reversed",
];

/// Used, but not asked for: Stripe also sends `refund.updated` and `customer.subscription.updated`, and an update of a
/// credit note changes no amount.
const ALSO_USED: [&str; 4] =
    ["charge.refund.updated", "credit_note.updated", "customer.subscription.paused", "customer.subscription.resumed"];

/// Asked for at the endpoint, but not fetched if it was missed: the list's 20 places are taken.
pub const ALARM_EVENT: &str = "transfer.created";

/// The events of connected accounts that we use.
pub const CONNECT_EVENTS: [&str; 2] = ["account.updated", DEAUTHORIZED];

/// The end of the platform's access to a connected account. Its object is the application, so the account is the event's.
const DEAUTHORIZED: &str = "account.application.deauthorized";

/// Reads a body and translates it.
pub fn parse(body: &[u8], endpoint: StripeEndpoint, now: UtcMillis) -> Result<Translated, Invalid> {
    translate(&json::read_up_to(body, EVENT_BYTES_MAX)?, endpoint, now)
}

/// Translates one event, from a webhook or from Stripe's list of events. `now` limits how far in the future it may be
/// dated. An event that is not used only needs an id and a type: Stripe would send it again for days after an error.
pub fn translate(event: &Value, endpoint: StripeEndpoint, now: UtcMillis) -> Result<Translated, Invalid> {
    let sent_kind = text(event, "type").ok_or_else(|| read::missing("type"))?;
    let is_thin = thin::is_thin(event);
    let kind = if is_thin { thin::kind(sent_kind) } else { sent_kind };
    let mut translated = Translated {
        id: read::required_id(event, "id")?,
        kind: sent_kind.chars().take(64).collect(),
        created: thin::created(event).unwrap_or(OCCURRED_AT_MIN),
        is_live: None,
        customer: None,
        paying_customer: None,
        paid_by: Vec::new(),
        what: StripeEvent::Ignored("this type of event is not used"),
    };
    if let Some(why) = unused(event, endpoint, kind) {
        translated.what = StripeEvent::Ignored(why);
        return Ok(translated);
    }
    translated.is_live = event.get("livemode").and_then(Value::as_bool);
    translated.is_live.ok_or_else(|| read::missing("livemode"))?;
    if kind == DEAUTHORIZED {
        translated.created = thin::created(event).ok_or_else(|| read::missing("created"))?;
        translated.what = StripeEvent::AccountClosed(thin::account(event).unwrap_or_default());
        return Ok(translated);
    }
    if is_thin {
        let thin = thin::of(event, endpoint);
        translated.created = read::created(&thin.event, now)?;
        translated.what = StripeEvent::Thin(Box::new(thin));
        return Ok(translated);
    }
    let object = event.get("data").and_then(|data| data.get("object")).filter(|object| object.is_object());
    let object = object.ok_or_else(|| read::missing("data.object"))?;
    translated.created = read::created(event, now)?;
    if kind == "account.updated" {
        translated.what = StripeEvent::Payability(account::payability(object)?);
    } else {
        own(event, kind, object, &mut translated).map_err(below)?;
    }
    Ok(translated)
}

/// Why an event is not used. Sales of connected accounts are not ours, whichever endpoint receives them.
fn unused(event: &Value, endpoint: StripeEndpoint, kind: &str) -> Option<&'static str> {
    match (endpoint, thin::account(event).is_some()) {
        (_, true) => (!CONNECT_EVENTS.contains(&kind)).then_some("from a connected account"),
        (StripeEndpoint::Connect, false) => Some("not from a connected account"),
        (StripeEndpoint::Own, false) => {
            let is_used = OWN_EVENTS.contains(&kind) || ALSO_USED.contains(&kind) || kind == ALARM_EVENT;
            (!is_used).then_some("this type of event is not used")
        }
    }
}

/// An event of the operator's own account.
fn own(event: &Value, kind: &str, object: &Value, into: &mut Translated) -> Result<(), Invalid> {
    into.customer = customer(kind, object);
    into.paid_by = payment::paid_by(kind, object);
    into.paying_customer = paying_customer(object);
    into.what = match kind {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => checkout::completed(object, into)?,
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
        "credit_note.created" | "credit_note.updated" | "credit_note.voided" => credit_note::changed(object, into)?,
        ALARM_EVENT => transfer_created(object)?,
        "transfer.reversed" => StripeEvent::TransferReversed {
            transfer_id: read::required_id(object, "id")?,
            group: id(object, "transfer_group").unwrap_or_default(),
            reversed_cents: read::required_cents(object, "amount_reversed")?,
        },
        _ => return Ok(()),
    };
    Ok(())
}

/// A transfer to a connected account. Others have no destination that we know.
fn transfer_created(object: &Value) -> Result<StripeEvent, Invalid> {
    let Some(target) = id(object, "destination") else {
        return Ok(StripeEvent::Ignored("the transfer has no destination"));
    };
    let made = StripeObject {
        id: read::required_id(object, "id")?,
        amount_cents: read::required_cents(object, "amount")?,
        currency: text(object, "currency").unwrap_or_default().to_ascii_lowercase(),
        target,
        reversed_cents: 0,
        at: read::instant(object, "created").ok_or_else(|| read::missing("created"))?,
    };
    Ok(StripeEvent::TransferCreated { made, group: id(object, "transfer_group").unwrap_or_default() })
}

/// The customer that an event names, with its email address in that event.
fn customer(kind: &str, object: &Value) -> Option<Customer> {
    let (id, email) = match kind {
        "customer.created" | "customer.updated" => (id(object, "id")?, read::email(object, "email")),
        "invoice.paid" => (read::customer(object)?, read::email(object, "customer_email")),
        _ if kind.starts_with("checkout.session.") => {
            let details = object.get("customer_details").and_then(|details| read::email(details, "email"));
            (read::customer(object)?, details.or_else(|| read::email(object, "customer_email")))
        }
        _ if kind.starts_with("customer.subscription.") => (read::customer(object)?, None),
        _ => return None,
    };
    Some(Customer { id, email })
}

/// The customer of a charge, or of the payment of a refund or dispute if that is expanded.
fn paying_customer(object: &Value) -> Option<String> {
    let of_payment = |name: &str| read::customer(object.get(name)?);
    read::customer(object).or_else(|| of_payment("charge")).or_else(|| of_payment("payment_intent"))
}

/// The id of the first event in a list of events that may be cut off.
pub fn first_event_id(list: &str) -> Option<String> {
    let id_after = |key: &str| {
        let value = key.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        let id = value.split_once('"')?.0;
        let plain = id.len() <= 255 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (plain && id.starts_with("evt_")).then(|| id.to_owned())
    };
    list.split("\"id\"").skip(1).find_map(id_after)
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
