//! Payouts, their reversals and credits sent to Stripe: what is due, what was decided, and their ledger entries.

pub mod accruals;
pub mod closed;
pub mod found;
pub mod payee;
pub mod plan;
pub mod platform;
pub mod rounding;
pub mod unexpected;

use crate::base::ids::{ActorId, PartnerId, PayoutId, RunId};
use crate::base::time::UtcMillis;
use crate::engine::ledger::account::TransferCode;
use crate::engine::message::MessageType;
use crate::engine::payout::{KEY_TRUSTED_MS, OutboundTransfer, TransferKind};
use crate::store::event::stripe_failed::HOLDS_PAYOUTS;
use crate::store::ledger::account::AccountColumns;
use crate::store::port::Stmt;
use crate::store::query::Query;
use crate::store::restoration::{BEFORE_BACKUP_MS, TRANSFERS_FETCHED};
use serde::{Deserialize, Serialize};

/// Whether `p` is held: by an operator, or because its partner is suspended or banned and nothing was sent yet.
macro_rules! held {
    () => {
        "(p.held = 1 OR (p.state = 'planned' AND EXISTS (SELECT 1 FROM partner q WHERE q.id = p.partner_id AND q.standing <> 'active')))"
    };
}
const HELD: &str = held!();

/// The restoration `s`, if the database that was lost then may have sent what this one has not: before `p` was created or
/// not long ago. What is planned later than that is of periods that the lost one has not seen.
macro_rules! restored_around {
    () => {
        "SELECT 1 FROM restoration s WHERE s.restored_at_ms > p.created_at_ms - 34560000000"
    };
}
macro_rules! look_first {
    () => {
        concat!("EXISTS (", restored_around!(), ")")
    };
}
/// Whether there is one.
pub(crate) const LOOK_FIRST: &str = look_first!();

const PAYOUT: &str = concat!(
    "SELECT 'payout' AS kind, id, run_id AS parent, program_id, partner_id, unit, currency, planned_cents, amount_cents, carried_cents,
   destination AS target, revision, state, ",
    held!(),
    " AS held, request, attempt, tries, first_sent_at_ms, due_at_ms, refusal, reason,
   transfer_id AS stripe_id, paid_at_ms AS done_at_ms, created_at_ms, ",
    look_first!(),
    " AS look_first FROM payout p"
);

const REVERSAL: &str = concat!(
    "SELECT 'reversal' AS kind, id, payout_id AS parent, program_id, partner_id, unit, currency, amount_cents AS planned_cents, amount_cents, NULL AS carried_cents,
   transfer_id AS target, revision, state, held, request, attempt, tries, first_sent_at_ms, due_at_ms, refusal, reason,
   reversal_id AS stripe_id, reversed_at_ms AS done_at_ms, created_at_ms, ",
    look_first!(),
    " AS look_first FROM payout_reversal p"
);

pub(crate) const CREDIT: &str = concat!(
    "SELECT kind, id, accrual_id AS parent, program_id, partner_id, unit, currency, amount_cents AS planned_cents, amount_cents, NULL AS carried_cents,
   customer_id AS target, revision, state, ",
    held!(),
    " AS held, request, attempt, tries, first_sent_at_ms, due_at_ms, refusal, reason,
   transaction_id AS stripe_id, delivered_at_ms AS done_at_ms, created_at_ms, ",
    look_first!(),
    " AS look_first FROM credit_transfer p"
);

/// A payout of a restored database waits until it is known which transfers the lost one made; as long as one of these could
/// not be taken in; and as long as one to the same account has no payout here: it may have paid what this payout would pay.
/// Its run is started first, or an operator acknowledges it.
fn awaits_lost() -> String {
    format!(
        "EXISTS ({} AND (s.restored_at_ms > COALESCE((SELECT finished_at_ms FROM heartbeat WHERE job = '{TRANSFERS_FETCHED}'), 0)
           OR EXISTS (SELECT 1 FROM stripe_failure WHERE {HOLDS_PAYOUTS})
           OR EXISTS (SELECT 1 FROM reported_transfer t WHERE t.acknowledged_at_ms IS NULL AND t.made_at_ms >= s.taken_at_ms - {BEFORE_BACKUP_MS}
             AND t.destination = p.destination AND NOT EXISTS (SELECT 1 FROM payout o WHERE o.id = t.transfer_group))))",
        restored_around!()
    )
}

