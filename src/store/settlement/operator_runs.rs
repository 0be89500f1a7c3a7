//! What operators' pages read about runs, their payouts, programs and tokens.

use crate::base::ids::{AccountId, AccrualId, ActorId, PartnerId, PayoutId, ProgramId, RunId};
use crate::base::time::UtcMillis;
use crate::engine::identity::access::Scopes;
use crate::store::port::Stmt;
use crate::store::query::Query;
use crate::store::report::operator::KnownAccount;
use crate::store::settlement::run::RunRow;
use serde::{Deserialize, Serialize};

/// The last period of a program that has a run.
#[derive(Clone, Debug, Deserialize)]
pub struct LastPeriod {
    pub program_id: ProgramId,
    pub cadence: String,
    pub period: String,
}

pub fn run_last_periods() -> Query<LastPeriod> {
    Stmt::new("SELECT program_id, cadence, MAX(period) AS period FROM run GROUP BY program_id, cadence").query()
}

/// As of when a program's latest run was, if it had one.
#[derive(Clone, Debug, Deserialize)]
pub struct LatestAsOf {
    pub as_of_ms: Option<UtcMillis>,
}

/// The instant of the program's latest run.
pub fn run_latest(program: &ProgramId) -> Query<LatestAsOf> {
    Stmt::new("SELECT MAX(as_of_ms) AS as_of_ms FROM run WHERE program_id = ?1").bind(program).query()
}

/// The sums of a run's statements, by unit.
#[derive(Clone, Debug, Deserialize)]
pub struct StatementSum {
    pub unit: String,
    pub partners: i64,
    pub settled_cents: i64,
    pub payable_cents: i64,
}

pub fn run_statement_sums(run: &RunId) -> Query<StatementSum> {
    Stmt::new(
        "SELECT unit, COUNT(*) AS partners, SUM(settled_cents) AS settled_cents, SUM(payable_cents) AS payable_cents
         FROM run_partner WHERE run_id = ?1 GROUP BY unit ORDER BY unit",
    )
    .bind(run)
    .query()
}

/// One planned item of a run, in the plan's order.
#[derive(Clone, Debug, Deserialize)]
pub struct PlanItem {
    pub seq: i64,
    pub kind: String,
    pub accrual_id: AccrualId,
    pub account_id: AccountId,
    pub partner_id: PartnerId,
    pub unit: String,
    pub planned_cents: i64,
    pub posted_cents: Option<i64>,
    pub external_id: Option<String>,
    pub name: Option<String>,
}

pub fn run_plan_page(run: &RunId, after: i64, limit: i64) -> Query<PlanItem> {
    Stmt::new(
        "SELECT i.seq, i.kind, i.accrual_id, i.account_id, i.partner_id, i.unit, i.planned_cents, i.posted_cents, p.external_id, x.name
         FROM run_item i LEFT JOIN partner p ON p.id = i.partner_id LEFT JOIN partner_person x ON x.partner_id = i.partner_id
         WHERE i.run_id = ?1 AND i.seq > ?2 ORDER BY i.seq LIMIT ?3",
    )
    .bind(run)
    .bind(after)
    .bind(limit).query()
}

/// A payout in a list, with its partner.
#[derive(Clone, Debug, Deserialize)]
pub struct PayoutShown {
    pub id: PayoutId,
    pub run_id: RunId,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub unit: String,
    pub amount_cents: i64,
    /// `held` if an operator stopped it.
    pub state: String,
    pub reason: String,
    pub created_at_ms: UtcMillis,
    pub external_id: Option<String>,
    pub name: Option<String>,
}

const PAYOUT_SHOWN: &str = "SELECT p.id, p.run_id, p.program_id, p.partner_id, p.unit, p.amount_cents,
       IIF(p.held = 1 AND p.state IN ('planned', 'submitting'), 'held', p.state) AS state, p.reason, p.created_at_ms, q.external_id, x.name
     FROM payout p LEFT JOIN partner q ON q.id = p.partner_id LEFT JOIN partner_person x ON x.partner_id = p.partner_id";

/// A run's payouts after the cursor (partner, unit).
pub fn run_payout_page(run: &RunId, after_partner: &str, after_unit: &str, limit: i64) -> Query<PayoutShown> {
    Stmt::new(format!(
        "{PAYOUT_SHOWN} WHERE p.run_id = ?1 AND (p.partner_id, p.unit) > (?2, ?3) ORDER BY p.partner_id, p.unit LIMIT ?4"
    ))
    .bind(run)
    .bind(after_partner)
    .bind(after_unit)
    .bind(limit).query()
}

