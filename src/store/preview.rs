//! Previews of runs and drafts: how far they are, what they have gathered so far, and their results.

use crate::base::ids::{AccountId, ActorId, PartnerId, PreviewId, ProgramId, RewardId};
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::accrual::invoice::PartnerModifier;
use crate::engine::accrual::modifiers::{CapRoom, Referral};
use crate::store::attribution::evidence::CapReduction;
use crate::store::port::{GIVEN, Stmt, json_pages};
use crate::store::query::Query;
use crate::store::report::operator::KnownAccount;
use serde::{Deserialize, Serialize};

/// How long a preview is kept.
pub const KEPT_DAYS: i64 = 1;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct PreviewState {
    pub id: PreviewId,
    pub kind: String,
    pub program_id: ProgramId,
    pub group_id: String,
    pub request: String,
    pub as_of_ms: UtcMillis,
    pub passes: i64,
    pub pass: i64,
    pub cursor: AccountId,
    pub step: i64,
    pub accounts: i64,
    pub actor: ActorId,
    pub created_at_ms: UtcMillis,
}

impl PreviewState {
    pub fn is_finished(&self) -> bool {
        self.pass > self.passes
    }
}

const COLUMNS: &str =
    "id, kind, program_id, group_id, request, as_of_ms, passes, pass, cursor, step, accounts, actor, created_at_ms";

pub fn preview_insert(p: &PreviewState) -> Stmt {
    Stmt::new(format!("INSERT INTO preview ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, '', 0, 0, ?8, ?9)"))
        .bind(&p.id)
        .bind(&p.kind)
        .bind(&p.program_id)
        .bind(&p.group_id)
        .bind(&p.request)
        .bind(p.as_of_ms)
        .bind(p.passes)
        .bind(&p.actor)
        .bind(p.created_at_ms)
}

pub fn preview_find(id: &PreviewId) -> Query<PreviewState> {
    Stmt::new(format!("SELECT {COLUMNS} FROM preview WHERE id = ?1")).bind(id).query()
}

/// Takes the step after `from.step`.
pub fn preview_step(from: &PreviewState, to: &PreviewState) -> Stmt {
    Stmt::new("UPDATE preview SET step = CAST(?2 AS INTEGER) + 1, pass = ?3, cursor = ?4, accounts = ?5 WHERE id = ?1")
        .bind(&from.id)
        .bind(from.step)
        .bind(to.pass)
        .bind(&to.cursor)
        .bind(to.accounts)
}

/// Deletes what is older than a preview is kept, a few at a time: each may have as many rows as the business has accounts.
pub fn preview_purge(now: UtcMillis) -> Stmt {
    Stmt::new("DELETE FROM preview WHERE id IN (SELECT id FROM preview WHERE created_at_ms < ?1 ORDER BY created_at_ms LIMIT 3)")
        .bind(now.plus_days(-KEPT_DAYS))
}

/// The next accounts of a group, and how many there were to choose from.
#[derive(Clone, Debug, Deserialize)]
pub struct GroupAccount {
    pub account_id: AccountId,
    pub found: i64,
}

/// The accounts of a group after the cursor: at most `limit`, and as many as have `facts` events together, but at least
/// one. `undecided`: also those whose decision is refused, which a run leaves out.
pub fn group_page(p: &PreviewState, limit: i64, facts: i64, undecided: bool) -> Query<GroupAccount> {
    Stmt::new(
        "SELECT account_id, found FROM (
           SELECT account_id, row_number() OVER (ORDER BY account_id) AS place, COUNT(*) OVER () AS found,
                  SUM((SELECT COUNT(*) FROM event e WHERE e.account_id = b.account_id AND e.state <> 'moot')) OVER (ORDER BY account_id) AS total
           FROM (SELECT account_id FROM binding WHERE group_id = ?1 AND account_id > ?2
                   AND (?5 OR account_id NOT IN (SELECT id FROM account WHERE refused_by IS NOT NULL))
                 ORDER BY account_id LIMIT CAST(?3 AS INTEGER) + 1) b)
         WHERE place <= ?3 AND (total <= ?4 OR place = 1) ORDER BY place",
    )
    .bind(&p.group_id)
    .bind(&p.cursor)
    .bind(limit)
    .bind(facts)
    .bind(undecided)
    .query()
}

