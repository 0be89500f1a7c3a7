//! What a decision about an account reads from others: the links that it names, accounts of its email domain, sign-ups
//! of the same partners, and what runs found about them.

use crate::base::ids::{AccountId, AccrualId, LinkCode, PartnerId};
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::account::order::SIGN_UP_MS;
use crate::engine::accrual::invoice::PartnerModifier;
use crate::engine::attribution::{AttributionLink, SameDomainAccount};
use crate::engine::review::relation::{RING_DEPTH, Upline};
use crate::engine::review::risk::ReferredSignup;
use crate::program::document::SIGNUPS_COUNTED_MAX;
use crate::store::account::Marking;
use crate::store::account::open_only;
use crate::store::link::code::links_of;
use crate::store::port::Stmt;
use crate::store::query::{Parsed, Query};
use serde::{Deserialize, Serialize};

/// The most accounts read per domain and program: only the first binding matters, and it may be the account's own.
const NEIGHBOURS: i64 = 2;
/// The most sign-ups read per partner and month; no rule counts further.
pub const CROWD_MAX: i64 = SIGNUPS_COUNTED_MAX;

/// A code as a fact has it: of a chosen one, the case may differ.
#[derive(Clone, Debug, Deserialize)]
pub struct GivenCode {
    pub given: LinkCode,
}

/// The codes that accounts' facts or the facts about their domains name, those that bind their same-domain accounts,
/// and `codes`, each with what attribution needs to know about it.
pub fn link_list(
    accounts: &[AccountId],
    domains: &[String],
    codes: &[LinkCode],
) -> Parsed<Vec<(GivenCode, AttributionLink)>> {
    Stmt::new(format!(
        "WITH d AS ({DOMAINS}), said AS (SELECT codes FROM event WHERE account_id IN (SELECT value FROM json_each(?1)) AND codes <> '[]'
                UNION ALL SELECT codes FROM event WHERE domain IN (SELECT domain FROM d) AND codes <> '[]')
         SELECT s.value AS given, l.code, l.program_id, l.partner_id, l.expires_at_ms, l.disabled_at_ms, l.source,
                IIF(l.chosen = 2, l.created_at_ms, NULL) AS chosen_at_ms, p.kind,
                p.disclosure_accepted_at_ms, p.left_at_ms, p.website AS partner_website, pp.email AS partner_email,
                pp.mailbox AS partner_mailbox,
                (SELECT json_group_array(json_object('standing', u.standing, 'from_ms', u.from_ms, 'to_ms', u.to_ms))
                 FROM suspension u WHERE u.partner_id = p.id HAVING COUNT(*) > 0) AS suspensions
         FROM {} JOIN partner p ON p.id = l.partner_id LEFT JOIN partner_person pp ON pp.partner_id = p.id",
        links_of("SELECT value FROM json_each(?3)
           UNION SELECT c.value FROM said, json_each(said.codes) c
           UNION SELECT b.code FROM d CROSS JOIN event e ON e.email_domain = d.domain AND e.type = 'account.signed_up'
             CROSS JOIN binding b ON b.account_id = e.account_id WHERE b.code IS NOT NULL
           UNION SELECT b.code FROM binding b WHERE b.account_id IN (SELECT value FROM json_each(?1)) AND b.code IS NOT NULL")
    ))
    .json(&accounts)
    .json(&domains)
    .json(&codes)
    .pairs()
}

/// The email domains of accounts' sign-ups, and further ones.
pub(super) const DOMAINS: &str =
    "SELECT email_domain AS domain FROM event WHERE account_id IN (SELECT value FROM json_each(?1))
      AND type = 'account.signed_up' AND email_domain IS NOT NULL UNION SELECT value FROM json_each(?2)";

