//! What an email is written from.

use crate::base::time::UtcMillis;
use crate::engine::message::{Audience, MessageType};
use serde_json::Value;

/// What an email is written from.
#[derive(Clone, Debug)]
pub struct MessageFields<'a> {
    pub kind: MessageType,
    pub to: Audience,
    /// The program's title.
    pub program: &'a str,
    pub program_id: &'a str,
    /// The site that people signed up for.
    pub site_name: &'a str,
    /// The reader's own name. An email never names anyone else, because people choose their own names.
    pub name: Option<&'a str>,
    pub partner: Option<&'a str>,
    pub account: Option<&'a str>,
    pub payload: &'a Value,
    /// The referred side's discount on its first invoice, in basis points.
    pub benefit_bps: Option<i64>,
    /// The Worker's address, without a slash at its end.
    pub site: &'a str,
    /// Path and query of the unsubscribe link.
    pub unsubscribe: Option<&'a str>,
    /// When the message was queued.
    pub at: UtcMillis,
}
