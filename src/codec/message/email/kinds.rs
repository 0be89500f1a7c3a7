//! The types of messages that are sent by email, who receives each, and what an email is written from.

use crate::base::time::UtcMillis;
use serde_json::Value;

/// Who receives a type of message by email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Partner,
    /// The referred side.
    Account,
    Operator,
}

impl Audience {
    pub fn name(self) -> &'static str {
        match self {
            Audience::Partner => "partner",
            Audience::Account => "account",
            Audience::Operator => "operator",
        }
    }
}

/// A type of message.
#[derive(Clone, Copy, Debug)]
pub struct MessageType {
    pub name: &'static str,
    pub to: Audience,
    /// Whether readers can unsubscribe: true unless the message is about money or needs an operator's decision.
    pub optional: bool,
}

const fn kind(name: &'static str, to: Audience, optional: bool) -> MessageType {
    MessageType { name, to, optional }
}

/// Every type of message.
pub const KINDS: &[MessageType] = &[
    kind("referral.joined", Audience::Partner, true),
    kind("reward.granted.referrer", Audience::Partner, false),
    kind("reward.granted.referee", Audience::Account, true),
    kind("statement.commission", Audience::Partner, false),
    kind("payout.sent", Audience::Partner, false),
    kind("payout.failed", Audience::Partner, false),
    kind("payout.onboarding", Audience::Partner, false),
    kind("payout.approval", Audience::Operator, false),
    kind("payout.review", Audience::Operator, false),
    kind("payout.funds", Audience::Operator, false),
    kind("payout.access", Audience::Operator, false),
    kind("credit.review", Audience::Operator, false),
    kind("credit.failed", Audience::Operator, false),
    kind("review.opened", Audience::Operator, false),
    kind("budget.low", Audience::Operator, false),
    kind("report.funnel", Audience::Operator, true),
];

pub fn find(name: &str) -> Option<&'static MessageType> {
    KINDS.iter().find(|k| k.name == name)
}

/// What an email is written from.
#[derive(Clone, Debug)]
pub struct MessageFields<'a> {
    pub kind: &'static MessageType,
    /// The program's title.
    pub program: &'a str,
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
