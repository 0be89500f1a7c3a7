//! Settlement runs: their plan, their execution in pages, and their reports. Set-based, in bounded pages.
//!
//! Each step is one batch that begins with `run_step`: its trigger aborts the batch if another runner took the step.

use crate::base::ids::{ActorId, ProgramId, RunId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::Accrual;
use crate::engine::ledger::account::TransferCode;
use crate::engine::review::ReviewState;
use crate::engine::settlement::RunState;
use crate::store::account::{AccountIdRow, accrual_insert};
use crate::store::ledger::account::AccountColumns;
use crate::store::message::outbox::arrived_late;
use crate::store::port::{GIVEN, Stmt};
use crate::store::query::Query;
use serde::{Deserialize, Serialize};

/// Accounts per step of planning grants, and how many events they may have together: all their facts are read.
const GRANT_PAGE: i64 = 400;
const GRANT_PAGE_FACTS: i64 = 4_000;
/// Accruals planned or executed in one step: a second or two of the 30 that D1 gives. 200,000 fit into one invocation.
pub const LINE_PAGE: i64 = 10_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub id: RunId,
    pub program_id: ProgramId,
    pub cadence: String,
    pub period: String,
    pub as_of_ms: UtcMillis,
    pub program_version: i64,
    pub state: RunState,
    #[serde(skip_serializing)]
    pub step: i64,
    #[serde(skip_serializing)]
    pub cursor: String,
    pub items: i64,
    pub executed: i64,
    pub actor: ActorId,
    pub started_at_ms: UtcMillis,
    pub finished_at_ms: Option<UtcMillis>,
    /// The guard or constraint that refused the next step.
    pub refused_by: Option<String>,
}

const RUN: &str = "SELECT id, program_id, cadence, period, as_of_ms, program_version, state, step, cursor, items, executed, actor, started_at_ms, finished_at_ms, refused_by FROM run";

/// Starts runs, except for periods that already have one.
pub fn run_insert(runs: &[RunRow]) -> Stmt {
    Stmt::new(format!(
        "{GIVEN} INSERT INTO run (id, program_id, cadence, period, as_of_ms, program_version, state, step, cursor, items, executed, actor, started_at_ms)
         SELECT row ->> '$.id', row ->> '$.program_id', row ->> '$.cadence', row ->> '$.period', row ->> '$.as_of_ms', row ->> '$.program_version',
                row ->> '$.state', 0, '', 0, 0, row ->> '$.actor', row ->> '$.started_at_ms'
         FROM given WHERE true ON CONFLICT (program_id, cadence, period) DO NOTHING"
    ))
    .json(&runs)
}

/// Runs by their ids, oldest first.
pub fn run_list(ids: &[&str]) -> Query<RunRow> {
    Stmt::new(format!("{RUN} WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY started_at_ms, id"))
        .json(&ids)
        .query()
}

pub fn run_find(id: &RunId) -> Query<RunRow> {
    Stmt::new(format!("{RUN} WHERE id = ?1")).bind(id).query()
}

/// Runs that were cut off, oldest first.
pub fn run_open_list(limit: i64) -> Query<RunRow> {
    Stmt::new(format!("{RUN} WHERE state <> 'done' ORDER BY started_at_ms, id LIMIT ?1")).bind(limit).query()
}

/// Runs before the cursor (instant, id), newest first.
pub fn run_page(before_ms: i64, before_id: &str, limit: i64) -> Query<RunRow> {
    Stmt::new(format!(
        "{RUN} WHERE started_at_ms < ?1 OR (started_at_ms = ?1 AND id < ?2) ORDER BY started_at_ms DESC, id DESC LIMIT ?3"
    ))
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .query()
}

/// Takes the step after `run.step`, moving to `state` and `cursor`.
pub fn run_step(run: &RunRow, state: RunState, cursor: &str) -> Stmt {
    Stmt::new("UPDATE run SET step = CAST(?2 AS INTEGER) + 1, state = ?3, cursor = ?4, refused_by = NULL WHERE id = ?1")
        .bind(&run.id)
        .bind(run.step)
        .bind(state.name())
        .bind(cursor)
}