fn select(kind: TransferKind) -> &'static str {
    match kind {
        TransferKind::Payout => PAYOUT,
        TransferKind::Reversal => REVERSAL,
        TransferKind::Credit | TransferKind::Debit => CREDIT,
    }
}

/// What is due, longest first. A payout that is only planned needs its run's approval: always with `manual`; with
/// `until_first` if its program had none when it was planned.
pub fn transfer_due_list(kind: TransferKind, approval: &str, now: UtcMillis, limit: i64) -> Query<OutboundTransfer> {
    let approved = match kind {
        TransferKind::Reversal => "?3 = ?3".to_owned(),
        TransferKind::Credit => "?3 = ?3 AND kind = 'credit'".to_owned(),
        TransferKind::Debit => "?3 = ?3 AND kind = 'debit'".to_owned(),
        TransferKind::Payout => {
            // Once all of its run's payouts are planned.
            format!("(state = 'submitting' OR (SELECT state FROM run r WHERE r.id = p.run_id) <> 'closing')
             AND NOT {}
             AND (state = 'submitting' OR ?3 = 'automatic' OR run_id IN (SELECT run_id FROM payout_approval)
              OR (?3 = 'until_first' AND EXISTS (SELECT 1 FROM payout_approval a WHERE a.program_id = p.program_id AND a.at_ms <= p.created_at_ms)))", awaits_lost())
        }
    };
    let held = if matches!(kind, TransferKind::Reversal | TransferKind::Debit) { "p.held = 1" } else { HELD };
    Stmt::new(format!(
        "{} WHERE state IN ('planned', 'submitting') AND due_at_ms <= ?1 AND {approved}
           AND (NOT {held} OR (state = 'submitting' AND (refusal IS NOT NULL OR (tries > 0 AND first_sent_at_ms <= ?2))))
         ORDER BY due_at_ms, id LIMIT ?4",
        select(kind)
    ))
    .bind(now)
    .bind(now.plus_ms(-KEY_TRUSTED_MS))
    .bind(approval)
    .bind(limit)
    .query()
}

/// The kinds for which something is due, whether or not it may be sent.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Due {
    pub payouts: i64,
    pub reversals: i64,
    pub credits: i64,
}

impl Due {
    pub fn has(self, kind: TransferKind) -> bool {
        1 == match kind {
            TransferKind::Payout => self.payouts,
            TransferKind::Reversal => self.reversals,
            TransferKind::Credit | TransferKind::Debit => self.credits,
        }
    }
}

pub fn kinds_due(now: UtcMillis) -> Query<Due> {
    let due = "state IN ('planned', 'submitting') AND due_at_ms <= ?1";
    Stmt::new(format!(
        "SELECT EXISTS (SELECT 1 FROM payout WHERE {due}) AS payouts, EXISTS (SELECT 1 FROM payout_reversal WHERE {due}) AS reversals,
                EXISTS (SELECT 1 FROM credit_transfer WHERE {due}) AS credits"
    ))
    .bind(now)
    .query()
}

pub fn outbound_find(kind: TransferKind, ids: &[PayoutId]) -> Query<OutboundTransfer> {
    Stmt::new(format!("{} WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id", select(kind))).json(&ids).query()
}

/// The payout that made a transfer, or the one with the transfer's group.
pub fn outbound_of_transfer(transfer: &str, group: &str) -> Query<OutboundTransfer> {
    Stmt::new(format!("{PAYOUT} WHERE transfer_id = ?1 OR id = ?2 ORDER BY transfer_id IS ?1 DESC LIMIT 1"))
        .bind(transfer)
        .bind(group)
        .query()
}

/// The reversals of a payout, oldest first.
pub fn reversal_list(payout: &PayoutId) -> Query<OutboundTransfer> {
    Stmt::new(format!("{REVERSAL} WHERE payout_id = ?1 ORDER BY created_at_ms, id")).bind(payout).query()
}

