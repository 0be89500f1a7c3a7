//! The canonical event that every source is translated into, and the facts that decisions depend on.
//!
//! Source: section 4 of the design (types and their fields). Personal data (email, name) is kept next to the facts,
//! never inside them, so that it can be erased without affecting earlier decisions.

use crate::base::ids::{AccountId, EventId, InvoiceId, LinkCode, PartnerId, ProgramId};
use crate::base::money::Cents;
use crate::base::names::names;
use crate::base::time::UtcMillis;
use serde::{Deserialize, Serialize};

/// Facts may be dated back to this instant (2020-01-01T00:00:00Z), when the presets take effect.
pub const OCCURRED_AT_MIN: UtcMillis = UtcMillis(1_577_836_800_000);

/// How far in the future a fact may be dated: the clocks of honest senders differ by less.
pub const OCCURRED_AT_AHEAD_MAX_MS: i64 = 300_000;

/// One received event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The sender's id: unique, and the tie-break between events of one instant.
    pub id: EventId,
    /// The type's name as sent, `invoice.paid`.
    pub kind: String,
    pub occurred_at: UtcMillis,
    /// The sender's id for the account.
    pub account_id: Option<AccountId>,
    pub person: Person,
    pub credential: Credential,
    pub payload: Payload,
}

/// Personal data of the account, erasable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    pub email: Option<String>,
    pub name: Option<String>,
    /// The account's customer at Stripe, if the sender names it.
    pub stripe_customer: Option<String>,
    /// Whether it came with an email address that is none. It counts as absent.
    #[serde(default)]
    pub email_ignored: bool,
    /// What others are compared with. Known once the database's salt is.
    #[serde(skip)]
    pub keys: PersonKeys,
}

/// Salted digests of a person's address. They are kept when the person is erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonKeys {
    pub address: Option<String>,
    pub mailbox: Option<String>,
    /// Of the domain, if it is an organization's own.
    pub email_domain: Option<String>,
}

/// What the event says about who referred the account. All of it is as sent; nothing is verified yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    pub token: Option<String>,
    pub code: Option<LinkCode>,
    pub visitor: Option<String>,
}

/// Minor units and a currency in lower case, `usd`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    pub cents: Cents,
    pub currency: String,
}

/// The fields that decisions use, by type. Serialized as stored: `{"invoice.paid": {…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Payload {
    #[serde(rename = "account.signed_up")]
    SignedUp { plan: Option<String>, team_size: Option<i64> },
    /// Usage: `api_calls` is a running total.
    #[serde(rename = "account.active")]
    Active { api_calls: Option<i64>, team_size: Option<i64> },
    #[serde(rename = "account.cancelled")]
    Cancelled,
    #[serde(rename = "subscription.started")]
    SubscriptionStarted(Subscription),
    #[serde(rename = "subscription.updated")]
    SubscriptionUpdated(Subscription),
    #[serde(rename = "subscription.cancelled")]
    SubscriptionCancelled(Subscription),
    #[serde(rename = "invoice.paid")]
    InvoicePaid(Invoice),
    #[serde(rename = "invoice.refunded")]
    InvoiceRefunded { refund_id: String, invoice_id: InvoiceId, amount: Amount },
    /// The refund failed or was canceled: it reverses nothing, whichever of the two arrives first.
    #[serde(rename = "invoice.refund_failed")]
    InvoiceRefundFailed { refund_id: String, invoice_id: InvoiceId, amount: Amount },
    /// The total refunded on one charge, from senders that report totals. A total never goes down, except for failed
    /// refunds.
    #[serde(rename = "invoice.refunded_total")]
    InvoiceRefundedTotal { charge_id: String, invoice_id: InvoiceId, amount: Amount },
    #[serde(rename = "dispute.opened")]
    DisputeOpened(Dispute),
    #[serde(rename = "dispute.won")]
    DisputeWon(Dispute),
    #[serde(rename = "dispute.lost")]
    DisputeLost(Dispute),
    #[serde(rename = "purchase.completed")]
    Purchase { purchase_id: String, amount: Amount },
    #[serde(rename = "listing.viewed")]
    ListingViewed { listing_id: String },
    /// A stored domain is its salted digest.
    #[serde(rename = "workspace.invited")]
    WorkspaceInvited { agency_code: LinkCode, domain: String },
    #[serde(rename = "account.handed_off")]
    HandedOff { agency_code: LinkCode, domain: Option<String> },
    /// A stage of a funnel: `lead_magnet.downloaded`, `demo.requested`, `newsletter.joined`, `activation.reached`,
    /// `page.viewed`, named by the event's type.
    #[serde(rename = "funnel")]
    Funnel { campaign: Option<String>, visitor: Option<String> },
    /// An operator moved the account and gave a reason. It is stored as an event so that it is one of the account's
    /// facts.
    #[serde(rename = "operator.reassigned")]
    Reassigned { program: ProgramId, partner: Option<PartnerId>, code: Option<LinkCode>, reason: String },
    /// Any other type. A program may know it by its name alone (`email.confirmed`, `rfq.submitted`).
    #[serde(rename = "other")]
    Other,
}

