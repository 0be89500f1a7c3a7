//! What operators' pages read: search results, work that needs a person, and lists with the names that people know.
//!
//! Typed texts are compared as ranges of an index, and what waits is counted up to [`COUNTED_MAX`]: no page reads more
//! because there is more.

use crate::base::ids::{AccountId, LinkCode, PartnerId, PayoutId, ProgramId, ReviewId, RunId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::payment::ShownAccrual;
use crate::store::accrual::payment::shown_accruals;
use crate::store::ledger::TransferRow;
use crate::store::partner::{LinkRow, PARTNER_CONTAINS, links};
use crate::store::payout::accruals::left;
use crate::store::port::Stmt;
use crate::store::query::{Parsed, Query, counted};
use crate::store::review::ReviewRow;
use serde::Deserialize;

/// The most search results.
pub const FOUND_MAX: i64 = 50;

/// The end of the range of all texts that begin with this one.
fn end_of(text: &str) -> String {
    format!("{text}\u{10ffff}")
}

/// A partner in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct PartnerFound {
    pub id: PartnerId,
    pub program_id: ProgramId,
    pub external_id: String,
    pub code: LinkCode,
    pub left_at_ms: Option<UtcMillis>,
    pub created_at_ms: UtcMillis,
    pub name: Option<String>,
    pub email: Option<String>,
    /// Its position among the partners, in the order in which they joined.
    pub row: i64,
}

const PARTNER_FOUND: &str =
    "SELECT p.id, p.program_id, p.external_id, p.code, p.left_at_ms, p.created_at_ms, x.name, x.email, p.rowid AS row
     FROM partner p LEFT JOIN partner_person x ON x.partner_id = p.id";

/// How many words that begin with a text are looked at: one partner may have several.
const WORDS_MAX: i64 = 4 * FOUND_MAX;

/// How many of the partners who joined last are searched for a text in the middle of a word.
const SEARCHED_MAX: i64 = 200;

/// What separates the words of a partner's name, address, website and external id, as in the view `partner_text_word`.
const SEPARATORS: [char; 8] = [' ', '@', '.', '-', '_', '+', '/', ':'];

/// Partners with this id, with a code that begins with the text, or whose name, address, website or external id has a word
/// from which on it reads like the text; of the latest partners, also those who have it in any part of these.
pub fn partner_search(text: &str) -> Query<PartnerFound> {
    // Like SQLite's lower(): ASCII only. Words are cut to this length.
    let small: String = text.to_ascii_lowercase().chars().take(64).collect();
    let begin = small.trim_start_matches(SEPARATORS);
    // A text of separators alone begins no word.
    let word = if begin.is_empty() { &small } else { begin };
    Stmt::new(format!(
        "WITH found AS MATERIALIZED (
           SELECT id FROM partner WHERE id = ?1
           UNION SELECT partner_id FROM (SELECT partner_id FROM link
             WHERE code COLLATE NOCASE >= ?6 AND code COLLATE NOCASE < ?7 LIMIT ?4)
           UNION SELECT partner_id FROM (SELECT partner_id FROM partner_word WHERE word >= ?2 AND word < ?3 LIMIT ?5)
           UNION SELECT id FROM (SELECT p.id FROM partner p LEFT JOIN partner_person x ON x.partner_id = p.id
             WHERE p.rowid > (SELECT MAX(rowid) FROM partner) - {SEARCHED_MAX} AND {contains} LIMIT ?4))
         {PARTNER_FOUND} WHERE p.id IN (SELECT id FROM found) ORDER BY p.id LIMIT ?4",
        contains = PARTNER_CONTAINS.replace('?', "?6")
    ))
    .bind(text)
    .bind(word)
    .bind(end_of(word))
    .bind(FOUND_MAX)
    .bind(WORDS_MAX)
    .bind(&small)
    .bind(end_of(&small))
    .query()
}

/// Partners before the cursor (a row number), newest first.
pub fn partner_page(before: i64, limit: i64) -> Query<PartnerFound> {
    Stmt::new(format!("{PARTNER_FOUND} WHERE p.rowid < ?1 ORDER BY p.rowid DESC LIMIT ?2"))
        .bind(before)
        .bind(limit)
        .query()
}

/// A partner's links, newest first.
pub fn link_latest(partner: &PartnerId, limit: i64) -> Query<LinkRow> {
    links("WHERE partner_id = ?1 ORDER BY created_at_ms DESC, code LIMIT ?2").bind(partner).bind(limit).query()
}

/// A partner's accruals before the cursor (instant, id), newest first.
pub fn accrual_latest(partner: &PartnerId, before_ms: i64, before_id: &str, limit: i64) -> Parsed<Vec<ShownAccrual>> {
    shown_accruals(
        "WHERE partner_id = ?1 AND at_ms <= ?2 AND (at_ms < ?2 OR id < ?3)
         ORDER BY at_ms DESC, id DESC LIMIT ?4",
    )
    .bind(partner)
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .pairs()
}

