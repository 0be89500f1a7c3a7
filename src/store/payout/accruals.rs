//! Which payout takes which accrual: stored with the plan, and reduced by what changed before the payout is sent.
//!
//! What the accruals still allow is said by views (`migrations/0006_payout.sql`), so that the trigger which guards the
//! sending judges by the same rule.

use crate::base::ids::{PayoutId, ProgramId};
use crate::base::time::UtcMillis;
use crate::store::accrual::payment::immature;
use crate::store::payout::rounding::{step, whole};
use crate::store::payout::{LOOK_FIRST, PayoutReversalRow};
use crate::store::port::Stmt;
use crate::store::query::Query;
use crate::store::settlement::page::PartnerPage;
use crate::store::settlement::run::RunRow;
use serde::Deserialize;

/// Why a payout was canceled before it was sent. Operators read it in lists.
const NOTHING_LEFT: &str = "nothing is left of it";
const BELOW_MINIMUM: &str = "less than the minimum is left of it: carried forward";

/// Statements that write the accruals of a page of a run's payouts, each for a part of its partners: for 200,000 accruals each takes
/// a few of the 30 seconds that D1 gives a statement.
const SLICES: i64 = 4;

/// The accruals of a page of a run's payouts: everything mature that no payout took, and debts, which are what payouts took beyond
/// what remains. What no accrual explains has a row of its own.
pub fn payout_accrual_plan(run: &RunRow, page: &PartnerPage, delay_days: i64) -> Vec<Stmt> {
    let slice = |slice: i64| {
        page.of(&run.id, format!(
            "INSERT INTO payout_accrual (payout_id, accrual_id, planned_cents, amount_cents)
             SELECT p.id, a.id, a.net_cents - a.payout_cents, a.net_cents - a.payout_cents
             FROM payout p CROSS JOIN accrual a ON a.program_id = p.program_id AND a.partner_id = p.partner_id AND a.unit = p.unit
             WHERE {OF_PAGE} AND unicode(substr(p.partner_id, -1)) % {SLICES} = ?5 AND {UNPAID} AND (a.net_cents < a.payout_cents OR NOT {})",
            immature("a", "?4")
        ))
        .bind(run.as_of_ms.plus_days(-delay_days))
        .bind(slice)
    };
    (0..SLICES)
        .map(slice)
        .chain([page.of(&run.id, format!(
            "INSERT INTO payout_accrual (payout_id, accrual_id, planned_cents, amount_cents)
             SELECT p.id, '', p.amount_cents - o.cents, p.amount_cents - o.cents
             FROM payout p JOIN (SELECT q.id, (SELECT COALESCE(SUM(l.amount_cents), 0) FROM payout_accrual l WHERE l.payout_id = q.id) AS cents
               FROM payout q WHERE q.run_id = ?1 AND q.partner_id > ?2 AND q.partner_id <= ?3) o ON o.id = p.id WHERE {OF_PAGE} AND p.amount_cents <> o.cents",
        ))])
        .collect()
}

/// The run's payouts in the page.
const OF_PAGE: &str = "p.run_id = ?1 AND p.partner_id > ?2 AND p.partner_id <= ?3";

/// Within the index.
const UNPAID: &str = "a.balance = 'available' AND a.net_cents <> a.payout_cents AND substr(a.unit, 1, 5) = 'cash:'";

#[derive(Clone, Debug, Deserialize)]
pub struct PayoutIdRow {
    pub payout_id: PayoutId,
}

/// Which of these payouts can't be sent for their amount.
pub fn payout_stale_list(ids: &[&PayoutId]) -> Query<PayoutIdRow> {
    Stmt::new("SELECT payout_id FROM payout_stale WHERE payout_id IN (SELECT value FROM json_each(?1))")
        .json(&ids)
        .query()
}

/// Reduces payouts about to be sent: by what their accruals no longer allow, then by what their partner owes.
pub fn reduce_before_sending(ids: &[&PayoutId], actor: &str, now: UtcMillis) -> Vec<Stmt> {
    let scope = "p.state = 'planned' AND p.id IN (SELECT value FROM json_each(?1))";
    let of = |sql: String| Stmt::new(sql).json(&ids);
    let mut all = reduce(scope, &of, ["?2", "?3"], (actor, now));
    all.insert(1, of(charge(scope)));
    all
}