/// Keeps who refused the run's next step.
pub fn run_refuse(run: &RunRow, by: &str) -> Stmt {
    Stmt::new("UPDATE run SET refused_by = ?2 WHERE id = ?1").bind(&run.id).bind(by)
}

/// The row's account has a decision. What one that waits for its own has earned is not known: nothing of it is granted or
/// vests until it is decided.
const DECIDED: &str = "account_id NOT IN (SELECT id FROM account WHERE refused_by IS NOT NULL)";

/// The next accounts after the cursor for which a milestone reward may be due.
pub fn grant_candidates(run: &RunRow) -> Query<AccountIdRow> {
    Stmt::new(format!(
        "SELECT account_id FROM (
           SELECT account_id, row_number() OVER (ORDER BY account_id) AS place,
                  SUM((SELECT COUNT(*) FROM event e WHERE e.account_id = b.account_id AND e.state <> 'moot')) OVER (ORDER BY account_id) AS total
           FROM (SELECT account_id FROM binding WHERE program_id = ?1 AND grant_due_at_ms IS NOT NULL AND grant_due_at_ms <= ?2
                   AND account_id > ?3 AND {DECIDED} ORDER BY account_id LIMIT ?4) b)
         WHERE total <= ?5 OR place = 1 ORDER BY place",
    ))
    .bind(&run.program_id)
    .bind(run.as_of_ms)
    .bind(&run.cursor)
    .bind(GRANT_PAGE)
    .bind(GRANT_PAGE_FACTS)
    .query()
}

/// A planned milestone reward.
#[derive(Clone, Debug, Serialize)]
pub struct AwardRow<'a> {
    pub accrual: &'a Accrual,
    pub next_due_at_ms: Option<UtcMillis>,
}

pub fn grant_plan(run: &RunRow, grants: &[AwardRow]) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO run_item (run_id, seq, kind, accrual_id, account_id, partner_id, unit, planned_cents, accrual, next_due_at_ms)
             SELECT r.id, r.items + key + 1, 'grant', value ->> '$.accrual.id', value ->> '$.accrual.account_id', value ->> '$.accrual.partner_id',
                    value ->> '$.accrual.unit', value ->> '$.accrual.net_cents', value -> '$.accrual', value ->> '$.next_due_at_ms'
             FROM run r, json_each(?2) WHERE r.id = ?1",
        )
        .bind(&run.id)
        .json(&grants),
        count_items(run),
    ]
}