/// An account in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountFound {
    pub id: AccountId,
    pub signed_up_at_ms: Option<UtcMillis>,
    /// JSON: the partners that it is bound to, `[{"program", "partner", "external_id", "name", "method"}]`.
    pub bound: String,
    /// Its position among the accounts, in the order in which they arrived.
    pub row: i64,
}

const ACCOUNT_FOUND: &str = "SELECT a.id, a.signed_up_at_ms,
       (SELECT json_group_array(json_object('program', b.program_id, 'partner', b.partner_id, 'method', b.method,
          'external_id', p.external_id, 'name', x.name))
        FROM binding b LEFT JOIN partner p ON p.id = b.partner_id LEFT JOIN partner_person x ON x.partner_id = b.partner_id
        WHERE b.account_id = a.id AND b.partner_id IS NOT NULL) AS bound,
       a.rowid AS row FROM account a";

/// Accounts whose id begins with this text, or that gave this address or one of this domain, or are bound to this
/// partner.
pub fn account_search(text: &str) -> Query<AccountFound> {
    let small = text.to_ascii_lowercase();
    Stmt::new(format!(
        "WITH found AS MATERIALIZED (
           SELECT id FROM (SELECT id FROM account WHERE id >= ?1 AND id < ?2 LIMIT ?4)
           UNION SELECT account_id FROM (SELECT account_id FROM event_person
             WHERE email IS NOT NULL AND lower(email) = ?3 AND account_id IS NOT NULL LIMIT ?4)
           UNION SELECT account_id FROM (SELECT account_id FROM event_person
             WHERE email IS NOT NULL AND lower(substr(email, instr(email, '@') + 1)) = ?3 AND account_id IS NOT NULL LIMIT ?4)
           UNION SELECT account_id FROM (SELECT account_id FROM binding
             WHERE partner_id = ?1 ORDER BY signed_up_at_ms DESC LIMIT ?4))
         {ACCOUNT_FOUND} WHERE a.id IN (SELECT id FROM found) ORDER BY a.id LIMIT ?4"
    ))
    .bind(text)
    .bind(end_of(text))
    .bind(small)
    .bind(FOUND_MAX)
    .query()
}

/// Accounts before the cursor (a row number), newest first.
pub fn account_page(before: i64, limit: i64) -> Query<AccountFound> {
    Stmt::new(format!("{ACCOUNT_FOUND} WHERE a.rowid < ?1 ORDER BY a.rowid DESC LIMIT ?2"))
        .bind(before)
        .bind(limit)
        .query()
}

/// An account's accruals after the cursor.
pub fn account_accruals(account: &AccountId, after: &str, limit: i64) -> Parsed<Vec<ShownAccrual>> {
    shown_accruals("WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3")
        .bind(account)
        .bind(after)
        .bind(limit)
        .pairs()
}

/// The names that a partner is known by.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct KnownAccount {
    pub id: PartnerId,
    pub external_id: String,
    pub name: Option<String>,
}

const KNOWN: &str =
    "SELECT p.id, p.external_id, x.name FROM partner p LEFT JOIN partner_person x ON x.partner_id = p.id";

/// The partners with these ids.
pub fn partners_known(ids: &[&str]) -> Query<KnownAccount> {
    Stmt::new(format!("{KNOWN} WHERE p.id IN (SELECT value FROM json_each(?1))")).json(&ids).query()
}

/// The partners that an account's attribution results and a page of its accruals mention.
pub fn partners_of_account(account: &AccountId, after: &str, limit: i64) -> Query<KnownAccount> {
    Stmt::new(format!(
        "{KNOWN} WHERE p.id IN (SELECT partner_id FROM binding WHERE account_id = ?1 UNION
           SELECT partner_id FROM (SELECT partner_id FROM accrual WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3) UNION
           SELECT c.value ->> '$.partner' FROM binding b, json_each(b.receipt, '$.candidates') c WHERE b.account_id = ?1)"
    ))
    .bind(account)
    .bind(after)
    .bind(limit)
    .query()
}

/// Accounts that are bound to a partner, latest sign-up first.
#[derive(Clone, Debug, Deserialize)]
pub struct BoundAccount {
    pub account_id: AccountId,
    pub method: Option<String>,
    pub signed_up_at_ms: UtcMillis,
    pub held: i64,
}

pub fn bound_latest(partner: &PartnerId, limit: i64) -> Query<BoundAccount> {
    Stmt::new(
        "SELECT account_id, method, signed_up_at_ms, held FROM binding WHERE partner_id = ?1
         ORDER BY signed_up_at_ms DESC, account_id LIMIT ?2",
    )
    .bind(partner)
    .bind(limit)
    .query()
}

