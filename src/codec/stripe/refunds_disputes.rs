//! Refunds, by their own ids and by a charge's total, and disputes, by what happens to the funds.

use crate::base::ids::InvoiceId;
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::codec::Invalid;
use crate::codec::stripe::event::{Draft, EventObject, StripeEvent, Translated};
use crate::codec::stripe::read;
use crate::codec::stripe::read::{id, text};
use crate::engine::event::{Amount, Dispute, OCCURRED_AT_MIN, Payload};
use crate::program::event::EventType;
use serde_json::Value;

/// A refund object. Stripe counts it from its creation on; a failed or canceled refund is undone.
pub fn refund(object: &Value, into: &Translated) -> Result<StripeEvent, Invalid> {
    let of = EventObject::Payment { intent: id(object, "payment_intent"), charge: id(object, "charge") };
    Ok(match refund_draft(object, into.id.clone(), into.created, of)? {
        Some(draft) => StripeEvent::Facts(vec![draft]),
        None => StripeEvent::Ignored("the refund amount is zero"),
    })
}

fn refund_draft(object: &Value, event_id: String, at: UtcMillis, of: EventObject) -> Result<Option<Draft>, Invalid> {
    let refund_id = read::required_id(object, "id")?;
    let amount = Amount { cents: Cents(read::required_cents(object, "amount")?), currency: read::currency(object)? };
    let invoice_id = InvoiceId::default();
    let (kind, payload) = match text(object, "status") {
        Some("failed" | "canceled") => (
            EventType::InvoiceRefundFailed,
            Payload::InvoiceRefundFailed { refund_id, invoice_id, amount: amount.clone() },
        ),
        _ => (EventType::InvoiceRefunded, Payload::InvoiceRefunded { refund_id, invoice_id, amount: amount.clone() }),
    };
    let draft = Draft { id: event_id, kind, at, of, payload, token: None };
    Ok((amount.cents > Cents::ZERO).then_some(draft))
}

/// `charge.refunded`: the charge has the total and, in old formats, lists its refunds.
pub fn charge_refunded(object: &Value, into: &Translated) -> Result<StripeEvent, Invalid> {
    let charge_id = read::required_id(object, "id")?;
    let cents = read::required_cents(object, "amount_refunded")?;
    let of = EventObject::Payment { intent: id(object, "payment_intent"), charge: Some(charge_id.clone()) };
    let amount = Amount { cents: Cents(cents), currency: read::currency(object)? };
    let mut drafts = vec![Draft {
        id: into.id.clone(),
        kind: EventType::InvoiceRefundedTotal,
        at: into.created,
        of: of.clone(),
        payload: Payload::InvoiceRefundedTotal { charge_id, invoice_id: InvoiceId::default(), amount },
        token: None,
    }];
    for refund in read::list(object, "refunds") {
        let refund_id = read::required_id(refund, "id")?;
        drafts.extend(refund_draft(refund, format!("{}:{refund_id}", into.id), into.created, of.clone())?);
    }
    // Stripe's event id may be as long as our longest id.
    drafts.retain(|draft| draft.id.len() <= 255);
    Ok(StripeEvent::Facts(drafts))
}

/// `charge.dispute.*`. An open dispute holds the invoice. It is lost when the funds are withdrawn, usually right away.
/// It is won when they come back, or when an inquiry is closed without a withdrawal.
pub fn dispute(object: &Value, into: &Translated) -> Result<StripeEvent, Invalid> {
    let dispute = Dispute {
        dispute_id: read::required_id(object, "id")?,
        invoice_id: InvoiceId::default(),
        amount: Amount { cents: Cents(read::required_cents(object, "amount")?), currency: read::currency(object)? },
    };
    let mut at = into.created;
    let (kind, payload) = match (into.kind.rsplit('.').next(), text(object, "status")) {
        (Some("created"), Some("prevented")) => return Ok(StripeEvent::Ignored("the dispute was prevented")),
        (Some("closed"), Some("prevented")) => {
            // It never became a dispute, and any refund for it has its own event. It is dated before the dispute, so
            // that funds that were withdrawn anyway remain lost.
            let made = read::instant(object, "created").filter(|at| *at > OCCURRED_AT_MIN).unwrap_or(at);
            at = made.plus_ms(-1).min(at);
            (EventType::DisputeWon, Payload::DisputeWon(dispute))
        }
        (Some("created"), _) => (EventType::DisputeOpened, Payload::DisputeOpened(dispute)),
        (Some("funds_withdrawn"), _) | (_, Some("lost")) => (EventType::DisputeLost, Payload::DisputeLost(dispute)),
        (Some("funds_reinstated"), _) | (_, Some("won" | "warning_closed")) => {
            (EventType::DisputeWon, Payload::DisputeWon(dispute))
        }
        _ => return Ok(StripeEvent::Ignored("the funds are undecided")),
    };
    Ok(StripeEvent::Facts(vec![Draft {
        id: into.id.clone(),
        kind,
        at,
        of: EventObject::Payment { intent: id(object, "payment_intent"), charge: id(object, "charge") },
        payload,
        token: None,
    }]))
}
