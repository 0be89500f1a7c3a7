//! How an account, its visitor and its partner relate to others: one browser with many accounts, a partner's own account,
//! and partners who refer each other.

use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::account::grouped::{Grouped, Keyed};
use crate::engine::review::risk::{RiskInput, normalise_email};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Accounts that one visitor may be attributed within `VISITOR_DAYS` without a review.
pub const VISITOR_ACCOUNTS: usize = 5;
pub const VISITOR_DAYS: i64 = 30;

/// How many levels of partners' own referrers are followed.
pub const RING_DEPTH: i64 = 8;

/// An account that was attributed by a visitor's touches.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VisitorAccount {
    pub visitor: String,
    pub account_id: String,
    pub signed_up_at_ms: UtcMillis,
    pub signup_event_id: String,
}

impl Keyed for VisitorAccount {
    fn key(&self) -> &str {
        &self.visitor
    }

    fn account(&self) -> &str {
        &self.account_id
    }
}

/// A partner, or the partner who referred that partner's own account, and so on up.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Upline {
    /// The partner that it was looked up from.
    pub partner_id: String,
    /// 0: the partner itself.
    pub depth: i64,
    /// The external id of the partner at this depth, and its email address.
    pub external_id: String,
    pub email: Option<String>,
    /// When the latest of the attributions that lead there was made, and by which event.
    pub latest_ms: UtcMillis,
    pub latest_event: String,
}

impl Keyed for Upline {
    fn key(&self) -> &str {
        &self.partner_id
    }

    // No account: deciding an account changes none of these rows.
    fn account(&self) -> &str {
        &self.partner_id
    }
}

#[derive(Clone, Debug)]
pub struct Relations {
    pub visitors: Grouped<VisitorAccount>,
    pub uplines: Grouped<Upline>,
}

impl Relations {
    /// Whether too many earlier accounts were attributed through the same visitor.
    pub fn one_visitor(&self, s: &RiskInput) -> Option<String> {
        let since = s.signed_up.0.plus_ms(-VISITOR_DAYS * DAY_MS);
        let before: BTreeSet<&str> = self
            .visitors
            .of(s.visitor?)
            .iter()
            .filter(|o| {
                o.account_id != s.account
                    && o.signed_up_at_ms > since
                    && (o.signed_up_at_ms, o.signup_event_id.as_str()) < s.signed_up
            })
            .map(|o| o.account_id.as_str())
            .collect();
        let is_many = before.len() >= VISITOR_ACCOUNTS;
        is_many.then(|| format!("more than {VISITOR_ACCOUNTS} accounts came from one browser in {VISITOR_DAYS} days"))
    }

    /// Whether the account is the partner's own, because both have the same external id.
    pub fn own_account(&self, s: &RiskInput) -> Option<String> {
        let own = self.uplines.of(s.partner).iter().any(|u| u.depth == 0 && u.external_id == s.account);
        own.then(|| "the account belongs to the partner".to_owned())
    }

    /// Whether the attribution closes a ring: the partner's own account was referred, directly or through others, by the
    /// owner of this account.
    pub fn ring(&self, s: &RiskInput) -> Option<String> {
        let is_own = |u: &&Upline| {
            let email = u.email.as_deref().map(normalise_email);
            u.external_id == s.account || email.is_some_and(|own| s.emails.iter().any(|e| normalise_email(e) == own))
        };
        let closes = |u: &&Upline| u.depth > 0 && (u.latest_ms, u.latest_event.as_str()) < s.bound;
        let found = self.uplines.of(s.partner).iter().filter(closes).find(is_own)?;
        Some(match found.depth {
            1 => "the owner of this account referred the partner's own account".to_owned(),
            _ => "a chain of referrals leads from the owner of this account to the partner's own account".to_owned(),
        })
    }
}