/// Plans the next page of accruals that vest, partner by partner: so what vests for one is in one ledger row, or two if a
/// page ends among them, and execution goes through each partner's rows once. The cursor is then the page's last accrual.
/// If no accrual is left, the plan is complete and the run moves on to execution. An accrual that was decided again and
/// vests later than it did is planned once.
pub fn vest_plan(run: &RunRow) -> [Stmt; 3] {
    let mut place = run.cursor.splitn(3, ' ');
    let mut part = || place.next().unwrap_or_default();
    let (partner, vests_at_ms, id) = (part(), part(), part());
    [
        Stmt::new(format!(
            "INSERT INTO run_item (run_id, seq, kind, accrual_id, account_id, partner_id, unit, planned_cents, posted_cents)
             SELECT r.id, r.items + row_number() OVER (ORDER BY l.partner_id, l.vests_at_ms, l.id), 'vest', l.id, l.account_id, l.partner_id, l.unit, l.net_cents, l.net_cents
             FROM run r, (SELECT a.id, a.account_id, a.partner_id, a.unit, a.net_cents, a.vests_at_ms
               FROM partner p CROSS JOIN accrual a INDEXED BY accrual_pending ON a.program_id = ?2 AND a.partner_id = p.id
               WHERE p.program_id = ?2 AND p.id >= ?3 AND a.state = 'pending' AND a.balance = 'pending' AND a.vests_at_ms <= ?6
                 AND a.vests_at_ms >= IIF(p.id = ?3, CAST(?4 AS INTEGER), 0)
                 AND (p.id > ?3 OR (a.vests_at_ms, a.id) > (CAST(?4 AS INTEGER), ?5)) AND a.at_ms < ?6 AND a.{DECIDED}
                 AND NOT EXISTS (SELECT 1 FROM run_item i WHERE i.run_id = ?1 AND i.accrual_id = a.id)
               ORDER BY p.id, a.vests_at_ms, a.id LIMIT ?7) l
             WHERE r.id = ?1",
        ))
        .bind(&run.id)
        .bind(&run.program_id)
        .bind(partner)
        .bind(vests_at_ms)
        .bind(id)
        .bind(run.as_of_ms)
        .bind(LINE_PAGE),
        Stmt::new(
            "UPDATE run SET state = IIF(p.last IS NULL, 'executing', 'vesting'), cursor = COALESCE(p.last, '')
             FROM (SELECT (SELECT a.partner_id || ' ' || a.vests_at_ms || ' ' || a.id FROM run r CROSS JOIN run_item i ON i.run_id = r.id AND i.seq > r.items
                 CROSS JOIN accrual a ON a.id = i.accrual_id WHERE r.id = ?1 ORDER BY i.seq DESC LIMIT 1) AS last) p
             WHERE run.id = ?1",
        )
        .bind(&run.id),
        count_items(run),
    ]
}

fn count_items(run: &RunRow) -> Stmt {
    Stmt::new("UPDATE run SET items = (SELECT COALESCE(MAX(seq), 0) FROM run_item WHERE run_id = ?1) WHERE id = ?1")
        .bind(&run.id)
}

/// Executes the items `from` to `to`: statements in order, for one batch. An accrual that facts changed since the plan
/// vests with its current net. A reward whose account was reassigned or reviewed since then is left for the next run.
pub fn execute(run: &RunRow, from: i64, to: i64, now: UtcMillis) -> Vec<Stmt> {
    let page = |sql: String| Stmt::new(sql).bind(&run.id).bind(from).bind(to);
    let items = "run_item i WHERE i.run_id = ?1 AND i.seq BETWEEN ?2 AND ?3";
    let mut all = vec![accounts_ensure(&page)];
    all.extend(grant_execute(items, &page, now));
    all.extend(vest_execute(items, &page, now));
    all.push(accounts_advance(items, &page, now));
    all.push(crate::store::message::outbox::outbox_grants(&run.id, from, to, now));
    all.push(page("UPDATE run SET executed = ?3 WHERE id = ?1 AND ?2 > 0".to_owned()));
    all
}

/// Anyone who read an account of this page before must read it again. A milestone reward is planned from the facts
/// before the run that were known at the time. Later events, which matter if the run is late, and facts that were
/// reported since may void it, so the account is recomputed.
fn accounts_advance(items: &str, page: &impl Fn(String) -> Stmt, now: UtcMillis) -> Stmt {
    page(format!(
        "UPDATE account SET revision = revision + 1,
           written = IIF(id IN (SELECT i.account_id FROM {items} AND i.posted_cents > 0 AND i.kind = 'grant'), NULL, written),
           needs_recompute_since_ms = IIF(
           id IN (SELECT i.account_id FROM {items} AND i.posted_cents > 0 AND i.kind = 'grant')
             AND EXISTS (SELECT 1 FROM event e, run r WHERE r.id = ?1
               AND (e.occurred_at_ms >= r.as_of_ms OR e.received_at_ms >= r.started_at_ms)
               AND (e.account_id = account.id OR e.invoice_id IN
                   (SELECT p.invoice_id FROM event p WHERE p.account_id = account.id AND p.invoice_id IS NOT NULL)
                 OR e.id IN (SELECT f.event_id FROM event p CROSS JOIN stripe_payment s ON s.invoice_id = p.invoice_id
                   CROSS JOIN stripe_payment_fact f ON f.payment_intent = s.id OR f.charge = s.id WHERE p.account_id = account.id))),
           COALESCE(needs_recompute_since_ms, ?4), needs_recompute_since_ms)
         WHERE id IN (SELECT i.account_id FROM {items} AND i.posted_cents > 0)"
    ))
    .bind(now)
}