/// Reduces the payouts that wait of a page of a program's partners, before a run plans others: these would net what is to
/// be taken off the first. A payout of which a try may have reached Stripe waits for a lookup of its amount.
pub fn reduce_waiting(program: &ProgramId, page: &PartnerPage, actor: &str, now: UtcMillis) -> Vec<Stmt> {
    let scope = format!(
        "p.state = 'planned' AND (p.attempt = 0 OR p.tries = 0) AND NOT {LOOK_FIRST} AND p.program_id = ?1 AND p.partner_id > ?2 AND p.partner_id <= ?3"
    );
    reduce(&scope, &|sql| page.of(program, sql), ["?4", "?5"], (actor, now))
}

/// `by` and `at`: the parameters after those that `of` binds.
fn reduce(scope: &str, of: &dyn Fn(String) -> Stmt, [by, at]: [&str; 2], (actor, now): (&str, UtcMillis)) -> Vec<Stmt> {
    let is_over = format!("{} < MAX(1, p.minimum_cents)", whole("n.cents", "p.currency"));
    let changed = |reserved: &str| {
        format!(
            "payout p {reserved} JOIN (SELECT l.payout_id, SUM(l.amount_cents) AS cents FROM payout p JOIN payout_accrual l ON l.payout_id = p.id
               WHERE {scope} GROUP BY l.payout_id) n ON n.payout_id = p.id WHERE {scope} AND n.cents <> p.amount_cents"
        )
    };
    let reserve = |values: &str, from: &str| {
        of(format!(
            "INSERT INTO transfer (id, code, phase, amount_cents, pending_id, reason, debit, credit, program_id, run_id, actor, created_at_ms)
             SELECT {values}, t.debit, t.credit, p.program_id, p.run_id, {by}, {at} FROM {from}"
        ))
        .bind(actor)
        .bind(now)
    };
    vec![
        of(format!(
            "UPDATE payout_accrual SET amount_cents = u.allowed_cents, change = u.change, event_id = u.event_id FROM payout p JOIN payout_unsent u ON u.payout_id = p.id
             WHERE {scope} AND u.allowed_cents <> u.amount_cents
               AND payout_accrual.payout_id = u.payout_id AND payout_accrual.accrual_id = u.accrual_id"
        )),
        of(round_down(scope)),
        reserve(
            "p.reserved_id || '.void', 'payout', 'void', 0, p.reserved_id, 'less is left of it than was planned'",
            &changed("JOIN transfer t ON t.id = p.reserved_id"),
        ),
        of(format!(
            "UPDATE payout SET revision = n.revision + 1, state = IIF(n.is_over, 'cancelled', 'planned'),
               reason = IIF(n.cents < 1, '{NOTHING_LEFT}', IIF(n.is_over, '{BELOW_MINIMUM}', n.reason)),
               amount_cents = IIF(n.is_over, payout.amount_cents, n.cents), carried_cents = IIF(n.is_over, MAX(0, n.cents), NULL),
               reserved_id = IIF(n.is_over, n.reserved_id, payout.id || '.pending.' || (n.revision + 1))
             FROM (SELECT p.id, p.revision, p.reason, p.reserved_id, n.cents, {is_over} AS is_over FROM {}) n
             WHERE payout.id = n.id",
            changed("")
        )),
        reserve(
            "p.reserved_id, 'payout', 'pending', p.amount_cents, NULL, 'what is left of the plan'",
            &format!(
                "payout p JOIN transfer t ON t.id = p.id || '.pending' WHERE {scope}
                   AND NOT EXISTS (SELECT 1 FROM transfer x WHERE x.id = p.reserved_id)"
            ),
        ),
    ]
}