pub fn referral_insert(id: &PreviewId, referrals: &[Referral]) -> Vec<Stmt> {
    let sql = format!(
        "{GIVEN} INSERT INTO preview_referral (preview_id, account_id, partner_id, qualified_at_ms, qualified_quarter, revenue)
         SELECT ?2, row ->> '$.account', row ->> '$.partner', row ->> '$.qualified_at', row ->> '$.quarter', row -> '$.revenue' FROM given"
    );
    json_pages(referrals).into_iter().map(|page| Stmt::new(sql.clone()).bind(page).bind(id)).collect()
}

pub fn room_insert(id: &PreviewId, rooms: &[CapRoom]) -> Vec<Stmt> {
    let sql = format!(
        "{GIVEN} INSERT INTO preview_room (preview_id, account_id, accrual_id, partner_id, reward_id, is_modifiers, at_ms, source,
           gross_cents, cap_cents)
         SELECT ?2, row ->> '$.account', row ->> '$.accrual', row ->> '$.partner', row ->> '$.reward', row ->> '$.is_modifiers',
           row ->> '$.at', row ->> '$.source', row ->> '$.gross_cents', row ->> '$.cap_cents' FROM given"
    );
    json_pages(rooms).into_iter().map(|page| Stmt::new(sql.clone()).bind(page).bind(id)).collect()
}

/// The modifiers of the accounts' partners.
pub fn modifier_list(p: &PreviewState, accounts: &[AccountId]) -> Query<PartnerModifier> {
    Stmt::new(
        "SELECT m.partner_id, ?3 AS program_id, m.modifier_id, m.quarter, m.from_ms
         FROM (SELECT DISTINCT r.partner_id FROM json_each(?2) a CROSS JOIN preview_referral r ON r.account_id = a.value WHERE r.preview_id = ?1) r
           CROSS JOIN preview_modifier m ON m.partner_id = r.partner_id WHERE m.preview_id = ?1",
    )
    .bind(&p.id)
    .json(&accounts)
    .bind(&p.program_id)
    .query()
}

/// What caps remove from the accounts' accruals.
pub fn capped_list(p: &PreviewState, accounts: &[AccountId]) -> Query<CapReduction> {
    Stmt::new(
        "SELECT r.accrual_id, r.cap_reduction_cents FROM json_each(?2) a CROSS JOIN preview_room r ON r.account_id = a.value
         WHERE r.preview_id = ?1 AND r.cap_reduction_cents > 0",
    )
    .bind(&p.id)
    .json(&accounts)
    .query()
}

/// One row of the result: what a partner gets by a part of a run, or by a reward of a draft.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PreviewRow {
    pub part: String,
    pub partner_id: PartnerId,
    pub unit: String,
    pub reward_id: RewardId,
    pub accruals: i64,
    pub actual_gross_cents: Cents,
    pub actual_net_cents: Cents,
    pub gross_cents: Cents,
    pub net_cents: Cents,
}

/// Adds a page's sums to the result.
pub fn row_add(id: &PreviewId, rows: &[PreviewRow]) -> Vec<Stmt> {
    let sql = format!(
        "{GIVEN} INSERT INTO preview_row (preview_id, part, partner_id, unit, reward_id, accruals, actual_gross_cents, actual_net_cents,
           gross_cents, net_cents)
         SELECT ?2, row ->> '$.part', row ->> '$.partner_id', row ->> '$.unit', row ->> '$.reward_id', row ->> '$.accruals',
           row ->> '$.actual_gross_cents', row ->> '$.actual_net_cents', row ->> '$.gross_cents', row ->> '$.net_cents' FROM given WHERE true
         ON CONFLICT DO UPDATE SET accruals = accruals + excluded.accruals, actual_gross_cents = actual_gross_cents + excluded.actual_gross_cents,
           actual_net_cents = actual_net_cents + excluded.actual_net_cents, gross_cents = gross_cents + excluded.gross_cents,
           net_cents = net_cents + excluded.net_cents"
    );
    json_pages(rows).into_iter().map(|page| Stmt::new(sql.clone()).bind(page).bind(id)).collect()
}