/// Payouts before the cursor (instant, id), newest first. An empty filter matches all; `held` is a state here.
pub fn payout_page(
    run: &RunId,
    state: &str,
    partner: &PartnerId,
    before_ms: i64,
    before_id: &str,
    limit: i64,
) -> Query<OutboundTransfer> {
    // An unused filter is left out: otherwise no index of the others is used.
    let of_run = if run.is_empty() { "?1 = ''" } else { "run_id = ?1" };
    let of_partner = if partner.is_empty() { "?3 = ''" } else { "partner_id = ?3" };
    Stmt::new(format!(
        "{PAYOUT} WHERE {of_run} AND {of_partner}
           AND (?2 = '' OR (?2 = 'held' AND {HELD} AND state IN ('planned', 'submitting')) OR (state = ?2 AND (NOT {HELD} OR state NOT IN ('planned', 'submitting'))))
           AND (created_at_ms < ?4 OR (created_at_ms = ?4 AND id < ?5)) ORDER BY created_at_ms DESC, id DESC LIMIT ?6"
    ))
    .bind(run)
    .bind(state)
    .bind(partner)
    .bind(before_ms)
    .bind(before_id)
    .bind(limit).query()
}

/// Writes outbound transfers of one kind as decided, each at the revision at which it was read. The batch aborts if one
/// of them has another revision by now.
pub fn outbound_write(kind: TransferKind, sendings: &[&OutboundTransfer]) -> Stmt {
    let (table, stripe_id, done_at) = match kind {
        TransferKind::Payout => ("payout", "transfer_id", "paid_at_ms"),
        TransferKind::Reversal => ("payout_reversal", "reversal_id", "reversed_at_ms"),
        TransferKind::Credit | TransferKind::Debit => ("credit_transfer", "transaction_id", "delivered_at_ms"),
    };
    Stmt::new(format!(
        "UPDATE {table} SET revision = n.revision + 1, state = n.state, held = n.held, request = n.request, attempt = n.attempt,
           tries = n.tries, first_sent_at_ms = n.first_sent_at_ms, due_at_ms = n.due_at_ms, refusal = n.refusal, reason = n.reason,
           {stripe_id} = n.stripe_id, {done_at} = n.done_at_ms
         FROM (SELECT value ->> '$.id' AS id, value ->> '$.revision' AS revision, value ->> '$.state' AS state, value ->> '$.held' AS held,
             value ->> '$.request' AS request, value ->> '$.attempt' AS attempt, value ->> '$.tries' AS tries,
             value ->> '$.first_sent_at_ms' AS first_sent_at_ms, value ->> '$.due_at_ms' AS due_at_ms, value ->> '$.refusal' AS refusal,
             value ->> '$.reason' AS reason, value ->> '$.stripe_id' AS stripe_id, value ->> '$.done_at_ms' AS done_at_ms
           FROM json_each(?1)) n
         WHERE {table}.id = n.id"
    ))
    .json(&sendings)
}

/// The ledger rows of finished outbound transfers. A payout's pending row is posted or voided. A reversal is posted
/// under the id of Stripe's reversal, no matter who reports it first. Credits are like payouts, and their debits are
/// posted once they are done.
pub fn transfer_post(kind: TransferKind, ids: &[&PayoutId], actor: &ActorId, now: UtcMillis) -> Stmt {
    let sql = match kind {
        TransferKind::Payout => {
            "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, pending_id, program_id, run_id, actor, reason, created_at_ms)
             SELECT p.id || IIF(p.state = 'paid', '.post', '.void'), 'payout', IIF(p.state = 'paid', 'post', 'void'), t.debit, t.credit,
                    IIF(p.state = 'paid', p.amount_cents, 0), t.id, p.program_id, p.run_id, ?2, p.reason, ?3
             FROM payout p JOIN transfer t ON t.id = p.reserved_id
             WHERE p.id IN (SELECT value FROM json_each(?1)) AND p.state IN ('paid', 'failed', 'cancelled')"
                .to_owned()
        }
        TransferKind::Reversal => {
            "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, actor, reason, created_at_ms)
             SELECT r.reversal_id, 'payout_return', 'single', t.credit, t.debit, r.amount_cents, r.program_id, ?2, r.reason, ?3
             FROM payout_reversal r JOIN transfer t ON t.id = r.payout_id || '.pending'
             WHERE r.id IN (SELECT value FROM json_each(?1)) AND r.state = 'paid'"
                .to_owned()
        }
        TransferKind::Credit => {
            "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, pending_id, program_id, actor, reason, created_at_ms)
             SELECT p.id || IIF(p.state = 'paid', '.post', '.void'), t.accrual_id, 'deliver', IIF(p.state = 'paid', 'post', 'void'), t.debit, t.credit,
                    IIF(p.state = 'paid', p.amount_cents, 0), t.id, p.program_id, ?2, p.reason, ?3
             FROM credit_transfer p JOIN transfer t ON t.id = p.id || '.pending'
             WHERE p.id IN (SELECT value FROM json_each(?1)) AND p.state IN ('paid', 'failed', 'cancelled')"
                .to_owned()
        }
        TransferKind::Debit => {
            format!(
                "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, actor, reason, created_at_ms)
                 SELECT p.id || '.return', p.accrual_id, '{}', 'single', {}, p.amount_cents, p.program_id, ?2, p.reason, ?3
                 FROM credit_transfer p WHERE p.id IN (SELECT value FROM json_each(?1)) AND p.state = 'paid'",
                TransferCode::DeliverReturn.name(),
                AccountColumns::of("p").moved(TransferCode::DeliverReturn),
            )
        }
    };
    Stmt::new(sql).json(&ids).bind(actor).bind(now)
}

