//! What a Stripe event says and what became of it: by this a repeat is known, and answered like the first delivery.

use crate::base::id;
use crate::codec::stripe as wire;
use crate::codec::stripe::{Draft, StripeEvent, Translated};
use crate::program::event::EventType;
use crate::service::error::{AppError, ErrorKind};
use crate::store::event::intake::Seen;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The SHA-256 of the event's meaning. Its bytes differ between two deliveries, and between a webhook and Stripe's
/// list: the number of pending deliveries, the API version.
pub fn fingerprint(event: &Translated) -> String {
    let what = match &event.what {
        StripeEvent::Ignored(_) => json!(null),
        StripeEvent::Payability(state) => json!(state),
        StripeEvent::AccountClosed(account) => json!(account),
        StripeEvent::TransferCreated { made, .. } => json!(made.id),
        StripeEvent::TransferReversed { transfer_id, reversed_cents, .. } => json!([transfer_id, reversed_cents]),
        StripeEvent::Thin(thin) => json!(thin.path),
        StripeEvent::Facts(drafts) => {
            // Only old API versions list a charge's refunds; the first fact has the total.
            let is_total = drafts.first().is_some_and(|d| d.kind == EventType::InvoiceRefundedTotal);
            let all = drafts.iter().take(if is_total { 1 } else { drafts.len() });
            json!(all.map(|d| (d.kind, d.at, wire::identity(d))).collect::<Vec<_>>())
        }
    };
    let customer = event.customer.as_ref().map(|c| &c.id);
    sha256(&json!([event.kind, event.created, event.is_live, customer, what]))
}

fn sha256(value: &Value) -> String {
    id::hex(&Sha256::digest(value.to_string().as_bytes()))
}

pub fn repeat(event: &Translated, seen: &Seen, sha256: &str) -> Result<Value, AppError> {
    if seen.body_sha256 != sha256 {
        let detail = format!("event {} was already received with a different body", event.id);
        return Err(AppError::new(ErrorKind::Conflict, "event_id_reused", detail).field("id"));
    }
    Ok(serde_json::from_str(&seen.outcome).unwrap_or_default())
}

pub fn outcome_of(event: &Translated, outcome: &str, reason: &str, facts: Vec<Value>) -> Value {
    let mut outcome_of = json!({"event": event.id, "type": event.kind, "outcome": outcome, "facts": facts});
    if !reason.is_empty() {
        outcome_of["reason"] = json!(reason);
    }
    outcome_of
}

/// Of a draft's content, whichever account or invoice it turns out to be about.
pub fn digest_of(draft: &Draft) -> String {
    sha256(&json!([draft.kind, draft.at, wire::identity(draft)]))
}