impl Payload {
    /// The domain that it is about.
    pub fn domain(&self) -> Option<&str> {
        match self {
            Payload::WorkspaceInvited { domain, .. } => Some(domain),
            Payload::HandedOff { domain, .. } => domain.as_deref(),
            _ => None,
        }
    }

    /// The same payload with another name for its domain.
    pub fn with_domain(self, name: impl FnOnce(&str) -> String) -> Payload {
        match self {
            Payload::WorkspaceInvited { agency_code, domain } => {
                Payload::WorkspaceInvited { agency_code, domain: name(&domain) }
            }
            Payload::HandedOff { agency_code, domain } => {
                Payload::HandedOff { agency_code, domain: domain.as_deref().map(name) }
            }
            other => other,
        }
    }

    /// What it is among the facts of one instant.
    pub fn fact_kind(&self) -> FactKind {
        match self {
            Payload::WorkspaceInvited { .. } | Payload::HandedOff { .. } => FactKind::Invitation,
            Payload::SignedUp { .. } => FactKind::SignUp,
            Payload::Active { .. }
            | Payload::Purchase { .. }
            | Payload::ListingViewed { .. }
            | Payload::Funnel { .. }
            | Payload::Reassigned { .. }
            | Payload::Other => FactKind::Code,
            Payload::SubscriptionStarted(_) => FactKind::Start,
            Payload::SubscriptionUpdated(_) => FactKind::Change,
            Payload::InvoicePaid(_) => FactKind::Payment,
            Payload::InvoiceRefunded { .. }
            | Payload::InvoiceRefundFailed { .. }
            | Payload::InvoiceRefundedTotal { .. } => FactKind::Refund,
            Payload::DisputeOpened(_) | Payload::DisputeWon(_) | Payload::DisputeLost(_) => FactKind::Dispute,
            Payload::SubscriptionCancelled(_) | Payload::Cancelled => FactKind::End,
        }
    }

    /// Whether decisions depend on it by its type alone. The others count only where a program's document names them.
    pub fn is_decisive(&self) -> bool {
        !matches!(self, Payload::Purchase { .. } | Payload::Funnel { .. } | Payload::Other)
    }

    /// The currency of the amount that it reports. `None`: it has no amount, or the amount is in the program's own
    /// currency.
    pub fn currency(&self) -> Option<&str> {
        match self {
            Payload::SubscriptionStarted(s) | Payload::SubscriptionUpdated(s) | Payload::SubscriptionCancelled(s) => {
                s.currency.as_deref()
            }
            Payload::InvoicePaid(invoice) => Some(&invoice.amount.currency),
            Payload::InvoiceRefunded { amount, .. }
            | Payload::InvoiceRefundFailed { amount, .. }
            | Payload::InvoiceRefundedTotal { amount, .. }
            | Payload::Purchase { amount, .. } => Some(&amount.currency),
            Payload::DisputeOpened(d) | Payload::DisputeWon(d) | Payload::DisputeLost(d) => Some(&d.amount.currency),
            _ => None,
        }
    }

