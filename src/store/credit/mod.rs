//! Credits sent to customers' balances: planning what to deliver and what to claw back, and the results. The rows
//! themselves are written like payouts (`store/payout/mod.rs`).

pub mod promotion;
pub mod redemption;
pub mod webhook;

use crate::base::ids::{PartnerId, PayoutId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::ledger::account::{LedgerAccountKind, TransferCode};
use crate::engine::payout::OutboundTransfer;
use crate::store::ledger::account::AccountColumns;
use crate::store::payout::NoticeRow;
use crate::store::payout::rounding::{step, whole};
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// Accruals planned in one batch.
pub const PAGE: i64 = 100;

/// An accrual whose last outbound transfer was refused is planned again a day later: the problem may have been fixed by
/// then.
const AGAIN_DAYS: i64 = 1;

/// Credit accruals whose net differs from what was delivered, and that are not in transit, frozen or just refused. The
/// first conditions repeat those of the index `accrual_undelivered`, so that SQLite uses it.
const DUE: &str = "accrual l WHERE l.program_id = ?1 AND l.balance = 'available' AND l.net_cents <> l.delivered_cents
      AND substr(l.unit, 1, 7) = 'credit:' AND l.state NOT IN ('held', 'disputed')
      AND NOT EXISTS (SELECT 1 FROM credit_transfer o WHERE o.accrual_id = l.id AND o.state IN ('planned', 'submitting', 'review'))
      AND NOT EXISTS (SELECT 1 FROM credit_transfer f WHERE f.accrual_id = l.id AND f.state = 'failed' AND f.created_at_ms > ?2)";

const COLUMNS: &str =
    "INSERT INTO credit_transfer (id, kind, accrual_id, number, program_id, partner_id, unit, currency, amount_cents,
      customer_id, before_cents, after_cents, state, due_at_ms, reason, revision, created_at_ms)
    SELECT 'crd_' || substr(accrual_id, instr(accrual_id, '_') + 1) || '_' || number";

/// The number of an accrual's next outbound transfer, and how much of the accrual is already on the balance.
const NUMBER: &str = "(SELECT COUNT(*) + 1 FROM credit_transfer s WHERE s.accrual_id = l.id)";
const SENT: &str =
    "(SELECT COALESCE(SUM(IIF(s.kind = 'credit', s.amount_cents, -s.amount_cents)), 0) FROM credit_transfer s
      WHERE s.accrual_id = l.id AND s.state = 'paid')";

/// The Stripe customer of a partner: that of the account with the partner's external id. Until Stripe has reported the
/// customer, the one that the host named, if no other account has the same.
pub fn customer_of(external_id: &str) -> String {
    format!(
        "COALESCE((SELECT c.id FROM stripe_customer c WHERE c.account_id = {external_id} AND c.needs_recompute_since_ms IS NULL
            AND substr(c.id, 1, 4) = 'cus_' ORDER BY c.matched_by = 'id' DESC, c.created_at_ms, c.id LIMIT 1),
          (SELECT e.stripe_customer FROM event_person e JOIN event v ON v.id = e.event_id
            WHERE e.account_id = {external_id} AND e.stripe_customer IS NOT NULL AND v.source <> 'stripe'
              AND NOT EXISTS (SELECT 1 FROM stripe_customer c WHERE c.id = e.stripe_customer)
              AND NOT EXISTS (SELECT 1 FROM event_person x WHERE x.stripe_customer = e.stripe_customer AND x.account_id <> e.account_id)
            ORDER BY v.occurred_at_ms DESC, v.id DESC LIMIT 1))"
    )
}

/// Plans a program's credits: statements for one batch. Each accrual becomes one credit of its net amount, less what
/// its partner owes. What was delivered but is no longer owed is clawed back from the customer who has it. Planned
/// amounts are set aside at once, so that nothing else counts on them. If two invocations plan at once, the second
/// aborts.
pub fn plan(program: &ProgramId, now: UtcMillis) -> Vec<Stmt> {
    let since = now.plus_days(-AGAIN_DAYS);
    let bound = |sql: String| Stmt::new(sql).bind(program).bind(since).bind(now).bind(PAGE);
    let mut statements = vec![
        bound(credits()),
        bound(format!(
            "{COLUMNS}, 'debit', accrual_id, number, program_id, partner_id, unit, substr(unit, 8), {}, customer, before, after,
               'planned', ?3, 'taken back', 1, ?3
             FROM (SELECT *, MIN(owed, sent) AS amount FROM (SELECT l.id AS accrual_id, {NUMBER} AS number, l.program_id, l.partner_id, l.unit, l.delivered_cents - l.net_cents AS owed,
                {SENT} AS sent, l.delivered_cents AS before, l.net_cents AS after,
                (SELECT s.customer_id FROM credit_transfer s WHERE s.accrual_id = l.id AND s.kind = 'credit' AND s.state = 'paid'
                  ORDER BY s.number DESC LIMIT 1) AS customer
               FROM {DUE} AND l.net_cents < l.delivered_cents AND {SENT} > 0 ORDER BY l.at_ms, l.id LIMIT ?4))
             WHERE amount >= {}",
            whole("amount", "substr(unit, 8)"),
            step("substr(unit, 8)")
        )),
        // What is no longer on any balance cannot be clawed back: it is owed, and later credits are netted against it.
        Stmt::new(format!(
            "UPDATE accrual SET delivered_cents = net_cents WHERE id IN (SELECT l.id FROM {DUE}
               AND l.net_cents < l.delivered_cents AND {SENT} <= 0)"
        ))
        .bind(program)
        .bind(since),
    ];
    let planned = "credit_transfer s WHERE s.program_id = ?1 AND s.state = 'planned' AND s.attempt = 0";
    let columns = AccountColumns::of("s");
    let of_program = |sql: String| Stmt::new(sql).bind(program);
    statements.extend([
        of_program(columns.ensure(LedgerAccountKind::Redeemed, planned)),
        of_program(format!(
            "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
             SELECT s.id || '.pending', s.accrual_id, '{}', 'pending', {}, s.amount_cents, s.program_id, 'planned',
                    s.created_at_ms
             FROM {planned} AND s.kind = 'credit' AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = s.id || '.pending')",
            TransferCode::Deliver.name(),
            columns.moved(TransferCode::Deliver),
        )),
        of_program(format!(
            "UPDATE accrual SET delivered_cents = n.after_cents FROM (SELECT s.accrual_id, s.before_cents, s.after_cents FROM {planned}) n
             WHERE accrual.id = n.accrual_id AND accrual.delivered_cents = n.before_cents"
        )),
    ]);
    statements
}

