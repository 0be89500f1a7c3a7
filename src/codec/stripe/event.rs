//! An event of Stripe's in our words, before it is known which account and invoice it is about.

use crate::base::time::UtcMillis;
use crate::engine::event::Payload;
use crate::engine::payout::payee::Payability;

/// Which endpoint an event came to. Each has secrets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripeEndpoint {
    /// Events of the operator's own account.
    Own,
    /// Events of connected accounts, the partners'.
    Connect,
}

/// An event of Stripe's, as far as it is ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Translated {
    pub id: String,
    pub kind: String,
    pub created: UtcMillis,
    pub is_live: bool,
    pub customer: Option<Customer>,
    /// Payments (`pi_…`, `ch_…`) with the invoice that they are for.
    pub paid_by: Vec<(String, String)>,
    pub what: StripeEvent,
}

/// A customer that an event names.
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
    /// Of a transfer this much was taken back, in all and in minor units. The group is the payout's id, if it is ours.
    TransferReversed { transfer_id: String, group: String, reversed_cents: i64 },
    /// Nothing of ours, and why.
    Ignored(&'static str),
}

/// A canonical event that names a Stripe customer, or a payment, instead of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub id: String,
    pub kind: &'static str,
    pub at: UtcMillis,
    pub of: EventObject,
    pub payload: Payload,
    /// The attribution token that came with it.
    pub token: Option<String>,
}

/// What a draft is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventObject {
    /// The account that this customer is.
    Customer,
    /// The invoice that was paid by one of these; the payload's `invoice_id` is empty until that is known.
    Payment { intent: Option<String>, charge: Option<String> },
    /// The invoice that the payload names.
    Invoice,
}

impl Draft {
    /// The draft with its invoice, once that is known.
    pub fn about(self, invoice: &str) -> Draft {
        Draft { payload: about(self.payload, invoice), of: EventObject::Invoice, ..self }
    }
}

/// A refund or dispute with its invoice; other payloads are not changed.
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
