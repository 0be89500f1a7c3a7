//! What payouts consist of and add up to: a receipt's movements, a run's sums, a year's totals.

use crate::base::ids::{AccountId, EventId, PartnerId, PayoutId, ProgramId, RewardId, RunId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::source::AccrualSource;
use crate::engine::ledger::account::LedgerAccountKind;
use crate::store::ledger::account::AccountColumns;
use crate::store::port::Stmt;
use crate::store::query::{First, Query};
use serde::Deserialize;

/// The effect of a ledger row `t` on what a partner can be paid, ?1 being the account: a payout counts when it is
/// planned, and again when it comes back.
const EFFECT: &str = "IIF(t.phase = 'void', (SELECT x.amount_cents FROM transfer x WHERE x.id = t.pending_id),
   IIF(t.credit = ?1, t.amount_cents, -t.amount_cents))";

/// The account's rows, `o`: those of its partner's accruals that moved its balance, and the few without an accrual.
/// Each kind is found by an index of its own. `w` is the span between the previous payout and this one, whose planned
/// row is ?2.
const MOVED: &str = "WITH own AS MATERIALIZED (
     SELECT rowid AS row FROM transfer WHERE accrual_id IS NOT NULL AND code IN ('reverse', 'deduct') AND debit = ?1
     UNION ALL SELECT rowid FROM transfer WHERE accrual_id IS NOT NULL AND code IN ('accrue', 'adjust') AND instr(credit, '/cash:') > 0
       AND instr(credit, '/available/') > 0 AND credit = ?1
     UNION ALL SELECT rowid FROM transfer WHERE accrual_id IS NULL AND debit = ?1 AND phase <> 'post'
     UNION ALL SELECT rowid FROM transfer WHERE accrual_id IS NULL AND credit = ?1 AND phase <> 'post'),
   span AS MATERIALIZED (
     SELECT n.rowid AS planned, COALESCE((SELECT MAX(b.rowid) FROM transfer b WHERE b.accrual_id IS NULL AND b.debit = ?1
       AND b.code = 'payout' AND substr(b.id, -8) = '.pending' AND b.rowid < n.rowid), 0) AS before FROM transfer n WHERE n.id = ?2)";

/// One change of what a partner can be paid, with its cause.
#[derive(Clone, Debug, Deserialize)]
pub struct Movement {
    pub row: i64,
    pub id: String,
    pub code: String,
    pub phase: String,
    pub amount_cents: i64,
    pub reason: String,
    pub event_id: Option<EventId>,
    pub run_id: Option<RunId>,
    pub created_at_ms: UtcMillis,
    pub reward_id: Option<RewardId>,
    pub account_id: Option<AccountId>,
    pub source: Option<AccrualSource>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ReceiptSums {
    /// What was left after the previous payout.
    pub opening_cents: i64,
    pub moved_cents: i64,
    pub period: String,
    /// What was available when it was planned, and how much of that was payable.
    pub available_cents: i64,
    pub payable_cents: i64,
}

pub fn receipt_sums(account: &str, payout: &PayoutId) -> Query<ReceiptSums> {
    sums(account, payout, str::to_owned).query()
}

/// The same for one of a partner's own payouts; the account is found by the payout.
pub fn own_receipt_sums(partner: &PartnerId, payout: &PayoutId) -> Query<ReceiptSums> {
    sums(partner, payout, of_own).query()
}

/// Turns a statement about the account ?1 into one about the account of the payout whose planned row is ?2, if that
/// payout belongs to the partner ?1.
fn of_own(sql: &str) -> String {
    let available = AccountColumns::of("q").account(LedgerAccountKind::Available);
    let own = format!("(SELECT {available} FROM payout q WHERE q.partner_id = ?1 AND q.id || '.pending' = ?2)");
    sql.replace("?1", &own)
}

fn sums(account: &str, payout: &PayoutId, of: fn(&str) -> String) -> Stmt {
    Stmt::new(of(&format!(
        "{MOVED}, sums AS MATERIALIZED (
           SELECT COALESCE(SUM(IIF(o.row <= w.before, {EFFECT}, 0)), 0) AS opening_cents,
                  COALESCE(SUM(IIF(o.row > w.before, {EFFECT}, 0)), 0) AS moved_cents
           FROM span w CROSS JOIN own o CROSS JOIN transfer t WHERE t.rowid = o.row AND o.row < w.planned)
         SELECT m.opening_cents, m.moved_cents, r.period, s.available_cents, s.payable_cents
         FROM sums m CROSS JOIN payout p JOIN run r ON r.id = p.run_id
         JOIN run_partner s ON s.run_id = p.run_id AND s.partner_id = p.partner_id AND s.unit = p.unit WHERE p.id = ?3"
    )))
    .bind(account)
    .bind(format!("{payout}.pending"))
    .bind(payout)
}

