//! A Stripe event in canonical terms, before its account and invoice are known.

use crate::base::time::UtcMillis;
use crate::engine::event::Payload;
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
    pub is_live: bool,
    pub customer: Option<Customer>,
    /// The customer of the payment that a refund or dispute is about, if the event names it.
    pub paying_customer: Option<String>,
    /// Payments (`pi_…`, `ch_…`) with the invoice that each one pays.
    pub paid_by: Vec<(String, String)>,
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
    /// Facts about the customer, or about an invoice.
    Facts(Vec<Draft>),
    /// What a partner's connected account can do now.
    Payability(Payability),
    /// The total reversed amount of a transfer, in minor units. The group is the payout's id if the transfer is ours.
    TransferReversed { transfer_id: String, group: String, reversed_cents: i64 },
    /// Not relevant to us, and why.
    Ignored(&'static str),
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
    /// The same, but the subscription object leaves out a part of its value.
    Subscription(Box<Value>),
    /// The invoice that one of these paid; the payload's `invoice_id` is empty until it is known.
    Payment { intent: Option<String>, charge: Option<String> },
    /// The invoice that the payload names.
    Invoice,
}

impl Draft {
    /// The draft with its invoice, once it is known.
    pub fn about(self, invoice: &str) -> Draft {
        Draft { payload: about(self.payload, invoice), of: EventObject::Invoice, ..self }
    }
}

/// What identifies a draft's content, whichever invoice it turns out to be about. A subscription's value is not part of
/// it: two versions of one event leave out different parts of it.
pub fn identity(draft: &Draft) -> Payload {
    let mut payload = about(draft.payload.clone(), "");
    if let Payload::SubscriptionStarted(s) | Payload::SubscriptionUpdated(s) = &mut payload {
        (s.monthly_cents, s.annual_value_cents) = (None, None);
    }
    payload
}

/// A refund or dispute with its invoice; other payloads are unchanged.
pub fn about(mut payload: Payload, invoice: &str) -> Payload {
    match &mut payload {
        Payload::InvoiceRefunded { invoice_id, .. }
        | Payload::InvoiceRefundFailed { invoice_id, .. }
        | Payload::InvoiceRefundedTotal { invoice_id, .. } => invoice.clone_into(invoice_id),
        Payload::DisputeOpened(d) | Payload::DisputeWon(d) | Payload::DisputeLost(d) => {
            invoice.clone_into(&mut d.invoice_id);
        }
        _ => {}
    }
    payload
}
