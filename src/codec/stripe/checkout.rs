//! A completed checkout: a sign-up, and a payment if it was for something bought once that has no invoice.

use crate::base::money::{CENTS_MAX, Cents};
use crate::codec::Invalid;
use crate::codec::attribution::token::is_token;
use crate::codec::stripe::event::{Draft, EventObject, StripeEvent, Translated};
use crate::codec::stripe::read;
use crate::codec::stripe::read::{cents, flag, id, text};
use crate::engine::event::{Amount, Invoice, InvoiceOrigin, OCCURRED_AT_MIN, Payload};
use crate::program::event::EventType;
use serde_json::Value;

/// What is added to the event's id for its payment.
const PAYMENT: &str = ":payment";

/// `checkout.session.completed`, and `checkout.session.async_payment_succeeded` for payments that take days.
pub fn completed(object: &Value, into: &Translated) -> Result<StripeEvent, Invalid> {
    if into.customer.is_none() {
        return Ok(StripeEvent::Ignored("a guest checkout has no customer, so it is nobody's sign-up or payment"));
    }
    if text(object, "mode") == Some("setup") {
        return Ok(StripeEvent::Ignored("nothing was bought"));
    }
    let mut drafts = vec![signed_up(object, into)];
    drafts.extend(paid(object, into)?);
    Ok(StripeEvent::Facts(drafts))
}

/// The customer's sign-up, dated when the checkout started, which is before any payment in it. Of two sign-ups of one
/// account, the earlier one decides, so an account that signed up before is not moved.
fn signed_up(object: &Value, into: &Translated) -> Draft {
    // Stripe takes 200 characters, and 500 in metadata, so what is longer comes as a short reference. What does not look
    // like one of our tokens is the host's own id.
    let reference = text(object, "client_reference_id");
    let metadata = object.get("metadata").and_then(|metadata| text(metadata, "manicule_token"));
    let tokens: Vec<_> = reference.into_iter().chain(metadata).filter(|text| is_token(text)).collect();
    // A visitor can change the first. Which one verifies is seen when they are read.
    let token = Some(tokens.join(" ")).filter(|text| !text.is_empty());
    let began = read::instant(object, "created").filter(|at| *at >= OCCURRED_AT_MIN);
    Draft {
        id: into.id.clone(),
        kind: EventType::AccountSignedUp,
        at: began.unwrap_or(into.created).min(into.created),
        of: EventObject::Customer,
        payload: Payload::SignedUp { plan: None, team_size: None },
        token,
    }
}

/// Rule 2: a one-time payment without an invoice. What has an invoice is paid by `invoice.paid`.
fn paid(object: &Value, into: &Translated) -> Result<Option<Draft>, Invalid> {
    let Some(invoice_id) = one_time_id(object) else { return Ok(None) };
    let charged = read::required_cents(object, "amount_total")?;
    let details = object.get("total_details").unwrap_or(&Value::Null);
    let of = |name| Ok::<i64, Invalid>(cents(details, name)?.unwrap_or(0).clamp(0, CENTS_MAX));
    // Shipping is not the service: it is passed on to the carrier.
    let base = charged.saturating_sub(of("amount_tax")?).saturating_sub(of("amount_shipping")?);
    let id = format!("{}{PAYMENT}", into.id);
    // Stripe's event id may be as long as our longest id.
    if base <= 0 || id.len() > 255 {
        return Ok(None);
    }
    Ok(Some(Draft {
        id,
        kind: EventType::InvoicePaid,
        at: into.created,
        of: EventObject::Customer,
        payload: Payload::InvoicePaid(Invoice {
            invoice_id: invoice_id.into(),
            subscription_id: None,
            amount: Amount { cents: Cents(base), currency: read::currency(object)? },
            months: 1,
            discount_cents: Cents(of("amount_discount")?),
            charged_cents: (charged > base).then_some(Cents(charged)),
            origin: InvoiceOrigin::OneTime,
        }),
        token: None,
    }))
}

/// The id under which a one-time payment without an invoice is booked: its payment's, or the session's if it has none.
/// `None` if it was not paid, or if an invoice says so.
pub fn one_time_id(object: &Value) -> Option<String> {
    let has_invoice = id(object, "invoice").is_some()
        || object.get("invoice_creation").is_some_and(|creation| flag(creation, "enabled"));
    let is_paid = text(object, "mode") == Some("payment") && text(object, "payment_status") == Some("paid");
    (is_paid && !has_invoice).then(|| id(object, "payment_intent").or_else(|| id(object, "id")))?
}
