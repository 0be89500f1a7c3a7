//! Credit notes: money that was given back outside of Stripe. Refunds in Stripe have events of their own, and what goes
//! to the customer's balance was not given back.

use crate::base::ids::InvoiceId;
use crate::base::money::{CENTS_MAX, Cents};
use crate::codec::Invalid;
use crate::codec::stripe::event::{Draft, EventObject, StripeEvent, Translated};
use crate::codec::stripe::read;
use crate::codec::stripe::read::{cents, text};
use crate::engine::event::{Amount, Payload};
use crate::program::event::EventType;
use serde_json::Value;

/// `credit_note.created`, `.updated` and `.voided`. A void note gives nothing back.
pub fn changed(object: &Value, into: &Translated) -> Result<StripeEvent, Invalid> {
    let refund_id = read::required_id(object, "id")?;
    read::required_id(object, "invoice")?;
    // A note from before the payment lowers what is due, so it was never paid.
    if text(object, "type") == Some("pre_payment") {
        return Ok(StripeEvent::Ignored("the credit note is from before the payment"));
    }
    let outside = cents(object, "out_of_band_amount")?.unwrap_or(0).saturating_add(recorded(object));
    let after_payment = cents(object, "post_payment_amount")?.unwrap_or(outside);
    let given_back = outside.min(after_payment);
    if given_back <= 0 {
        return Ok(StripeEvent::Ignored("the credit note gave nothing back outside of Stripe"));
    }
    let amount = Amount { cents: Cents(given_back), currency: read::currency(object)? };
    let invoice_id = InvoiceId::default();
    let is_void = into.kind == "credit_note.voided" || text(object, "status") == Some("void");
    let (kind, payload) = if is_void {
        (
            EventType::InvoiceRefundFailed,
            Payload::InvoiceRefundFailed { refund_id: refund_id.clone(), invoice_id, amount },
        )
    } else {
        (EventType::InvoiceRefunded, Payload::InvoiceRefunded { refund_id: refund_id.clone(), invoice_id, amount })
    };
    Ok(StripeEvent::Facts(vec![Draft {
        id: into.id.clone(),
        kind,
        at: into.created,
        of: EventObject::Payment { intent: None, charge: Some(refund_id) },
        payload,
        token: None,
    }]))
}

/// What was refunded of payments that Stripe only keeps a record of: such refunds have no events of their own, and
/// `out_of_band_amount` does not include them.
fn recorded(object: &Value) -> i64 {
    let refunds = object.get("refunds").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let of_records = refunds.iter().filter(|refund| text(refund, "type") == Some("payment_record_refund"));
    let amounts = of_records.filter_map(|refund| read::integer(refund, "amount_refunded"));
    amounts.fold(0, |sum, cents| sum.saturating_add(cents.clamp(0, CENTS_MAX)))
}
