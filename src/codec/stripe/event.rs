//! A Stripe event in canonical terms, before its account and invoice are known.

use crate::base::time::UtcMillis;
pub use crate::engine::event::InvoicePayment;
use crate::engine::event::Payload;
use crate::engine::payout::StripeObject;
use crate::engine::payout::payee::Payability;
use crate::program::event::EventType;
use serde_json::Value;

/// Which endpoint received an event. Each has its own secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripeEndpoint {
    /// Events of the operator's own account.
    Own,
    /// Events of connected accounts, the partners'.
    Connect,
}

/// The parts of a Stripe event that we use.
#[derive(Clone, Debug, PartialEq)]
pub struct Translated {
    pub id: String,
    pub kind: String,
    pub created: UtcMillis,
    /// `None` if the event does not say: an ignored one needs no mode.
    pub is_live: Option<bool>,
    pub customer: Option<Customer>,
    /// The customer of the payment that a refund or dispute is about, if the event names it.
    pub paying_customer: Option<String>,
    /// Payments with the invoices that they pay.
    pub paid_by: Vec<InvoicePayment>,
    pub what: StripeEvent,
}

/// A customer named in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub id: String,
    /// In lower case.
    pub email: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StripeEvent {
    /// An event of ids alone. The object is at `path`, and the event means what one of type `kind` with it would mean.
    Thin(Box<ThinEvent>),
    /// Facts about the customer, or about an invoice.
    Facts(Vec<Draft>),
    /// What a partner's connected account can do now.
    Payability(Payability),
    /// The platform may no longer act for a connected account: its id.
    AccountClosed(String),
    /// A transfer was made, by us or by someone else. The group is the payout's id if the transfer is ours.
    TransferCreated { made: StripeObject, group: String },
    /// The total reversed amount of a transfer, in minor units. The group is the payout's id if the transfer is ours.
    TransferReversed { transfer_id: String, group: String, reversed_cents: i64 },
    /// Not relevant to us, and why.
    Ignored(&'static str),
}

/// A thin event of a type that we use.
#[derive(Clone, Debug, PartialEq)]
pub struct ThinEvent {
    /// The same event without its object, in the format of an event with one.
    pub event: Value,
    /// Where its object is read; `None` if only Stripe's copy of the event says so.
    pub path: Option<String>,
    pub endpoint: StripeEndpoint,
}

/// A canonical event that names a Stripe customer or a payment instead of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub id: String,
    pub kind: EventType,
    pub at: UtcMillis,
    pub of: EventObject,
    pub payload: Payload,
    /// The attribution token in the event.
    pub token: Option<String>,
}

/// What a draft is about.
#[derive(Clone, Debug, PartialEq)]
pub enum EventObject {
    /// The customer's account.
    Customer,
    /// The same, but the object leaves out a part of what counts: a subscription's value, an invoice's lines.
    InPart(Box<Value>),
    /// The invoices that one of these paid; the payload's `invoice_id` is empty.
    Payment { intent: Option<String>, charge: Option<String> },
}

/// What identifies a draft's content. A subscription's value is not part of it: two versions of one event leave out
/// different parts of it.
pub fn identity(draft: &Draft) -> Payload {
    let mut payload = draft.payload.clone();
    if let Payload::SubscriptionStarted(s) | Payload::SubscriptionUpdated(s) = &mut payload {
        (s.monthly_cents, s.annual_value_cents) = (None, None);
    }
    payload
}