fn grant_execute(items: &str, page: &impl Fn(String) -> Stmt, now: UtcMillis) -> Vec<Stmt> {
    // The pluses make SQLite look among the account's rows, not among all of the partner or the reward.
    let bound = "EXISTS (SELECT 1 FROM binding b WHERE b.account_id = i.account_id AND +b.program_id = i.accrual ->> '$.program_id'
          AND +b.partner_id = i.partner_id)
        AND NOT EXISTS (SELECT 1 FROM accrual a WHERE a.account_id = i.account_id AND +a.program_id = i.accrual ->> '$.program_id'
          AND +a.reward_id = i.accrual ->> '$.reward_id' AND a.source = i.accrual ->> '$.source')";
    // What was decided since the plan: a rejected reward is never granted. One that was planned as held but is no
    // longer held (or the other way around) is planned again by the next run. The account's decision says whether it is
    // held: a review may be open that the facts no longer justify.
    let review = |state: ReviewState| {
        format!(
            "EXISTS (SELECT 1 FROM review v WHERE v.account_id = i.account_id AND v.program_id = i.accrual ->> '$.program_id'
          AND v.partner_id = i.partner_id AND v.subject = '' AND v.holds = 1 AND v.state = '{state}')"
        )
    };
    let held =
        "EXISTS (SELECT 1 FROM binding b WHERE b.account_id = i.account_id AND +b.program_id = i.accrual ->> '$.program_id'
          AND +b.partner_id = i.partner_id AND b.held = 1)";
    let suspended = "EXISTS (SELECT 1 FROM partner q WHERE q.id = i.partner_id AND q.standing = 'suspended')";
    let unreviewed = format!(
        "NOT {} AND IIF(i.accrual ->> '$.state' = 'held', {held} OR {suspended} OR NOT {}, NOT {held})",
        review(ReviewState::Rejected),
        review(ReviewState::Released),
    );
    let granted = format!("{items} AND i.kind = 'grant' AND i.posted_cents > 0");
    vec![
        page(format!(
            "UPDATE run_item AS i SET posted_cents = IIF({bound} AND {unreviewed}, planned_cents, 0)
             WHERE i.run_id = ?1 AND i.seq BETWEEN ?2 AND ?3 AND i.kind = 'grant'"
        )),
        page(format!("WITH given AS MATERIALIZED (SELECT jsonb(i.accrual) AS row FROM {granted}) {}", accrual_insert("?4", &format!("IIF({}, ?4, NULL)", arrived_late("row ->> '$.event_id'")))))
        .bind(now),
        page(format!(
            "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, run_id, reason, created_at_ms)
             SELECT i.accrual_id || '.1', i.accrual_id, '{code}', 'single', {moved}, i.posted_cents, i.accrual ->> '$.program_id', i.accrual ->> '$.event_id', i.run_id, i.accrual ->> '$.reason', ?4
             FROM {granted}",
            code = TransferCode::Accrue.name(),
            moved = AccountColumns::new("(i.accrual ->> '$.program_id')", "i.unit", "i.partner_id")
                .accrued("(i.accrual ->> '$.funding_account')", "(i.accrual ->> '$.balance')"),
        ))
        .bind(now),
        page(format!(
            "UPDATE binding SET grant_due_at_ms = g.next_due_at_ms
             FROM (SELECT i.account_id, i.partner_id, i.next_due_at_ms, i.accrual ->> '$.program_id' AS program_id FROM {granted}) g
             WHERE binding.account_id = g.account_id AND +binding.program_id = g.program_id AND +binding.partner_id = g.partner_id"
        )),
    ]
}