/// What a vesting row moved, accrual by accrual: those of its partner in the page of the plan that its id ends with.
fn vested() -> String {
    let available = AccountColumns::new("t.program_id", "i.unit", "i.partner_id").account(LedgerAccountKind::Available);
    format!(
        "LEFT JOIN run_item i ON t.code = 'vest' AND i.run_id = t.run_id
           AND i.seq >= CAST(replace(t.id, rtrim(t.id, '0123456789'), '') AS INTEGER)
           AND i.seq < CAST(replace(t.id, rtrim(t.id, '0123456789'), '') AS INTEGER) + ?5
           AND i.kind = 'vest' AND i.posted_cents > 0 AND ?1 = {available}"
    )
}

/// Numbers the movements: a vesting row has as many as it has accruals, and no run has this many.
const PLACES: i64 = 10_000_000;

/// The movements since the previous payout, after the cursor. Vesting is listed accrual by accrual.
pub fn receipt_page(account: &str, payout: &PayoutId, after: i64, limit: i64) -> Query<Movement> {
    page(account, payout, (after, limit), str::to_owned).query()
}

fn page(account: &str, payout: &PayoutId, (after, limit): (i64, i64), of: fn(&str) -> String) -> Stmt {
    Stmt::new(of(&format!(
        "{MOVED}
         SELECT t.rowid * {PLACES} + COALESCE(i.seq, 0) AS row, t.id, t.code, t.phase, COALESCE(i.posted_cents, {EFFECT}) AS amount_cents,
                t.reason, t.event_id, t.run_id, t.created_at_ms, l.reward_id, l.account_id, l.source
         FROM span w CROSS JOIN own o CROSS JOIN transfer t {} LEFT JOIN accrual l ON l.id = COALESCE(t.accrual_id, i.accrual_id)
         WHERE t.rowid = o.row AND o.row > w.before AND o.row < w.planned AND o.row >= CAST(?3 AS INTEGER) / {PLACES}
           AND t.rowid * {PLACES} + COALESCE(i.seq, 0) > ?3 ORDER BY 1 LIMIT ?4",
        vested(),
    )))
    .bind(account)
    .bind(format!("{payout}.pending"))
    .bind(after)
    .bind(limit)
    .bind(crate::store::settlement::run::LINE_PAGE)
}

/// The sums and a page of the movements of a payout's receipt, if only its id is known: its planned row has the
/// account.
pub fn receipt_of(payout: &PayoutId, after: i64, limit: i64) -> (First<ReceiptSums>, Query<Movement>) {
    let of_planned = |sql: &str| sql.replace("?1", "(SELECT z.debit FROM transfer z WHERE z.id = ?2)");
    (sums("", payout, of_planned).query().first(), page("", payout, (after, limit), of_planned).query())
}

/// A payment to a partner, or a part of one that came back, as it changes the partner's balance.
#[derive(Clone, Debug, Deserialize)]
pub struct PaidEntry {
    pub kind: String,
    pub id: String,
    pub program_id: ProgramId,
    /// The run that planned it, and the period that it settled. Returned money has neither.
    pub run_id: Option<RunId>,
    pub period: Option<String>,
    pub at_ms: UtcMillis,
    pub unit: String,
    pub amount_cents: i64,
    pub state: String,
    pub transfer_id: Option<String>,
    pub reason: String,
}

/// A partner's payouts, and what came back of them, after the cursor (instant, id), oldest first.
pub fn paid_entry_page(partner: &PartnerId, after_ms: i64, after_id: &str, limit: i64) -> Query<PaidEntry> {
    Stmt::new(
        "SELECT 'payout' AS kind, p.id, p.program_id, p.run_id, r.period, p.created_at_ms AS at_ms, p.unit,
                IIF(p.state IN ('failed', 'cancelled'), 0, -p.amount_cents) AS amount_cents,
                IIF(p.held = 1 AND p.state IN ('planned', 'submitting'), 'held', p.state) AS state, p.transfer_id, p.reason
         FROM payout p JOIN run r ON r.id = p.run_id
         WHERE p.partner_id = ?1 AND (p.created_at_ms > ?2 OR (p.created_at_ms = ?2 AND p.id > ?3))
         UNION ALL
         SELECT t.code, t.id, t.program_id, NULL, NULL, t.created_at_ms, a.unit, t.amount_cents, 'reversed', NULL, t.reason
         FROM ledger_account a CROSS JOIN transfer t
         WHERE a.partner_id = ?1 AND a.partner_id <> '' AND t.accrual_id IS NULL AND t.credit = a.id AND t.code = 'payout_return'
           AND (t.created_at_ms > ?2 OR (t.created_at_ms = ?2 AND t.id > ?3))
         ORDER BY 6, 2 LIMIT ?4",
    )
    .bind(partner)
    .bind(after_ms)
    .bind(after_id)
    .bind(limit).query()
}

