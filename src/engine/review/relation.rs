//! How an account, its visitor and its partner relate to others: one browser with many accounts, a partner's own
//! account, and partners who refer each other.

use crate::base::ids::{AccountId, EventId, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::account::grouped::{Grouped, Keyed};
use crate::engine::review::address::MailboxKey;
use serde::Deserialize;

/// Accounts that one visitor may be attributed within `VISITOR_DAYS` without a review.
pub const VISITOR_ACCOUNTS: usize = 5;
pub const VISITOR_DAYS: i64 = 30;

/// How many levels of partners' own referrers are followed.
pub const RING_DEPTH: i64 = 8;

/// An account that was attributed by a visitor's touches.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VisitorAccount {
    pub visitor: String,
    pub account_id: AccountId,
    pub signed_up_at_ms: UtcMillis,
    pub signup_event_id: EventId,
}

impl Keyed for VisitorAccount {
    fn key(&self) -> &str {
        &self.visitor
    }

    fn account(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }
}

/// A partner, or the partner who referred that partner's own account, and so on up.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Upline {
    /// The partner that it was looked up from.
    pub partner_id: PartnerId,
    /// 0: the partner itself.
    pub depth: i64,
    /// The external id of the partner at this depth, and its mailbox.
    pub external_id: String,
    pub mailbox: Option<MailboxKey>,
    /// When the latest of the attributions that lead there was made, and by which event.
    pub latest_ms: UtcMillis,
    pub latest_event: EventId,
}

impl Keyed for Upline {
    fn key(&self) -> &str {
        &self.partner_id
    }

    // Deciding an account changes none of these rows.
    fn account(&self) -> Option<&AccountId> {
        None
    }
}

/// An account that its email domain alone attributed. With `is_organization`, none: an operator said of the domain that it
/// is one organization.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DomainAccount {
    pub domain: String,
    pub program_id: ProgramId,
    pub account_id: AccountId,
    pub signed_up_at_ms: UtcMillis,
    pub signup_event_id: EventId,
    pub is_organization: i64,
}

impl Keyed for DomainAccount {
    fn key(&self) -> &str {
        &self.domain
    }

    fn account(&self) -> Option<&AccountId> {
        (self.is_organization == 0).then_some(&self.account_id)
    }
}

/// An account and the first of its events that named an address of a mailbox.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct MailboxAccount {
    pub mailbox: MailboxKey,
    pub account_id: AccountId,
    /// The digest of the address.
    pub address: String,
    pub at_ms: UtcMillis,
    pub event_id: EventId,
    /// 1 if the account is a customer at Stripe of which no host's account is known.
    pub is_customer: i64,
}

impl Keyed for MailboxAccount {
    fn key(&self) -> &str {
        &self.mailbox
    }

    // Deciding an account changes none of these rows.
    fn account(&self) -> Option<&AccountId> {
        None
    }
}

/// What identifies a partner's own accounts: their mailboxes, and their customers at Stripe.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct OwnKey {
    pub partner_id: PartnerId,
    pub key: String,
}

impl Keyed for OwnKey {
    fn key(&self) -> &str {
        &self.partner_id
    }

    // As above.
    fn account(&self) -> Option<&AccountId> {
        None
    }
}

#[derive(Clone, Debug)]
pub struct Relations {
    pub visitors: Grouped<VisitorAccount>,
    pub domains: Grouped<DomainAccount>,
    pub mailboxes: Grouped<MailboxAccount>,
    pub own: Grouped<OwnKey>,
    pub uplines: Grouped<Upline>,
}