/// The part that Stripe can't move is taken off payouts that are not over, and carried.
fn round_down(scope: &str) -> String {
    let step = step("p.currency");
    format!(
        "INSERT INTO payout_accrual (payout_id, accrual_id, planned_cents, amount_cents, change)
         SELECT id, '', 0, -(cents % step), 'rounded'
         FROM (SELECT p.id, p.minimum_cents, {step} AS step, SUM(l.amount_cents) AS cents FROM payout p JOIN payout_accrual l ON l.payout_id = p.id
           WHERE {scope} GROUP BY p.id)
         WHERE cents % step > 0 AND cents - cents % step >= MAX(1, minimum_cents)
         ON CONFLICT (payout_id, accrual_id) DO UPDATE SET amount_cents = payout_accrual.amount_cents + excluded.amount_cents,
           change = COALESCE(payout_accrual.change, excluded.change)"
    )
}

/// What a partner owes is taken off the oldest of the payouts.
fn charge(scope: &str) -> String {
    format!(
        "WITH {} INSERT INTO payout_accrual (payout_id, accrual_id, planned_cents, amount_cents, change, event_id)
         SELECT payout_id, accrual_id, 0, cents, 'owed', event_id FROM owed WHERE true
         ON CONFLICT (payout_id, accrual_id) DO UPDATE SET amount_cents = payout_accrual.amount_cents + excluded.amount_cents,
           change = excluded.change, event_id = excluded.event_id",
        owed(scope)
    )
}

/// What would be sent of the planned payout `p`: what its accruals allow, less what its partner owes, rounded down, and
/// nothing below its minimum.
pub fn left() -> String {
    let allowed = "(SELECT SUM(u.allowed_cents) FROM payout_unsent u WHERE u.payout_id = p.id)
      + MIN(0, (SELECT r.cents FROM payout_rest r WHERE r.payout_id = p.id))";
    let whole = whole("rest.cents", "p.currency");
    format!("(SELECT IIF({whole} < MAX(1, p.minimum_cents), 0, {whole}) FROM (SELECT {allowed} AS cents) rest)")
}

/// What the partners of payouts `p` owe, as `owed`: of the accruals that earlier payouts took too much of, and the rest
/// of what no accrual explains.
pub fn owed(scope: &str) -> String {
    format!(
        "debtor AS MATERIALIZED (
           SELECT r.payout_id, r.program_id, r.partner_id, r.cents AS debt, MIN(p.created_at_ms) FROM payout p JOIN payout_rest r ON r.payout_id = p.id
           WHERE {scope} AND r.cents < 0 GROUP BY r.partner_id, r.unit),
         owes AS MATERIALIZED (
           SELECT d.payout_id, d.debt, a.id AS accrual_id, a.net_cents - a.payout_cents
             + (SELECT COALESCE(SUM(u.amount_cents - u.allowed_cents), 0) FROM payout_accrual l JOIN payout_unsent u
                  ON u.payout_id = l.payout_id AND u.accrual_id = l.accrual_id WHERE l.accrual_id = a.id AND l.accrual_id <> '') AS owed
           FROM debtor d CROSS JOIN accrual a ON a.program_id = d.program_id AND a.partner_id = d.partner_id
           WHERE {UNPAID} AND a.net_cents < a.payout_cents
           UNION ALL SELECT payout_id, debt, '', debt FROM debtor),
         owed AS MATERIALIZED (
           SELECT payout_id, accrual_id, MAX(owed, debt - above) AS cents,
             (SELECT t.event_id FROM transfer t WHERE t.accrual_id = o.accrual_id AND t.code IN ('reverse', 'deduct') ORDER BY t.seq DESC LIMIT 1) AS event_id
           FROM (SELECT *, SUM(owed) OVER (PARTITION BY payout_id ORDER BY accrual_id = '', accrual_id) - owed AS above FROM owes WHERE owed < 0) o
           WHERE above > debt)"
    )
}

/// Notes what came back of payouts: the reversals at Stripe that the ledger has by now, with their transfers.
pub fn payout_return_insert(returned: &[PayoutReversalRow]) -> Stmt {
    Stmt::new(
        "INSERT INTO payout_return (id, payout_id, amount_cents)
         SELECT value ->> '$.id', p.id, value ->> '$.amount_cents' FROM json_each(?1) JOIN payout p ON p.transfer_id = value ->> '$.transfer'
         WHERE true ON CONFLICT (id) DO NOTHING",
    )
    .json(&returned)
}
