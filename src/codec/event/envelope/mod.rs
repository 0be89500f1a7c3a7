//! The canonical envelope: the event format that `POST /v1/webhooks/events` accepts and that every other source is
//! translated into.
//!
//! In scope: the fields that each type needs, their limits, and the error that names the field. Not in scope: who sent
//! it (`standard_webhooks`), and what it means (`engine`). Source: section 4 of the design.

#[cfg(test)]
mod tests;

use crate::base::domain;
use crate::base::ids::LinkCode;
use crate::base::money::{CENTS_MAX, Cents};
use crate::base::time::UtcMillis;
use crate::codec::fields::{CAMPAIGN, CODE, CURRENCY, DOMAIN, Fields, ID, KIND, NAME, TOKEN};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::engine::event::{Amount, Credential, Dispute, Event, Invoice, InvoiceOrigin, Payload, Person, Subscription};
use crate::program::event::{EventType, is_about_account};

/// Most months of service that one invoice may pay for: ten years, more than any prepayment we know of.
pub const MONTHS_MAX: i64 = 120;

/// Largest running total of API calls: a million calls per second for thirty years, which D1 stores exactly.
pub const API_CALLS_MAX: i64 = 1_000_000_000_000_000;

/// Largest team: more people than any employer has.
pub const TEAM_SIZE_MAX: i64 = 10_000_000;

/// Reads one event. `now` limits how far in the future it may be dated.
pub fn parse(body: &[u8], now: UtcMillis) -> Result<Event, Invalid> {
    let json = json::read(body)?;
    let root = Fields::of_body(&json)?;
    let id = root.required_text("id", &ID)?.into();
    let kind = root.required_text("type", &KIND)?;
    let occurred_at = root.occurred_at("occurred_at", now)?;
    let parts = EnvelopeHeaders {
        root,
        account: root.object("account")?,
        attribution: root.object("attribution")?,
        data: root.object("data")?,
    };
    let account_id = parts.account.text("id", &ID)?.map(Into::into);
    if account_id.is_none() && is_about_account(&kind) {
        return Err(parts.account.missing("id"));
    }
    Ok(Event {
        id,
        occurred_at,
        account_id,
        person: Person { stripe_customer: parts.data.text("stripe_customer", &ID)?, ..person(&parts.account)? },
        credential: Credential {
            token: parts.attribution.text("token", &TOKEN)?,
            code: parts.attribution.given_code("code")?,
            visitor: parts.attribution.text("visitor", &CODE)?,
        },
        payload: payload(&kind, &parts)?,
        kind,
    })
}

fn agency_code(data: &Fields<'_>) -> Result<LinkCode, Invalid> {
    data.given_code("agency_code")?.ok_or_else(|| data.missing("agency_code"))
}

pub(crate) fn person(fields: &Fields<'_>) -> Result<Person, Invalid> {
    let email = fields.email("email");
    Ok(Person {
        email_ignored: email.is_err(),
        email: email.unwrap_or_default(),
        name: fields.text("name", &NAME)?,
        stripe_customer: None,
        ..Person::default()
    })
}

struct EnvelopeHeaders<'a> {
    root: Fields<'a>,
    account: Fields<'a>,
    attribution: Fields<'a>,
    data: Fields<'a>,
}

