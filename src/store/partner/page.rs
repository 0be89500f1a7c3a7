//! What a partner's pages show. Every read is limited to the partner, so that another partner's ids find nothing, and
//! reads no more for a partner with a hundred thousand accruals than for one with ten.

use crate::base::ids::{AccountId, AccrualId, EventId, LinkCode, PartnerId, RunId};
pub use crate::store::partner::own_links::{
    DayRow, LinkName, OwnLink, day_list, link_choices, link_day_list, link_own, link_page,
};

use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::accrual::payment::ShownAccrual;
use crate::store::accrual::payment::{in_state, shown_accruals};
use crate::store::port::Stmt;
use crate::store::query::{Parsed, Query};
use serde::Deserialize;

/// The counters' day of an instant: days since 1970, in UTC.
pub fn day_of(at: UtcMillis) -> i64 {
    at.0.div_euclid(DAY_MS)
}

/// The sum of the accruals of some days, in one unit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EarnedRow {
    pub unit: String,
    pub cents: i64,
}

/// The current sum of the accruals of [from, to), by unit.
pub fn earned_sums(partner: &PartnerId, from: i64, to: i64) -> Query<EarnedRow> {
    Stmt::new(
        "SELECT unit, SUM(cents) AS cents FROM earned_day WHERE partner_id = ?1 AND day >= ?2 AND day < ?3 GROUP BY unit ORDER BY unit",
    )
    .bind(partner)
    .bind(from)
    .bind(to).query()
}

/// One of the partner's accounts, without personal data.
#[derive(Clone, Debug, Deserialize)]
pub struct ClientRow {
    /// Identifies it in URLs: the host's own id may reveal who it is.
    pub row: i64,
    pub account_id: AccountId,
    pub signed_up_at_ms: UtcMillis,
    pub qualified_at_ms: Option<UtcMillis>,
    pub held: i64,
    pub code: Option<LinkCode>,
    pub method: Option<String>,
    /// The last of its events that says whether it is still a customer.
    pub last_type: Option<String>,
    /// 1 while it has a subscription.
    pub subscribed: i64,
    /// JSON array of `EarnedRow`.
    pub earned: String,
}

const CLIENT: &str = "b.rowid AS row, b.account_id, b.signed_up_at_ms, b.qualified_at_ms, b.held, b.code, b.method,
    (SELECT e.type FROM event e WHERE e.account_id = b.account_id
       AND e.type IN ('account.cancelled', 'subscription.cancelled', 'subscription.started', 'invoice.paid')
     ORDER BY e.occurred_at_ms DESC, e.id DESC LIMIT 1) AS last_type,
    EXISTS (SELECT 1 FROM revenue_span s WHERE s.account_id = b.account_id AND s.program_id = b.program_id AND s.to_ms IS NULL) AS subscribed,
    (SELECT json_group_array(json_object('unit', unit, 'cents', cents)) FROM (SELECT a.unit, SUM(a.net_cents) AS cents FROM accrual a
       WHERE a.account_id = b.account_id AND +a.partner_id = b.partner_id GROUP BY a.unit)) AS earned";

/// The partner's accounts before the cursor (sign-up, row), newest first.
pub fn client_page(partner: &PartnerId, before_ms: i64, before_row: i64, limit: i64) -> Query<ClientRow> {
    Stmt::new(format!(
        "SELECT {CLIENT} FROM binding b WHERE b.partner_id = ?1 AND b.signed_up_at_ms <= ?2
           AND (b.signed_up_at_ms < ?2 OR b.rowid < ?3) ORDER BY b.signed_up_at_ms DESC, b.rowid DESC LIMIT ?4"
    ))
    .bind(partner)
    .bind(before_ms)
    .bind(before_row)
    .bind(limit)
    .query()
}

pub fn client_find(partner: &PartnerId, row: i64) -> Query<ClientRow> {
    Stmt::new(format!("SELECT {CLIENT} FROM binding b WHERE b.rowid = ?2 AND b.partner_id = ?1"))
        .bind(partner)
        .bind(row)
        .query()
}

/// Why an account is the partner's, and the states that it reached: both JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct BindingAttributionRow {
    pub receipt: String,
    pub states: String,
}