/// Credits within their partners' available credit, oldest accrual first. Frozen credit is not counted. What is rounded
/// down stays available, and is delivered with a later one (`rest`).
fn credits() -> String {
    format!(
        "{COLUMNS}, 'credit', accrual_id, number, program_id, partner_id, unit, substr(unit, 8), amount, customer,
           before, after, 'planned', ?3, 'planned', 1, ?3
         FROM (SELECT *, {to} - {from} AS amount FROM (SELECT *, MIN(room, rest + upto) AS upper, MIN(room, rest + upto - change) AS lower
         FROM (SELECT *, MIN({step} - 1, MAX(0, room - SUM(change) OVER (PARTITION BY partner_id, unit))) AS rest,
             SUM(change) OVER (PARTITION BY partner_id, unit ORDER BY at_ms, accrual_id) AS upto
           FROM (SELECT l.id AS accrual_id, {NUMBER} AS number, l.program_id, l.partner_id, l.unit, l.at_ms, l.net_cents - l.delivered_cents AS change,
               l.delivered_cents AS before, l.net_cents AS after, {customer} AS customer,
               a.cr_posted_cents - a.dr_posted_cents - a.dr_pending_cents
                 - COALESCE((SELECT SUM(z.net_cents - z.delivered_cents) FROM accrual z WHERE z.partner_id = l.partner_id AND z.program_id = l.program_id
                     AND z.unit = l.unit AND z.balance = 'available' AND z.state <> 'available' AND z.state IN ('held', 'disputed')), 0) AS room
             FROM partner p, ledger_account a, {DUE} AND l.net_cents > l.delivered_cents AND p.id = l.partner_id
               AND a.id = {available}
               AND a.cr_posted_cents - a.dr_posted_cents - a.dr_pending_cents > 0 AND {customer} IS NOT NULL
             ORDER BY l.at_ms, l.id LIMIT ?4))))
         WHERE amount > 0",
        to = whole("upper", "substr(unit, 8)"),
        from = whole("lower", "substr(unit, 8)"),
        step = step("substr(unit, 8)"),
        customer = customer_of("p.external_id"),
        available = AccountColumns::of("l").account(LedgerAccountKind::Available),
    )
}

/// Nothing was delivered for outbound transfers that failed for good.
pub fn undelivered(ids: &[&PayoutId]) -> Stmt {
    Stmt::new(
        "UPDATE accrual SET delivered_cents = n.before_cents
         FROM (SELECT s.accrual_id, s.before_cents FROM credit_transfer s WHERE s.id IN (SELECT value FROM json_each(?1)) AND s.state = 'failed') n
         WHERE accrual.id = n.accrual_id",
    )
    .json(&ids)
}

/// Queues messages about credits to the operators, each once.
pub fn outbound_notice(tellings: &[NoticeRow], now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO outbox (id, kind, program_id, payload, state, created_at_ms)
         SELECT value ->> '$.id', value ->> '$.kind', s.program_id,
                json_object('credit', s.id, 'accrual_id', s.accrual_id, 'partner', s.partner_id, 'amount_cents', s.amount_cents, 'unit', s.unit,
                  value ->> '$.name', value ->> '$.detail'), 'queued', ?2
         FROM json_each(?1) JOIN credit_transfer s ON s.id = value ->> '$.sending' WHERE true ON CONFLICT (id) DO NOTHING",
    )
    .json(&tellings)
    .bind(now)
}

/// Outbound transfers before the cursor (instant, id), newest first. An empty filter matches all.
pub fn outbound_page(
    state: &str,
    partner: &PartnerId,
    before_ms: i64,
    before_id: &str,
    limit: i64,
) -> Query<OutboundTransfer> {
    Stmt::new(format!(
        "{} WHERE (?1 = '' OR state = ?1) AND (?2 = '' OR partner_id = ?2)
           AND (created_at_ms < ?3 OR (created_at_ms = ?3 AND id < ?4)) ORDER BY created_at_ms DESC, id DESC LIMIT ?5",
        crate::store::payout::CREDIT
    ))
    .bind(state)
    .bind(partner)
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .query()
}

/// The Stripe customer that a partner is, if anybody knows.
#[derive(Clone, Debug, Deserialize)]
pub struct CreditCustomer {
    pub customer: Option<String>,
}

/// The partner's customer, if known.
pub fn customer_find(partner: &PartnerId) -> Query<CreditCustomer> {
    Stmt::new(format!("SELECT {} AS customer FROM partner p WHERE p.id = ?1", customer_of("p.external_id")))
        .bind(partner)
        .query()
}