/// A reversal that Stripe reports.
#[derive(Clone, Debug, Serialize)]
pub struct PayoutReversalRow {
    pub id: String,
    pub transfer: String,
    pub amount_cents: i64,
}

/// Posts reversals of our transfers, each once, no matter who requested them.
pub fn return_insert(returned: &[PayoutReversalRow], actor: &ActorId, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, actor, reason, created_at_ms)
         SELECT value ->> '$.id', 'payout_return', 'single', t.credit, t.debit, value ->> '$.amount_cents', p.program_id, ?2,
                'reversed at Stripe: ' || p.transfer_id, ?3
         FROM json_each(?1) JOIN payout p ON p.transfer_id = value ->> '$.transfer' JOIN transfer t ON t.id = p.id || '.pending'",
    )
    .json(&returned)
    .bind(actor)
    .bind(now)
}

/// A reversal that an operator requested, about to be sent. More than is left of the transfer aborts the batch.
pub fn reversal_insert(s: &OutboundTransfer, actor: &ActorId) -> Stmt {
    Stmt::new(
        "INSERT INTO payout_reversal (id, payout_id, program_id, partner_id, unit, currency, amount_cents, transfer_id, state,
           due_at_ms, reason, revision, actor, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'planned', ?9, ?10, 1, ?11, ?9)",
    )
    .bind(&s.id)
    .bind(&s.parent)
    .bind(&s.program_id)
    .bind(&s.partner_id)
    .bind(&s.unit)
    .bind(&s.currency)
    .bind(s.amount_cents.0)
    .bind(&s.target)
    .bind(s.created_at_ms)
    .bind(&s.reason)
    .bind(actor)
}

/// A message about an outbound transfer. `partner`: to its partner, otherwise to the operators.
#[derive(Clone, Debug, Serialize)]
pub struct NoticeRow<'a> {
    pub id: String,
    pub kind: MessageType,
    pub sending: &'a PayoutId,
    pub to_partner: bool,
    /// The name of the field that contains `detail`.
    pub name: &'static str,
    pub detail: &'a str,
}

/// Queues messages about payouts and their reversals, each once.
pub fn outbound_notice(tellings: &[NoticeRow], now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO outbox (id, kind, program_id, partner_id, payload, state, created_at_ms)
         SELECT value ->> '$.id', value ->> '$.kind', p.program_id, IIF(value ->> '$.to_partner', p.partner_id, NULL),
                json_object('payout', value ->> '$.sending', 'amount_cents', COALESCE((SELECT v.amount_cents FROM payout_reversal v WHERE v.id = value ->> '$.sending'), p.amount_cents),
                  'unit', p.unit, 'period', r.period,
                  value ->> '$.name', value ->> '$.detail'), 'queued', ?2
         FROM json_each(?1)
         JOIN payout p ON p.id = COALESCE((SELECT payout_id FROM payout_reversal v WHERE v.id = value ->> '$.sending'), value ->> '$.sending')
         JOIN run r ON r.id = p.run_id WHERE true ON CONFLICT (id) DO NOTHING",
    )
    .json(&tellings)
    .bind(now)
}