/// A run's payouts by state.
#[derive(Clone, Debug, Deserialize)]
pub struct StateSum {
    pub state: String,
    pub unit: String,
    pub payouts: i64,
    pub cents: i64,
}

pub fn run_payout_sums(run: &RunId) -> Query<StateSum> {
    Stmt::new(
        "SELECT IIF(held = 1 AND state IN ('planned', 'submitting'), 'held', state) AS state, unit, COUNT(*) AS payouts, SUM(amount_cents) AS cents
         FROM payout WHERE run_id = ?1 GROUP BY 1, unit ORDER BY 1, unit",
    )
    .bind(run)
    .query()
}

/// What a run did not pay: `not_onboarded` is payable to partners who cannot be paid yet, `country_not_offered` to those
/// whom Stripe can't pay where they are, `not_payable` is below the minimum or immature, `negative` is owed by partners. `below_minimum` is what was left of payouts that were planned.
#[derive(Clone, Debug, Deserialize)]
pub struct CarriedSum {
    pub why: String,
    pub unit: String,
    pub partners: i64,
    pub cents: i64,
}

pub fn run_carried_sums(run: &RunId) -> Query<CarriedSum> {
    Stmt::new(
        "SELECT why, unit, COUNT(*) AS partners, SUM(cents) AS cents FROM (
           SELECT s.unit, IIF(s.payable_cents > 0, IIF(s.is_reachable, 'not_onboarded', 'country_not_offered'), IIF(s.available_cents < 0, 'negative', 'not_payable')) AS why,
                  IIF(s.payable_cents > 0, s.payable_cents, s.available_cents) AS cents
           FROM run_partner s WHERE s.run_id = ?1 AND s.unit LIKE 'cash:%' AND s.available_cents <> 0
             AND NOT EXISTS (SELECT 1 FROM payout p WHERE p.run_id = s.run_id AND p.partner_id = s.partner_id AND p.unit = s.unit)
           UNION ALL SELECT p.unit, 'below_minimum', p.carried_cents FROM payout p WHERE p.run_id = ?1 AND p.carried_cents > 0)
         GROUP BY why, unit ORDER BY why, unit",
    )
    .bind(run)
    .query()
}

/// What one partner was paid in a span of time.
#[derive(Clone, Debug, Deserialize)]
pub struct YearRow {
    pub partner_id: PartnerId,
    pub program_id: ProgramId,
    pub external_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub country: Option<String>,
    pub stripe_account_id: Option<String>,
    pub currency: String,
    pub payouts: i64,
    pub paid_cents: i64,
    pub returned_cents: i64,
}

/// The most rows of one table: far more partners than one operator has.
pub const YEAR_ROWS_MAX: i64 = 50_000;

/// Totals per partner and currency over [from, to): a payout counts when Stripe made the transfer, a reversal when it
/// was posted.
pub fn year_list(from: UtcMillis, to: UtcMillis) -> Query<YearRow> {
    Stmt::new(
        "SELECT m.partner_id, q.program_id, q.external_id, x.name, x.email, COALESCE(y.country, q.country) AS country,
                COALESCE(y.stripe_account_id, (SELECT c.stripe_account_id FROM payee_closed c WHERE c.partner_id = q.id ORDER BY c.closed_at_ms DESC LIMIT 1)) AS stripe_account_id,
                m.currency, SUM(m.payouts) AS payouts, SUM(m.paid) AS paid_cents, SUM(m.returned) AS returned_cents
         FROM (SELECT partner_id, currency, 1 AS payouts, amount_cents AS paid, 0 AS returned FROM payout
                 WHERE state = 'paid' AND paid_at_ms >= ?1 AND paid_at_ms < ?2
               UNION ALL
               SELECT a.partner_id, substr(a.unit, 6), 0, 0, t.amount_cents FROM transfer t JOIN ledger_account a ON a.id = t.credit
                 WHERE t.code = 'payout_return' AND t.created_at_ms >= ?1 AND t.created_at_ms < ?2) m
         JOIN partner q ON q.id = m.partner_id LEFT JOIN partner_person x ON x.partner_id = q.id LEFT JOIN payee y ON y.partner_id = q.id
         GROUP BY m.partner_id, m.currency ORDER BY q.program_id, q.external_id, m.currency LIMIT ?3",
    )
    .bind(from)
    .bind(to)
    .bind(YEAR_ROWS_MAX)
    .query()
}
