//! A stored event, as decisions see it.

use crate::base::time::UtcMillis;
use crate::engine::attribution::touch::{Touch, TouchHistory};
use crate::engine::event::Payload;
use serde::{Deserialize, Serialize};

/// One stored event, as decisions see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub event_id: String,
    pub account_id: String,
    /// The event's type.
    pub kind: String,
    pub at: UtcMillis,
    /// The domain of the email address it named; `None` for free mail.
    pub email_domain: Option<String>,
    pub payload: Payload,
    pub credential: VerifiedCredential,
}

/// The attribution credential that an event presented, verified when the event was received.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VerifiedCredential {
    pub code: Option<String>,
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
