//! Marks accounts to be decided again, because something they depend on has changed.

use crate::base::ids::{AccountId, EventId, InvoiceId, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::review::risk::CROWD;
use crate::store::port::{GIVEN, Stmt};
use serde::Serialize;
use std::collections::BTreeSet;

/// When accounts are marked, and whether what follows is announced: not if they are marked because of events that arrived
/// late alone.
#[derive(Clone, Copy, Debug)]
pub struct Marking {
    pub now: UtcMillis,
    pub quiet: bool,
}

impl From<UtcMillis> for Marking {
    fn from(now: UtcMillis) -> Marking {
        Marking { now, quiet: false }
    }
}

impl Marking {
    /// What a mark sets, with the parameter that holds the time. Any other mark makes the revision another one, so that what
    /// follows is announced.
    pub(in crate::store) fn sets(self, now: &str) -> String {
        let quiet = if self.quiet { format!(", quiet_revision = {}", quietly("1")) } else { String::new() };
        format!("revision = revision + 1, needs_recompute_since_ms = COALESCE(needs_recompute_since_ms, {now}){quiet}")
    }
}

/// The quiet revision after a mark that is quiet under a condition.
fn quietly(condition: &str) -> String {
    format!(
        "IIF({condition} AND (account.needs_recompute_since_ms IS NULL OR account.quiet_revision IS account.revision), account.revision + 1, NULL)"
    )
}

/// The condition for accounts that are marked quietly.
pub(super) const IS_QUIET: &str = "needs_recompute_since_ms IS NOT NULL AND quiet_revision IS revision";

/// An account of events that are stored and not decided yet.
#[derive(Clone, Debug, Serialize)]
pub struct StoredFor {
    pub account: AccountId,
    /// The earliest sign-up among them.
    pub signed_up: Option<UtcMillis>,
    /// Whether rewards may count from another event than before.
    pub binds: bool,
    /// Whether all of them arrived late.
    pub quiet: bool,
}

/// Marks the accounts of events that are stored in the same batch. Another rule than before may refuse their decision, so
/// they are tried again.
pub fn recompute_by_stored(stored: &[StoredFor], now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "{GIVEN} INSERT INTO account (id, revision, needs_recompute_since_ms, signed_up_at_ms, usage_questions, quiet_revision, created_at_ms)
         SELECT row ->> '$.account', 1, ?2, row ->> '$.signed_up', IIF(row ->> '$.binds', NULL, ''), IIF(row ->> '$.quiet', 1, NULL), ?2
         FROM given WHERE true
         ON CONFLICT (id) DO UPDATE SET {}, refused_by = NULL, refused_at_ms = NULL,
           signed_up_at_ms = COALESCE(MIN(signed_up_at_ms, excluded.signed_up_at_ms), signed_up_at_ms, excluded.signed_up_at_ms),
           usage_questions = IIF(excluded.usage_questions IS NULL, NULL, usage_questions), quiet_revision = {}",
        Marking::from(now).sets("?2"),
        quietly("excluded.quiet_revision IS NOT NULL")
    ))
    .json(&stored)
    .bind(now)
}

/// Marks the accounts that have a payment of these invoices.
pub fn recompute_by_invoices(invoices: &[InvoiceId], except: &[AccountId], marking: Marking) -> Stmt {
    let found = "SELECT e.account_id FROM json_each(?1) CROSS JOIN event e ON e.invoice_id = value WHERE e.type = 'invoice.paid'";
    mark_found(found, &invoices, except, marking)
}

/// Marks accounts to be recomputed.
pub fn recompute_by_ids(accounts: &[AccountId], now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "UPDATE account SET {} WHERE id IN (SELECT value FROM json_each(?1))",
        Marking::from(now).sets("?2")
    ))
    .json(&accounts)
    .bind(now)
}

/// Sign-ups at or after an instant that named an email domain.
#[derive(Clone, Debug, Serialize)]
pub struct DomainMark {
    pub domain: String,
    pub from: UtcMillis,
}

/// Marks the accounts that `found` selects by `given` (`?1`), except those that are being decided now.
pub(in crate::store) fn mark_found(
    found: &str,
    given: &impl Serialize,
    except: &[AccountId],
    marking: impl Into<Marking>,
) -> Stmt {
    let marking = marking.into();
    Stmt::new(format!(
        "UPDATE account SET {} WHERE id IN ({found}) AND id NOT IN (SELECT value FROM json_each(?2))",
        marking.sets("?3")
    ))
    .json(given)
    .json(&except)
    .bind(marking.now)
}