/// For each domain and program the accounts that were bound first. The order of the joins is fixed: from the domains,
/// which are few, to their sign-ups, never from all bindings.
pub fn same_domain_list(accounts: &[AccountId], domains: &[String]) -> Query<SameDomainAccount> {
    Stmt::new(format!(
        "WITH d AS ({DOMAINS})
         SELECT account_id, email_domain, program_id, code, from_ms, event_id, bound_later FROM (
           SELECT *, row_number() OVER (PARTITION BY email_domain, program_id ORDER BY from_ms, bound_later, event_id) AS place FROM (
             SELECT DISTINCT b.account_id, e.email_domain, b.program_id, b.code, b.from_ms, b.event_id,
                    b.event_id <> b.signup_event_id AS bound_later
             FROM d CROSS JOIN event e ON e.email_domain = d.domain AND e.type = 'account.signed_up'
               CROSS JOIN binding b ON b.account_id = e.account_id
                 AND e.occurred_at_ms >= b.signed_up_at_ms AND e.occurred_at_ms < b.signed_up_at_ms + {SIGN_UP_MS}
             WHERE b.partner_id IS NOT NULL
               AND b.program_id IN (SELECT v.program_id FROM program_version v, json_each(v.document, '$.attribution.methods') m
                                    WHERE m.value = 'email_domain')))
         WHERE place <= {NEIGHBOURS} OR account_id IN (SELECT value FROM json_each(?1))"
    ))
    .json(&accounts)
    .json(&domains)
    .query()
}

/// The codes of a parameter, and those of the accounts' (?1) facts.
fn typed(codes: &str) -> String {
    format!(
        "SELECT value FROM json_each({codes}) UNION SELECT c.value FROM event e, json_each(e.codes) c
         WHERE e.account_id IN (SELECT value FROM json_each(?1)) AND e.codes <> '[]'"
    )
}

/// The first referred sign-ups of each month from the accounts' first sign-up (or `at`) to their last. They are those
/// of the partners behind accounts' codes and `codes`, in programs that count them.
pub fn signup_velocity_list(
    accounts: &[AccountId],
    codes: &[LinkCode],
    at: Option<UtcMillis>,
    counted: i64,
) -> Query<ReferredSignup> {
    Stmt::new(format!(
        "WITH s AS (SELECT occurred_at_ms AS at FROM event WHERE account_id IN (SELECT value FROM json_each(?1)) AND type = 'account.signed_up'
                UNION ALL SELECT CAST(?3 AS INTEGER) WHERE ?3 IS NOT NULL),
              span AS MATERIALIZED (SELECT CAST(strftime('%s', MIN(at) / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000 AS since,
                CAST(strftime('%s', MAX(at) / 1000, 'unixepoch', 'start of month', '+1 month') AS INTEGER) * 1000 AS until FROM s)
         SELECT program_id, partner_id, account_id, signed_up_at_ms, signup_event_id FROM (
           SELECT b.program_id, b.partner_id, b.account_id, b.signed_up_at_ms, b.signup_event_id,
                  row_number() OVER (PARTITION BY b.program_id, b.partner_id, strftime('%Y-%m', b.signed_up_at_ms / 1000, 'unixepoch')
                    ORDER BY b.signed_up_at_ms, b.signup_event_id) AS place
           FROM binding b
           WHERE b.partner_id IN (SELECT l.partner_id FROM {links})
             AND b.program_id IN (SELECT v.program_id FROM program_version v WHERE instr(v.document, 'signups_in_month') > 0)
             AND b.signed_up_at_ms >= (SELECT since FROM span) AND b.signed_up_at_ms < (SELECT until FROM span))
         WHERE place <= ?4",
        links = links_of(&typed("?2"))
    ))
    .json(&accounts)
    .json(&codes)
    .bind(at)
    .bind(counted)
    .query()
}

/// The most partners in all uplines together.
const UPLINES: i64 = 300;

/// The partner of each binding of partners' own accounts, from `up` on: matched by the host's id for both, and by
/// mailbox.
fn uplines() -> String {
    let step = |own: &str| {
        format!(
            "SELECT up.start, b.partner_id, up.depth + 1, MAX(up.at, b.from_ms),
               IIF(b.from_ms > up.at OR (b.from_ms = up.at AND b.event_id > up.event), b.event_id, up.event)
             FROM up {own} CROSS JOIN binding b ON b.account_id = o.account_id AND b.partner_id IS NOT NULL
             WHERE up.depth < {RING_DEPTH}"
        )
    };
    let by_name = step("CROSS JOIN (SELECT id, external_id AS account_id FROM partner) o ON o.id = up.partner");
    let by_email = step(
        "CROSS JOIN partner_person x ON x.partner_id = up.partner CROSS JOIN event_person o ON o.mailbox = x.mailbox",
    );
    format!("{by_name} UNION {by_email} LIMIT {UPLINES}")
}

/// The same, and those by which the accounts are bound.
pub(super) fn typed_or_bound(codes: &str) -> String {
    let typed = typed(codes);
    format!("{typed} UNION SELECT b.code FROM binding b WHERE b.account_id IN (SELECT value FROM json_each(?1))")
}

/// The partners behind accounts' codes and `codes`, and the partners who referred those partners' own accounts, all the
/// way up.
pub fn upline_list(accounts: &[AccountId], codes: &[LinkCode]) -> Query<Upline> {
    Stmt::new(format!(
        "WITH RECURSIVE up (start, partner, depth, at, event) AS (
           SELECT DISTINCT l.partner_id, l.partner_id, 0, 0, '' FROM {links}
           UNION {})
         SELECT up.start AS partner_id, up.depth, p.external_id, x.mailbox, up.at AS latest_ms, up.event AS latest_event
         FROM up CROSS JOIN partner p ON p.id = up.partner LEFT JOIN partner_person x ON x.partner_id = p.id",
        uplines(),
        links = links_of(&typed_or_bound("?2"))
    ))
    .json(&accounts)
    .json(&codes)
    .query()
}