pub fn client_attribution(partner: &PartnerId, row: i64) -> Query<BindingAttributionRow> {
    Stmt::new("SELECT receipt, states FROM binding WHERE rowid = ?2 AND partner_id = ?1")
        .bind(partner)
        .bind(row)
        .query()
}

/// The newest accruals of one of the partner's accounts. They are found by the account, which has few, and not by the
/// partner.
pub fn client_accruals(partner: &PartnerId, row: i64, limit: i64) -> Parsed<Vec<ShownAccrual>> {
    shown_accruals(
        "WHERE +partner_id = ?1
           AND account_id = (SELECT account_id FROM binding WHERE rowid = ?2 AND partner_id = ?1)
         ORDER BY at_ms DESC, id DESC LIMIT ?3",
    )
    .bind(partner)
    .bind(row)
    .bind(limit)
    .pairs()
}

/// The partner's accruals before the cursor (instant, id), newest first. The state is one that people see; an empty one
/// matches all.
pub fn accrual_page(
    partner: &PartnerId,
    state: &str,
    before_ms: i64,
    before_id: &str,
    limit: i64,
) -> Parsed<Vec<ShownAccrual>> {
    let of_state = in_state(state);
    shown_accruals(&format!(
        "WHERE partner_id = ?1 AND {of_state} AND at_ms <= ?3 AND (at_ms < ?3 OR id < ?4)
         ORDER BY at_ms DESC, id DESC LIMIT ?5"
    ))
    .bind(partner)
    .bind(state)
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .pairs()
}

pub fn accrual_find(partner: &PartnerId, id: &AccrualId) -> Parsed<Vec<ShownAccrual>> {
    shown_accruals("WHERE id = ?2 AND partner_id = ?1").bind(partner).bind(id).pairs()
}

/// Where an account's page is found.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ClientNumber {
    pub row: i64,
}

/// The row of the account that one of the partner's accruals is for, if it is still the partner's.
pub fn accrual_client(partner: &PartnerId, id: &AccrualId) -> Query<ClientNumber> {
    Stmt::new(
        "SELECT b.rowid AS row FROM accrual a CROSS JOIN binding b ON b.account_id = a.account_id AND b.partner_id = a.partner_id
         WHERE a.id = ?2 AND a.partner_id = ?1 LIMIT 1",
    )
    .bind(partner)
    .bind(id).query()
}

/// A ledger row of one accrual.
#[derive(Clone, Debug, Deserialize)]
pub struct PostingRow {
    pub id: String,
    pub code: String,
    pub amount_cents: i64,
    pub reason: String,
    pub event_id: Option<EventId>,
    pub run_id: Option<RunId>,
    pub created_at_ms: UtcMillis,
}

pub fn accrual_postings(partner: &PartnerId, id: &AccrualId) -> Query<PostingRow> {
    Stmt::new(
        "SELECT t.id, t.code, t.amount_cents, t.reason, t.event_id, t.run_id, t.created_at_ms
         FROM accrual a CROSS JOIN transfer t ON t.accrual_id = a.id WHERE a.id = ?2 AND a.partner_id = ?1
           AND t.code IN ('accrue', 'reverse', 'adjust', 'deduct') ORDER BY t.created_at_ms, t.id",
    )
    .bind(partner)
    .bind(id)
    .query()
}

/// The run that made an accrual available.
#[derive(Clone, Debug, Deserialize)]
pub struct VestedRow {
    pub run_id: RunId,
    pub period: String,
    pub as_of_ms: UtcMillis,
    pub posted_cents: Option<i64>,
}

/// Only runs after the accrual's instant qualify: a few dozen a year, each checked for the accrual.
pub fn accrual_vested(partner: &PartnerId, id: &AccrualId) -> Query<VestedRow> {
    Stmt::new(
        "SELECT r.id AS run_id, r.period, r.as_of_ms, i.posted_cents
         FROM accrual a CROSS JOIN run r ON r.program_id = a.program_id AND r.as_of_ms >= a.at_ms
         CROSS JOIN run_item i ON i.run_id = r.id AND i.accrual_id = a.id
         WHERE a.id = ?2 AND a.partner_id = ?1 AND i.posted_cents > 0 AND (i.kind = 'grant' OR a.balance = 'available')
         ORDER BY r.as_of_ms DESC LIMIT 1",
    )
    .bind(partner)
    .bind(id)
    .query()
}