/// An account that joined or left the sign-ups of a partner in a month.
#[derive(Clone, Debug, Serialize)]
pub struct SignupVelocityMark {
    pub program: ProgramId,
    pub partner: PartnerId,
    /// The month.
    pub from: UtcMillis,
    pub to: UtcMillis,
    pub account: AccountId,
    pub signed_up: UtcMillis,
    pub signup_event: EventId,
    pub left: bool,
}

/// Marks the accounts whose place among a partner's sign-ups of a month has passed one of `limits`: each that joined
/// before them, or left, moves one account over the limit. An account that joined is among them if others were written
/// since it was decided.
pub fn recompute_by_signup_velocity(
    marks: &[SignupVelocityMark],
    limits: &BTreeSet<i64>,
    marking: impl Into<Marking>,
) -> Stmt {
    let most = i64::try_from(marks.len()).unwrap_or(i64::MAX);
    let month = "FROM binding b WHERE b.partner_id = m.value ->> '$.partner' AND b.program_id = m.value ->> '$.program'
                   AND b.signed_up_at_ms >= m.value ->> '$.from' AND b.signed_up_at_ms < m.value ->> '$.to'";
    let reviewed = |account: &str| {
        format!(
            "EXISTS (SELECT 1 FROM review r WHERE r.account_id = {account} AND r.rule = '{CROWD}' AND r.partner_id = m.value ->> '$.partner')"
        )
    };
    let at = |place: i64, count: i64| {
        format!(
            "json_each((SELECT json_group_array(account_id) FROM (SELECT b.account_id {month}
               ORDER BY b.signed_up_at_ms, b.signup_event_id LIMIT {count} OFFSET {place}))) x"
        )
    };
    let of_limit = |limit: &i64| {
        let before = (*limit - most).max(0);
        format!(
            "SELECT x.value FROM json_each(?1) m CROSS JOIN {} WHERE NOT {}
             UNION ALL SELECT x.value FROM json_each(?1) m CROSS JOIN {} WHERE m.value ->> '$.left' AND {}
             UNION ALL SELECT m.value ->> '$.account' FROM json_each(?1) m WHERE NOT m.value ->> '$.left' AND NOT {}
               AND (SELECT COUNT(*) FROM (SELECT 1 {month} AND (b.signed_up_at_ms, b.signup_event_id)
                      < (m.value ->> '$.signed_up', m.value ->> '$.signup_event') LIMIT {limit})) >= {limit}",
            at(*limit, most),
            reviewed("x.value"),
            at(before, *limit - before),
            reviewed("x.value"),
            reviewed("m.value ->> '$.account'"),
        )
    };
    let found: Vec<String> = limits.iter().map(|limit| format!("SELECT * FROM ({})", of_limit(limit))).collect();
    mark_found(&found.join(" UNION "), &marks, &[], marking)
}

/// Marks all accounts of a partner.
pub fn recompute_by_partner(partner: &PartnerId, now: UtcMillis) -> Stmt {
    recompute_by_partners(std::slice::from_ref(partner), now)
}

/// Marks all accounts of partners, and those for which operators added something to them.
pub fn recompute_by_partners(partners: &[PartnerId], now: UtcMillis) -> Stmt {
    let found = "SELECT b.account_id FROM json_each(?1) CROSS JOIN binding b ON b.partner_id = value
                 UNION SELECT j.account_id FROM json_each(?1) CROSS JOIN adjustment j ON j.partner_id = value";
    mark_found(found, &partners, &[], now)
}

/// Accounts that a visitor's touches, or an email domain alone, bound in a span of time.
#[derive(Clone, Debug, Serialize)]
pub struct SharedMark {
    pub visitor: Option<String>,
    pub domain: Option<String>,
    pub from: UtcMillis,
    pub to: UtcMillis,
}

/// The same for accounts that one visitor's touches or one email domain bound.
pub fn recompute_by_shared(shared: &[SharedMark], except: &[AccountId], marking: impl Into<Marking>) -> Stmt {
    let by = |column: &str| {
        format!(
            "SELECT b.account_id FROM json_each(?1) CROSS JOIN binding b ON b.{column} = value ->> '$.{column}'
               AND b.signed_up_at_ms >= value ->> '$.from' AND b.signed_up_at_ms < value ->> '$.to'"
        )
    };
    mark_found(&format!("{} UNION ALL {}", by("visitor"), by("domain")), &shared, except, marking)
}