/// Vesting moves one amount per partner, with one ledger row each: the plan says which accruals it is for.
fn vest_execute(items: &str, page: &impl Fn(String) -> Stmt, now: UtcMillis) -> Vec<Stmt> {
    let columns = AccountColumns::new("r.program_id", "i.unit", "i.partner_id");
    let vesting = format!("{items} AND i.kind = 'vest' AND i.posted_cents > 0");
    vec![
        page(
            "UPDATE run_item AS i SET posted_cents = COALESCE((SELECT a.net_cents FROM accrual a
                WHERE a.id = i.accrual_id AND a.state = 'pending' AND a.balance = 'pending'), 0)
             WHERE i.run_id = ?1 AND i.seq BETWEEN ?2 AND ?3 AND i.kind = 'vest' AND NOT EXISTS (SELECT 1 FROM accrual a
                WHERE a.id = i.accrual_id AND a.state = 'pending' AND a.balance = 'pending' AND a.net_cents = i.posted_cents)"
                .to_owned(),
        ),
        page(format!(
            "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, run_id, reason, created_at_ms)
             SELECT r.id || '.' || i.partner_id || '.' || i.unit || '.' || CAST(?2 AS INTEGER), '{}', 'single', {},
                    SUM(i.posted_cents), r.program_id, r.id, 'the hold of ' || COUNT(*) || IIF(COUNT(*) = 1, ' accrual', ' accruals') || ' is over', ?4
             FROM run_item i JOIN run r ON r.id = i.run_id
             WHERE i.run_id = ?1 AND i.seq BETWEEN ?2 AND ?3 AND i.kind = 'vest' AND i.posted_cents > 0
             GROUP BY i.partner_id, i.unit",
            TransferCode::Vest.name(),
            columns.moved(TransferCode::Vest),
        ))
        .bind(now),
        page(format!(
            "INSERT INTO run_vesting (accrual_id, at_ms) SELECT i.accrual_id, ?4 FROM {vesting} ORDER BY i.seq"
        ))
        .bind(now),
    ]
}

/// Creates the ledger accounts that a page's transfers need: a page has far more items than partners.
fn accounts_ensure(page: &impl Fn(String) -> Stmt) -> Stmt {
    page(format!(
        "INSERT INTO ledger_account (id, program_id, unit, kind, partner_id)
         SELECT DISTINCT n.id, n.program_id, n.unit, n.kind, n.partner_id FROM (
           SELECT {id} AS id, r.program_id, i.unit, k.value AS kind, IIF(k.value = 'expense', '', i.partner_id) AS partner_id
           FROM (SELECT DISTINCT unit, partner_id, kind FROM run_item WHERE run_id = ?1 AND seq BETWEEN ?2 AND ?3) i
             CROSS JOIN run r
             CROSS JOIN json_each(IIF(i.kind = 'vest', '[\"available\"]', '[\"expense\",\"pending\",\"available\"]')) k
           WHERE r.id = ?1) n
         WHERE NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.id = n.id)",
        id = AccountColumns::new("r.program_id", "i.unit", "i.partner_id").account_of("k.value"),
    ))
}

pub fn run_finish(run: &RunRow, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE run SET finished_at_ms = ?2 WHERE id = ?1 AND finished_at_ms IS NULL").bind(&run.id).bind(now)
}

/// What a run planned and did, by kind and unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunTotal {
    #[serde(rename(serialize = "type"))]
    pub kind: String,
    pub unit: String,
    pub planned: i64,
    pub planned_cents: i64,
    pub executed: i64,
    pub executed_cents: i64,
}

pub fn run_totals(id: &RunId) -> Query<RunTotal> {
    Stmt::new(
        "SELECT kind, unit, COUNT(*) AS planned, SUM(planned_cents) AS planned_cents, SUM(seq <= r.executed) AS executed,
                SUM(IIF(seq <= r.executed, posted_cents, 0)) AS executed_cents
         FROM run_item JOIN run r ON r.id = run_id WHERE run_id = ?1 GROUP BY kind, unit ORDER BY kind, unit",
    )
    .bind(id)
    .query()
}