/// Payouts in a state, or all, before the cursor (instant, id), newest first.
pub fn payout_shown_page(state: &str, before_ms: i64, before_id: &str, limit: i64) -> Query<PayoutShown> {
    let of_state = match state {
        "" => "?1 = ?1",
        // Written out, so that SQLite uses the queue's index.
        "held" => "?1 = ?1 AND p.state IN ('planned', 'submitting') AND p.held = 1",
        // Written out too: SQLite does not use the partial index with a parameter.
        "review" => "?1 = ?1 AND p.state = 'review'",
        "planned" | "submitting" => "p.state IN ('planned', 'submitting') AND p.state = ?1 AND p.held = 0",
        _ => "p.state = ?1",
    };
    Stmt::new(format!(
        "{PAYOUT_SHOWN} WHERE {of_state} AND (p.created_at_ms < ?2 OR (p.created_at_ms = ?2 AND p.id < ?3))
         ORDER BY p.created_at_ms DESC, p.id DESC LIMIT ?4"
    ))
    .bind(state)
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .query()
}

/// The partner of an outbound transfer.
pub fn partner_of_outbound(id: &PayoutId) -> Query<KnownAccount> {
    Stmt::new(
        "SELECT q.id, q.external_id, x.name FROM partner q LEFT JOIN partner_person x ON x.partner_id = q.id
         WHERE q.id = (SELECT partner_id FROM payout WHERE id = ?1 UNION ALL SELECT partner_id FROM payout_reversal WHERE id = ?1
           UNION ALL SELECT partner_id FROM credit_transfer WHERE id = ?1)",
    )
    .bind(id).query()
}

/// Who saved each version of a program, and when.
#[derive(Clone, Debug, Deserialize)]
pub struct VersionRow {
    pub version: i64,
    pub effective_from_ms: UtcMillis,
    pub created_at_ms: UtcMillis,
    pub actor: ActorId,
}

pub fn version_list(program: &ProgramId, limit: i64) -> Query<VersionRow> {
    Stmt::new(
        "SELECT version, effective_from_ms, created_at_ms, actor FROM program_version WHERE program_id = ?1 ORDER BY version DESC LIMIT ?2",
    )
    .bind(program)
    .bind(limit).query()
}

/// A token as listed: its secret cannot be shown.
#[derive(Clone, Debug, Deserialize)]
pub struct TokenShown {
    pub id: String,
    pub name: String,
    /// As `engine::identity::access::Scopes` writes them.
    pub scopes: String,
    pub created_at_ms: UtcMillis,
    pub expires_at_ms: UtcMillis,
    pub first_used_at_ms: Option<UtcMillis>,
    pub revoked_at_ms: Option<UtcMillis>,
}

const TOKEN: &str =
    "SELECT id, name, scopes, created_at_ms, expires_at_ms, first_used_at_ms, revoked_at_ms FROM api_token";

/// Tokens, valid ones first.
pub fn token_list(limit: i64) -> Query<TokenShown> {
    Stmt::new(format!("{TOKEN} ORDER BY revoked_at_ms IS NOT NULL, created_at_ms DESC, id LIMIT ?1"))
        .bind(limit)
        .query()
}

pub fn token_shown(id: &str) -> Query<TokenShown> {
    Stmt::new(format!("{TOKEN} WHERE id = ?1")).bind(id).query()
}

/// A token about to be created.
pub struct NewToken<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub sha256: &'a str,
    pub scopes: Scopes,
    pub expires_at: UtcMillis,
}

/// Creates a token. The same id again aborts, so a form that is sent twice creates one.
pub fn token_insert(t: &NewToken<'_>, now: UtcMillis) -> Stmt {
    Stmt::new("INSERT INTO api_token (id, name, sha256, scopes, created_at_ms, expires_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(t.id)
        .bind(t.name)
        .bind(t.sha256)
        .bind(t.scopes.to_string())
        .bind(now)
        .bind(t.expires_at)
}

pub fn token_revoke(id: &str, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE api_token SET revoked_at_ms = ?2 WHERE id = ?1 AND revoked_at_ms IS NULL").bind(id).bind(now)
}

/// What a run would vest for a partner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VestPreview {
    pub partner: PartnerId,
    pub unit: String,
    pub accruals: i64,
    pub cents: i64,
}

/// With `group`: of accounts without a binding in this group of programs, which only operators' adjustments can have.
pub fn vest_preview(run: &RunRow, group: &str) -> Query<VestPreview> {
    Stmt::new(
        "SELECT partner_id AS partner, unit, COUNT(*) AS accruals, SUM(net_cents) AS cents FROM accrual
         WHERE program_id = ?1 AND state = 'pending' AND balance = 'pending' AND vests_at_ms <= ?2 AND at_ms < ?2
           AND (?3 = '' OR NOT EXISTS (SELECT 1 FROM binding b WHERE b.account_id = accrual.account_id AND b.group_id = ?3))
         GROUP BY partner_id, unit ORDER BY partner_id LIMIT 1000",
    )
    .bind(&run.program_id)
    .bind(run.as_of_ms)
    .bind(group)
    .query()
}