/// One use or return of credit.
#[derive(Clone, Debug, Deserialize)]
pub struct CreditRow {
    pub id: String,
    /// `redeemed`, `returned`, `credit` or `debit`.
    pub kind: String,
    pub unit: String,
    pub amount_cents: i64,
    pub state: String,
    pub at_ms: UtcMillis,
}

/// The newest uses of the partner's credit.
pub fn credit_list(partner: &PartnerId, limit: i64) -> Query<CreditRow> {
    Stmt::new(
        "SELECT * FROM (SELECT id, 'redeemed' AS kind, unit, amount_cents, 'redeemed' AS state, created_at_ms AS at_ms
             FROM redemption WHERE partner_id = ?1 ORDER BY created_at_ms DESC, id DESC LIMIT ?2)
         UNION ALL SELECT * FROM (SELECT r.id, 'returned', d.unit, r.amount_cents, 'returned', r.created_at_ms
             FROM redemption d CROSS JOIN redemption_return r ON r.redemption_id = d.id WHERE d.partner_id = ?1
             ORDER BY r.created_at_ms DESC, r.id DESC LIMIT ?2)
         UNION ALL SELECT * FROM (SELECT id, kind, unit, amount_cents, state, created_at_ms
             FROM credit_transfer WHERE partner_id = ?1 ORDER BY created_at_ms DESC, id DESC LIMIT ?2)
         ORDER BY 6 DESC, 1 DESC LIMIT ?2",
    )
    .bind(partner)
    .bind(limit)
    .query()
}

/// What came back of a payout after it was paid.
#[derive(Clone, Debug, Deserialize)]
pub struct ReturnRow {
    pub id: String,
    pub unit: String,
    pub amount_cents: i64,
    pub at_ms: UtcMillis,
}

pub fn return_list(partner: &PartnerId, limit: i64) -> Query<ReturnRow> {
    Stmt::new(
        "SELECT t.id, a.unit, t.amount_cents, t.created_at_ms AS at_ms FROM ledger_account a CROSS JOIN transfer t
         WHERE a.partner_id = ?1 AND a.partner_id <> '' AND t.accrual_id IS NULL AND t.credit = a.id AND t.code = 'payout_return'
         ORDER BY t.created_at_ms DESC, t.id DESC LIMIT ?2",
    )
    .bind(partner)
    .bind(limit).query()
}

/// A place on the leaderboard of the partner's program.
#[derive(Clone, Debug, Deserialize)]
pub struct PlaceRow {
    pub rank: i64,
    pub referrals: i64,
    pub gross_cents: i64,
    pub unit: String,
    pub refreshed_at_ms: UtcMillis,
    /// `None`: this partner is not shown by name.
    pub display_name: Option<String>,
    /// 1: the partner viewing the page.
    pub own: i64,
}

const PLACE: &str =
    "b.rank, b.referrals, b.gross_cents, b.unit, b.refreshed_at_ms, x.display_name, b.partner_id = ?1 AS own";

/// The first places of the partner's program.
pub fn place_list(partner: &PartnerId, limit: i64) -> Query<PlaceRow> {
    Stmt::new(format!(
        "SELECT {PLACE} FROM partner p CROSS JOIN leaderboard b ON b.program_id = p.program_id
         LEFT JOIN partner_person x ON x.partner_id = b.partner_id
         WHERE p.id = ?1 AND b.rank > 0 ORDER BY b.rank, b.partner_id LIMIT ?2"
    ))
    .bind(partner)
    .bind(limit)
    .query()
}

/// The partner's own place, wherever it is.
pub fn place_own(partner: &PartnerId) -> Query<PlaceRow> {
    Stmt::new(format!(
        "SELECT {PLACE} FROM partner p CROSS JOIN leaderboard b ON b.program_id = p.program_id AND b.partner_id = p.id
         LEFT JOIN partner_person x ON x.partner_id = b.partner_id WHERE p.id = ?1 AND b.rank > 0"
    ))
    .bind(partner)
    .query()
}