/// A review with what depends on it.
#[derive(Clone, Debug, Deserialize)]
pub struct ReviewShown {
    pub external_id: Option<String>,
    pub name: Option<String>,
    /// JSON: the accruals on hold until it is decided, `[{"unit", "cents", "accruals"}]`.
    pub waiting: String,
}

const REVIEW_SHOWN: &str = "SELECT r.id, r.program_id, r.partner_id, r.account_id, r.rule, r.subject, r.holds, r.evidence, r.state,
       r.reason, r.actor, r.created_at_ms, r.decided_at_ms, p.external_id, x.name,
       (SELECT json_group_array(json_object('unit', h.unit, 'cents', h.cents, 'accruals', h.accruals)) FROM (
          SELECT l.unit, SUM(l.net_cents) AS cents, COUNT(*) AS accruals FROM accrual l
          WHERE l.account_id = r.account_id AND l.program_id = r.program_id AND l.partner_id = r.partner_id AND l.state = 'held'
          GROUP BY l.unit) h) AS waiting
     FROM review r LEFT JOIN partner p ON p.id = r.partner_id LEFT JOIN partner_person x ON x.partner_id = r.partner_id";

/// Open reviews after the cursor (instant, id), longest waiting first.
pub fn review_open_page(after_ms: i64, after_id: &str, limit: i64) -> Parsed<Vec<(ReviewRow, ReviewShown)>> {
    Stmt::new(format!(
        "{REVIEW_SHOWN} WHERE r.state = 'open' AND r.created_at_ms >= ?1 AND (r.created_at_ms > ?1 OR r.id > ?2)
         ORDER BY r.created_at_ms, r.id LIMIT ?3"
    ))
    .bind(after_ms)
    .bind(after_id)
    .bind(limit)
    .pairs()
}

/// Decided reviews of a state after the cursor.
pub fn review_decided_page(state: &str, after: &str, limit: i64) -> Parsed<Vec<(ReviewRow, ReviewShown)>> {
    Stmt::new(format!("{REVIEW_SHOWN} WHERE r.state = ?1 AND r.id > ?2 ORDER BY r.id LIMIT ?3"))
        .bind(state)
        .bind(after)
        .bind(limit)
        .pairs()
}

pub fn review_shown(id: &ReviewId) -> Parsed<Vec<(ReviewRow, ReviewShown)>> {
    Stmt::new(format!("{REVIEW_SHOWN} WHERE r.id = ?1")).bind(id).pairs()
}

/// How many items need a person, and since when.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct WaitingCount {
    pub many: i64,
    /// Of how many accounts. An account can have several reviews, each to be decided.
    pub accounts: i64,
    pub since_ms: Option<UtcMillis>,
}

pub fn reviews_waiting() -> Query<WaitingCount> {
    Stmt::new(format!(
        "SELECT COUNT(*) AS many, COUNT(DISTINCT account_id) AS accounts, MIN(created_at_ms) AS since_ms FROM {}",
        counted("account_id, created_at_ms FROM review WHERE state = 'open' ORDER BY created_at_ms, id")
    ))
    .query()
}

/// A run with unapproved payouts.
#[derive(Clone, Debug, Deserialize)]
pub struct UnapprovedRun {
    pub run_id: RunId,
    pub program_id: ProgramId,
    pub period: String,
    pub unit: String,
    pub payouts: i64,
    pub cents: i64,
}

/// The latest runs of which payouts are looked for that wait for an approval.
const UNAPPROVED_RUNS: i64 = 100;

/// Runs with payouts that wait for an approval under the current setting, and what can still be sent of these, in the one
/// currency of a run: of the first ones, up to one more than [`COUNTED_MAX`](crate::store::query::COUNTED_MAX).
pub fn runs_unapproved(rule: &str) -> Query<UnapprovedRun> {
    let waiting = |list: &str| {
        counted(&format!("{list} FROM payout p WHERE p.run_id = r.id AND p.state = 'planned' AND p.held = 0"))
    };
    Stmt::new(format!(
        "WITH waiting AS MATERIALIZED (
           SELECT r.id AS run_id, r.program_id, r.period, (SELECT MIN(unit) FROM {units}) AS unit,
                  (SELECT json_object('payouts', COALESCE(SUM(cents > 0), 0), 'cents', COALESCE(SUM(cents), 0)) FROM {lefts}) AS sums
           FROM (SELECT * FROM run ORDER BY as_of_ms DESC, id LIMIT {UNAPPROVED_RUNS}) r
           WHERE ?1 <> 'automatic' AND EXISTS (SELECT 1 FROM payout p WHERE p.run_id = r.id AND p.state = 'planned' AND p.held = 0
               AND (?1 = 'manual' OR NOT EXISTS (SELECT 1 FROM payout_approval a WHERE a.program_id = p.program_id AND a.at_ms <= p.created_at_ms)))
             AND NOT EXISTS (SELECT 1 FROM payout_approval a WHERE a.run_id = r.id))
         SELECT run_id, program_id, period, unit, sums ->> '$.payouts' AS payouts, sums ->> '$.cents' AS cents FROM waiting
         ORDER BY period, run_id",
        units = waiting("p.unit"),
        lefts = waiting(&format!("{} AS cents", left())),
    ))
    .bind(rule)
    .query()
}