fn payload(kind: &str, parts: &EnvelopeHeaders<'_>) -> Result<Payload, Invalid> {
    let data = &parts.data;
    let Some(kind) = EventType::parse(kind) else { return Ok(Payload::Other) };
    Ok(match kind {
        EventType::AccountSignedUp => {
            Payload::SignedUp { plan: parts.account.text("plan", &CODE)?, team_size: parts.team_size()? }
        }
        EventType::AccountActive => {
            Payload::Active { api_calls: data.integer("api_calls", 0..=API_CALLS_MAX)?, team_size: parts.team_size()? }
        }
        EventType::AccountCancelled => Payload::Cancelled,
        EventType::AccountHandedOff => Payload::HandedOff { agency_code: agency_code(data)?, domain: parts.domain()? },
        EventType::WorkspaceInvited => Payload::WorkspaceInvited {
            agency_code: agency_code(data)?,
            domain: parts.domain()?.ok_or_else(|| data.missing("domain"))?,
        },
        EventType::SubscriptionStarted => Payload::SubscriptionStarted(parts.subscription()?),
        EventType::SubscriptionUpdated => Payload::SubscriptionUpdated(parts.subscription()?),
        EventType::SubscriptionCancelled => Payload::SubscriptionCancelled(parts.subscription()?),
        EventType::InvoicePaid => Payload::InvoicePaid(parts.invoice()?),
        EventType::InvoiceRefunded => Payload::InvoiceRefunded {
            refund_id: data.required_text("refund_id", &ID)?,
            invoice_id: data.required_text("invoice_id", &ID)?.into(),
            amount: parts.amount(1)?,
        },
        EventType::InvoiceRefundFailed => Payload::InvoiceRefundFailed {
            refund_id: data.required_text("refund_id", &ID)?,
            invoice_id: data.required_text("invoice_id", &ID)?.into(),
            amount: parts.amount(1)?,
        },
        EventType::InvoiceRefundedTotal => Payload::InvoiceRefundedTotal {
            charge_id: data.required_text("charge_id", &ID)?,
            invoice_id: data.required_text("invoice_id", &ID)?.into(),
            amount: parts.amount(0)?,
        },
        EventType::DisputeOpened => Payload::DisputeOpened(parts.dispute()?),
        EventType::DisputeWon => Payload::DisputeWon(parts.dispute()?),
        EventType::DisputeLost => Payload::DisputeLost(parts.dispute()?),
        EventType::PurchaseCompleted => {
            Payload::Purchase { purchase_id: data.required_text("purchase_id", &ID)?, amount: parts.amount(0)? }
        }
        EventType::ListingViewed => Payload::ListingViewed { listing_id: data.required_text("listing_id", &ID)? },
        EventType::LeadMagnetDownloaded
        | EventType::DemoRequested
        | EventType::NewsletterJoined
        | EventType::ActivationReached
        | EventType::PageViewed => Payload::Funnel {
            campaign: data.campaign("campaign", &CAMPAIGN)?,
            visitor: match data.text("visitor", &CODE)? {
                Some(visitor) => Some(visitor),
                None => parts.attribution.text("visitor", &CODE)?,
            },
        },
        EventType::EmailConfirmed
        | EventType::NewsletterConfirmed
        | EventType::RfqSubmitted
        | EventType::OperatorReassigned => Payload::Other,
    })
}

impl EnvelopeHeaders<'_> {
    /// `amount`, which must be at least `least_cents`.
    fn amount(&self, least_cents: i64) -> Result<Amount, Invalid> {
        let amount = self.root.object("amount")?;
        if amount.is_absent() {
            return Err(self.root.missing("amount"));
        }
        let cents = amount.integer("cents", least_cents..=CENTS_MAX)?.ok_or_else(|| amount.missing("cents"))?;
        let currency = amount.required_text("currency", &CURRENCY)?.to_ascii_lowercase();
        Ok(Amount { cents: Cents(cents), currency })
    }

    fn invoice(&self) -> Result<Invoice, Invalid> {
        Ok(Invoice {
            invoice_id: self.data.required_text("invoice_id", &ID)?.into(),
            subscription_id: self.data.text("subscription_id", &ID)?,
            amount: self.amount(0)?,
            months: self.data.integer("months", 1..=MONTHS_MAX)?.unwrap_or(1),
            discount_cents: self.cents("discount_cents")?.unwrap_or(Cents::ZERO),
            charged_cents: self.cents("charged_cents")?,
            origin: InvoiceOrigin::Host,
        })
    }

    fn subscription(&self) -> Result<Subscription, Invalid> {
        Ok(Subscription {
            subscription_id: self.data.required_text("subscription_id", &ID)?,
            monthly_cents: self.cents("monthly_cents")?,
            annual_value_cents: self.cents("annual_value_cents")?,
            currency: self.data.text("currency", &CURRENCY)?.map(|currency| currency.to_ascii_lowercase()),
        })
    }

    fn dispute(&self) -> Result<Dispute, Invalid> {
        Ok(Dispute {
            dispute_id: self.data.required_text("dispute_id", &ID)?,
            invoice_id: self.data.required_text("invoice_id", &ID)?.into(),
            amount: self.amount(1)?,
        })
    }

    fn cents(&self, name: &str) -> Result<Option<Cents>, Invalid> {
        Ok(self.data.integer(name, 0..=CENTS_MAX)?.map(Cents))
    }

    fn domain(&self) -> Result<Option<String>, Invalid> {
        Ok(self.data.text("domain", &DOMAIN)?.as_deref().and_then(domain::normal))
    }

    /// `account.team_size`, else `data.team_size`.
    fn team_size(&self) -> Result<Option<i64>, Invalid> {
        let of_data = self.data.integer("team_size", 0..=TEAM_SIZE_MAX)?;
        Ok(self.account.integer("team_size", 0..=TEAM_SIZE_MAX)?.or(of_data))
    }
}