    /// The invoice that it names. A refund or dispute of a payment names none.
    pub fn invoice_id(&self) -> Option<&InvoiceId> {
        let invoice = match self {
            Payload::InvoicePaid(invoice) => Some(&invoice.invoice_id),
            Payload::InvoiceRefunded { invoice_id, .. }
            | Payload::InvoiceRefundFailed { invoice_id, .. }
            | Payload::InvoiceRefundedTotal { invoice_id, .. } => Some(invoice_id),
            Payload::DisputeOpened(d) | Payload::DisputeWon(d) | Payload::DisputeLost(d) => Some(&d.invoice_id),
            _ => None,
        };
        invoice.filter(|invoice| !invoice.is_empty())
    }

    /// Whether its amount, if it has one, is in a program's currency. Others earn nothing and reach nothing.
    pub fn is_in(&self, currency: &str) -> bool {
        self.currency().is_none_or(|own| own == currency)
    }
}

/// What happens first within one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactKind {
    /// An agency invites or hands over: it can only do so before the sign-up.
    Invitation,
    SignUp,
    /// Usage, and anything else that may carry a code.
    Code,
    Start,
    /// A subscription is reported again, as it is after its start.
    Change,
    Payment,
    Refund,
    Dispute,
    End,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    pub subscription_id: String,
    /// Its price per month, without discounts that end.
    pub monthly_cents: Option<Cents>,
    /// What it is worth in the next twelve months; 12 × `monthly_cents` if the sender does not say.
    pub annual_value_cents: Option<Cents>,
    /// The currency of both; the program's own if the sender does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl Subscription {
    pub fn annual_cents(&self) -> Option<Cents> {
        self.annual_value_cents.or(self.monthly_cents.map(|monthly| Cents(monthly.0.saturating_mul(12))))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// The invoice's identity, no matter which event carries it.
    pub invoice_id: InvoiceId,
    pub subscription_id: Option<String>,
    /// The amount paid for the service, net of tax and discounts.
    pub amount: Amount,
    /// Months of service that it pays for; 1 if the sender does not say.
    pub months: i64,
    /// The invoice's discount, if the sender reports it.
    pub discount_cents: Cents,
    /// The total that the customer was charged, including tax, if that is more than `amount`. Refunds and disputes are
    /// shares of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged_cents: Option<Cents>,
    /// Who says that it was paid, and what it is for.
    #[serde(default, skip_serializing_if = "InvoiceOrigin::is_host")]
    pub origin: InvoiceOrigin,
}

names! {
    /// Who reported a payment. Only the host knows that an account without a subscription is a customer again.
    #[derive(Default)]
    pub enum InvoiceOrigin {
        /// The host's own event.
        #[default]
        Host = "host",
        /// Stripe's invoice.
        Stripe = "stripe",
        /// A one-time payment in Stripe Checkout that has no invoice: it earns rates and nothing else.
        OneTime = "one_time",
    }
}

impl InvoiceOrigin {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_host(&self) -> bool {
        *self == InvoiceOrigin::Host
    }
}

impl Invoice {
    /// The amount that refunds and disputes are shares of.
    pub fn charged(&self) -> Cents {
        self.charged_cents.unwrap_or(Cents::ZERO).max(self.amount.cents)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dispute {
    pub dispute_id: String,
    pub invoice_id: InvoiceId,
    pub amount: Amount,
}

/// What a payment paid of an invoice. One payment can pay several invoices, and an invoice can have several payments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvoicePayment {
    /// `pi_…` or `ch_…`.
    pub payment: String,
    pub invoice: InvoiceId,
    /// In minor units; `None` if unknown: then it counts as the whole invoice.
    pub paid_cents: Option<i64>,
}

/// The payment that a fact is about, under each of its ids, with the invoices that it is known to have paid.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FactPayment {
    pub intent: Option<String>,
    pub charge: Option<String>,
    pub invoices: Vec<PaidInvoice>,
}

/// An invoice of a payment, and what it paid of it if that is known. It can be listed under each of the payment's ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidInvoice {
    pub invoice_id: InvoiceId,
    pub paid_cents: Option<Cents>,
}

/// A fact as far as its money is concerned.
#[derive(Clone, Copy, Debug)]
pub struct MoneyFact<'a> {
    pub at: UtcMillis,
    pub event_id: &'a str,
    pub payload: &'a Payload,
    pub payment: Option<&'a FactPayment>,
}