/// Payouts and credits that a person has to check, by problem: under review, held, or failed since an instant.
#[derive(Clone, Debug, Deserialize)]
pub struct StoppedPayout {
    pub what: String,
    pub unit: String,
    pub many: i64,
    pub cents: i64,
}

pub fn outbound_stopped(failed_since: UtcMillis) -> Query<StoppedPayout> {
    let found = [
        "'review' AS what, unit, amount_cents FROM payout WHERE state = 'review'",
        "'held', unit, amount_cents FROM payout WHERE state IN ('planned', 'submitting') AND held = 1",
        "'failed', unit, amount_cents FROM payout WHERE created_at_ms >= ?1 AND state = 'failed'",
        "'reversal', unit, amount_cents FROM payout_reversal WHERE state = 'review'",
        "'credit', unit, amount_cents FROM credit_transfer
         WHERE state IN ('planned', 'submitting', 'review') AND state = 'review'",
    ];
    Stmt::new(format!(
        "SELECT what, unit, COUNT(*) AS many, SUM(amount_cents) AS cents FROM (SELECT * FROM {})
         GROUP BY what, unit ORDER BY what, unit",
        found.map(counted).join(" UNION ALL SELECT * FROM ")
    ))
    .bind(failed_since)
    .query()
}

#[derive(Clone, Debug, Deserialize)]
pub struct OutboundId {
    pub id: PayoutId,
}

/// Reversals and credits that a person has to decide about: there are few, so they have no list of their own.
pub fn outbound_in_review() -> Query<OutboundId> {
    Stmt::new(
        "SELECT id FROM payout_reversal WHERE state = 'review'
         UNION ALL SELECT id FROM credit_transfer WHERE state IN ('planned', 'submitting', 'review') AND state = 'review' LIMIT 20",
    ).query()
}

/// A ledger account with its balances.
#[derive(Clone, Debug, Deserialize)]
pub struct LedgerAccount {
    pub id: String,
    pub program_id: ProgramId,
    pub unit: String,
    pub kind: String,
    pub partner_id: PartnerId,
    pub dr_posted_cents: i64,
    pub cr_posted_cents: i64,
    pub dr_pending_cents: i64,
    pub cr_pending_cents: i64,
}

const LEDGER_ACCOUNT: &str = "SELECT id, program_id, unit, kind, partner_id, dr_posted_cents, cr_posted_cents, dr_pending_cents, \
     cr_pending_cents FROM ledger_account";

/// Ledger accounts after the cursor.
pub fn ledger_account_page(after: &str, limit: i64) -> Query<LedgerAccount> {
    Stmt::new(format!("{LEDGER_ACCOUNT} WHERE id > ?1 ORDER BY id LIMIT ?2")).bind(after).bind(limit).query()
}

pub fn ledger_account_find(id: &str) -> Query<LedgerAccount> {
    Stmt::new(format!("{LEDGER_ACCOUNT} WHERE id = ?1")).bind(id).query()
}

const TRANSFER: &str = "SELECT rowid AS row, id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, run_id, actor, \
     reason, created_at_ms FROM transfer";

/// Ledger rows before the cursor, newest first.
pub fn transfer_latest(before: i64, limit: i64) -> Query<TransferRow> {
    Stmt::new(format!("{TRANSFER} WHERE rowid < ?1 ORDER BY rowid DESC LIMIT ?2")).bind(before).bind(limit).query()
}

/// The same for one account, limited to rows without an accrual: the others are found by the accrual.
pub fn transfer_of_account(account: &str, before: i64, limit: i64) -> Query<TransferRow> {
    Stmt::new(format!(
        "{TRANSFER} WHERE rowid IN (
           SELECT * FROM (SELECT rowid FROM transfer WHERE accrual_id IS NULL AND debit = ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3)
           UNION SELECT * FROM (SELECT rowid FROM transfer WHERE accrual_id IS NULL AND credit = ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3))
         ORDER BY rowid DESC LIMIT ?3"
    ))
    .bind(account)
    .bind(before)
    .bind(limit).query()
}