/// What a run would vest of accruals that no account of the group has: operators made them.
pub fn vests_elsewhere(preview: &PreviewState, as_of: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO preview_row (preview_id, part, partner_id, unit, reward_id, accruals, actual_gross_cents, actual_net_cents, gross_cents, net_cents)
         SELECT ?1, 'vest', a.partner_id, a.unit, '', COUNT(*), 0, 0, 0, SUM(a.net_cents)
         FROM adjustment j CROSS JOIN accrual a ON a.id = j.accrual_id
         WHERE j.program_id = ?2 AND j.makes_accrual = 1 AND j.state = 'booked' AND a.state = 'pending' AND a.balance = 'pending'
           AND a.vests_at_ms <= ?4 AND a.at_ms < ?4
           AND NOT EXISTS (SELECT 1 FROM binding b WHERE b.account_id = a.account_id AND b.group_id = ?3)
         GROUP BY a.partner_id, a.unit",
    )
    .bind(&preview.id)
    .bind(&preview.program_id)
    .bind(&preview.group_id)
    .bind(as_of)
}

/// Rows of the result after the cursor. Those of a run's terms that change nothing are left out.
pub fn row_page(id: &PreviewId, after: [&str; 4], limit: i64) -> Query<PreviewRow> {
    let [part, partner, unit, reward] = after;
    Stmt::new(
        "SELECT part, partner_id, unit, reward_id, accruals, actual_gross_cents, actual_net_cents, gross_cents, net_cents
         FROM preview_row WHERE preview_id = ?1 AND (part, partner_id, unit, reward_id) > (?2, ?3, ?4, ?5)
           AND (part <> 'term' OR net_cents <> 0) ORDER BY part, partner_id, unit, reward_id LIMIT ?6",
    )
    .bind(id)
    .bind(part)
    .bind(partner)
    .bind(unit)
    .bind(reward)
    .bind(limit)
    .query()
}

/// The names of the partners in the same rows.
pub fn row_partners(id: &PreviewId, after: [&str; 4], limit: i64) -> Query<KnownAccount> {
    let [part, partner, unit, reward] = after;
    Stmt::new(
        "SELECT p.id, p.external_id, n.name FROM (SELECT DISTINCT partner_id FROM (SELECT partner_id FROM preview_row
           WHERE preview_id = ?1 AND (part, partner_id, unit, reward_id) > (?2, ?3, ?4, ?5)
             AND (part <> 'term' OR net_cents <> 0) ORDER BY part, partner_id, unit, reward_id LIMIT ?6)) r
         CROSS JOIN partner p ON p.id = r.partner_id LEFT JOIN partner_person n ON n.partner_id = p.id",
    )
    .bind(id)
    .bind(part)
    .bind(partner)
    .bind(unit)
    .bind(reward)
    .bind(limit)
    .query()
}

/// The sums over all partners, by part and unit.
pub fn row_totals(id: &PreviewId) -> Query<PreviewRow> {
    Stmt::new(
        "SELECT part, '' AS partner_id, unit, '' AS reward_id, SUM(accruals) AS accruals, SUM(actual_gross_cents) AS actual_gross_cents,
           SUM(actual_net_cents) AS actual_net_cents, SUM(gross_cents) AS gross_cents, SUM(net_cents) AS net_cents
         FROM preview_row WHERE preview_id = ?1 GROUP BY part, unit ORDER BY part, unit",
    )
    .bind(id)
    .query()
}