/// Marks the own accounts of partners and of their uplines to be recomputed: an account that is a partner's own was
/// bound to them, or no longer is.
pub fn recompute_by_uplines(changes: &[UplineMark], marking: impl Into<Marking>) -> Stmt {
    let marking = marking.into();
    Stmt::new(format!(
        "WITH RECURSIVE up (start, partner, depth, at, event) AS (
           SELECT DISTINCT '', c.value ->> '$.partner', 0, 0, '' FROM json_each(?1) c
           WHERE EXISTS (SELECT 1 FROM partner p WHERE p.external_id = c.value ->> '$.account')
              OR EXISTS (SELECT 1 FROM event_person e CROSS JOIN partner_person x ON x.mailbox = e.mailbox
                         WHERE e.account_id = c.value ->> '$.account')
           UNION {})
         UPDATE account SET {}
         WHERE id IN (SELECT p.external_id FROM up CROSS JOIN partner p ON p.id = up.partner
             UNION SELECT e.account_id FROM up CROSS JOIN partner_person x ON x.partner_id = up.partner
               CROSS JOIN event_person e ON e.mailbox = x.mailbox)
           AND EXISTS (SELECT 1 FROM binding b WHERE b.account_id = account.id AND b.partner_id IS NOT NULL)",
        uplines(),
        marking.sets("?2")
    ))
    .json(&changes)
    .bind(marking.now)
}

/// An account whose binding changed, and a partner that it was or is bound to.
#[derive(Clone, Debug, Serialize)]
pub struct UplineMark {
    pub account: AccountId,
    pub partner: PartnerId,
}

/// The modifiers earned by the partners behind accounts' bindings and codes, and `codes`.
pub fn term_list(accounts: &[AccountId], codes: &[LinkCode]) -> Query<PartnerModifier> {
    Stmt::new(format!(
        "SELECT t.program_id, t.partner_id, t.modifier_id, t.quarter, t.from_ms
         FROM (SELECT DISTINCT l.program_id, l.partner_id FROM {}) behind
           CROSS JOIN partner_modifier t ON t.program_id = behind.program_id AND t.partner_id = behind.partner_id",
        links_of(&typed_or_bound("?2"))
    ))
    .json(&accounts)
    .json(&codes)
    .query()
}

/// What caps take from an accrual.
#[derive(Clone, Debug, Deserialize)]
pub struct CapReduction {
    pub accrual_id: AccrualId,
    pub cap_reduction_cents: Cents,
    pub kept_cents: Option<Cents>,
}

/// What monthly caps remove from the accruals of accounts, and what stays of those in a ban.
pub fn cap_list(accounts: &[AccountId], closed: bool) -> Query<CapReduction> {
    Stmt::new(format!(
        "SELECT c.accrual_id, c.cap_reduction_cents, NULL AS kept_cents FROM accrual a CROSS JOIN cap_reduction c ON c.accrual_id = a.id
         WHERE a.account_id IN (SELECT value FROM json_each(?1)) {} AND c.cap_reduction_cents > 0
         UNION ALL SELECT accrual_id, 0, kept_cents FROM ban_kept WHERE account_id IN (SELECT value FROM json_each(?1))",
        open_only("a", closed)
    ))
    .json(&accounts)
    .query()
}
