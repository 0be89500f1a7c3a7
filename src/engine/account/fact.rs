//! A stored event, as decisions see it.

use crate::base::ids::{AccountId, EventId, LinkCode};
use crate::base::time::UtcMillis;
use crate::engine::attribution::touch::{Touch, TouchHistory};
use crate::engine::event::{FactPayment, MoneyFact, Payload};
use serde::{Deserialize, Serialize};

/// One stored event, as decisions see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub event_id: EventId,
    pub account_id: AccountId,
    /// The event's type.
    pub kind: String,
    pub at: UtcMillis,
    /// The domain of the email address it named; `None` for free mail.
    pub email_domain: Option<String>,
    pub payload: Payload,
    pub credential: VerifiedCredential,
    /// Whether decisions were the same without it (`engine::account::usage`).
    pub is_moot: bool,
    /// Whether it was left out of the decisions since (`engine::account::closing`).
    pub is_closed: bool,
    /// The payment that it is about, if it is a refund or dispute that names one instead of an invoice.
    pub payment: Option<FactPayment>,
}

impl Fact {
    pub fn money(&self) -> MoneyFact<'_> {
        MoneyFact { at: self.at, event_id: &self.event_id, payload: &self.payload, payment: self.payment.as_ref() }
    }
}

/// The attribution credential that an event presented, verified when the event was received.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VerifiedCredential {
    pub code: Option<LinkCode>,
    /// The touches of a valid token.
    pub touchpoints: Option<TouchHistory>,
    /// The event carried a token whose signature did not verify.
    #[serde(default)]
    pub token_refused: bool,
    pub visitor: Option<String>,
    /// The clicks of that visitor, as of when the event was received.
    #[serde(default)]
    pub clicks: Vec<Touch>,
}
