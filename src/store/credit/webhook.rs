//! Paying out credits by webhook: `reward.granted` hands a credit over, `reward.reversed` claws it back. This file has
//! the messages that are due, and the ledger entries of those that were delivered.

use crate::base::ids::{ActorId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::ledger::account::{LedgerAccountKind, TransferCode};
use crate::engine::message::MessageType;
use crate::store::ledger::account::AccountColumns;
use crate::store::message::delivery::{HANDS_OVER, SUBSCRIBES};
use crate::store::message::outbox::arrived_late;
use crate::store::port::Stmt;

/// Accruals announced in one batch.
const PAGE: i64 = 200;

/// An accrual's messages are sent one after the other: until one is delivered, the next would not know what it changes.
/// The ids of an accrual's messages are `referrer:<accrual>`, `referrer:<accrual>.<n>` and `reversed:<accrual>.<n>`.
const SETTLED: &str =
    "NOT EXISTS (SELECT 1 FROM outbox o WHERE ((o.id >= 'referrer:' || l.id AND o.id < 'referrer:' || l.id || '/')
        OR (o.id >= 'reversed:' || l.id AND o.id < 'reversed:' || l.id || '/'))
      AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = 'delivered:' || o.id))";

/// The first conditions repeat those of the index `accrual_undelivered`, so that SQLite uses it. Credits of document
/// versions with another delivery were handed over, or are kept, in another way.
const DUE: &str = "accrual l JOIN program_version v ON v.program_id = l.program_id AND v.version = l.program_version
    WHERE l.program_id = ?1 AND l.balance = 'available' AND l.net_cents <> l.delivered_cents AND substr(l.unit, 1, 7) = 'credit:'
      AND l.state NOT IN ('held', 'disputed') AND v.document ->> '$.settlement.delivery' = 'webhook'";

/// Queues what is due, with an email unless the event arrived late: credits that no run or event has announced, the part of delivered ones that is no longer owed, and
/// what no endpoint has received.
pub fn plan(program: &ProgramId, now: UtcMillis) -> [Stmt; 4] {
    let queue = |kind: MessageType, id: &str, amount: &str, only: &str| {
        Stmt::new(format!(
            "INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms, is_emailed)
             SELECT {id}, '{kind}', l.program_id, l.partner_id, l.account_id,
                    json_object('accrual_id', l.id, 'unit', l.unit, 'amount_cents', {amount}, 'reward_id', l.reward_id, 'reason', l.reason), 'queued', ?2,
                    NOT {late} FROM {DUE} AND {only} AND {SETTLED} ORDER BY l.at_ms, l.id LIMIT ?3",
            late = arrived_late("l.event_id")
        ))
        .bind(program)
        .bind(now)
        .bind(PAGE)
    };
    let first = "'referrer:' || l.id || IIF(EXISTS (SELECT 1 FROM outbox o WHERE o.id = 'referrer:' || l.id), '.' || l.postings, '')";
    let [hand_over, requeue] = hand_over(program, now);
    [
        hand_over,
        requeue,
        queue(
            MessageType::RewardGrantedReferrer,
            first,
            "l.net_cents - l.delivered_cents",
            "l.net_cents > l.delivered_cents",
        ),
        queue(
            MessageType::RewardReversed,
            "'reversed:' || l.id || '.' || l.postings",
            "l.delivered_cents - l.net_cents",
            &format!("l.net_cents < l.delivered_cents AND (l.gross_cents >= 0 OR {})", received_as_much()),
        ),
    ]
}

/// Whether the application has received as much as is to be taken back: an operator may take more than was ever earned.
fn received_as_much() -> String {
    let redeemed = AccountColumns::of("l").account(LedgerAccountKind::Redeemed);
    format!(
        "(SELECT SUM(d.delivered_cents - d.net_cents) FROM accrual d WHERE d.partner_id = l.partner_id AND d.program_id = l.program_id
           AND d.unit = l.unit AND d.balance = 'available' AND d.net_cents < d.delivered_cents)
         <= (SELECT a.cr_posted_cents - a.dr_posted_cents FROM ledger_account a WHERE a.id = {redeemed})"
    )
}

/// Queues messages that no endpoint has received for those that were not there when they were queued.
fn hand_over(program: &ProgramId, now: UtcMillis) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "INSERT INTO delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms)
             SELECT o.id, 'webhook', s.endpoint_id, 'queued', 0, 0, ?2 FROM outbox o CROSS JOIN subscription s ON {SUBSCRIBES}
             WHERE o.state IN ('undelivered', 'failed') AND o.program_id = ?1 AND {HANDS_OVER} AND NOT EXISTS (SELECT 1 FROM delivery d
               WHERE d.outbox_id = o.id AND d.channel = 'webhook' AND (d.state = 'sent' OR d.target = s.endpoint_id))
             ORDER BY o.rowid LIMIT ?3 ON CONFLICT DO NOTHING"
        ))
        .bind(program)
        .bind(now)
        .bind(PAGE),
        Stmt::new(
            "UPDATE outbox SET state = 'queued' WHERE state IN ('undelivered', 'failed')
               AND EXISTS (SELECT 1 FROM delivery d WHERE d.outbox_id = outbox.id AND d.state = 'queued')",
        ),
    ]
}

/// Posts the credits of delivered messages, each once, no matter who received them first and how often.
pub fn record(messages: &[String], actor: &ActorId, now: UtcMillis) -> [Stmt; 3] {
    let announced =
        "outbox o JOIN accrual l ON l.id = o.payload ->> '$.accrual_id' WHERE o.id IN (SELECT value FROM json_each(?1))
          AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = 'delivered:' || o.id)";
    let columns = AccountColumns::of("l");
    let (available, redeemed) =
        (columns.account(LedgerAccountKind::Available), columns.account(LedgerAccountKind::Redeemed));
    let is_reversal = format!("o.kind = '{}'", MessageType::RewardReversed);
    let (delivered, returned) = (TransferCode::Deliver.name(), TransferCode::DeliverReturn.name());
    [
        Stmt::new(columns.ensure(LedgerAccountKind::Redeemed, announced))
        .json(&messages),
        Stmt::new(format!(
            "UPDATE accrual SET delivered_cents = delivered_cents + n.cents
             FROM (SELECT l.id, SUM(IIF({is_reversal}, -1, 1) * (o.payload ->> '$.amount_cents')) AS cents FROM {announced} GROUP BY l.id) n
             WHERE accrual.id = n.id"
        ))
        .json(&messages),
        Stmt::new(format!(
            "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, actor, reason, created_at_ms)
             SELECT 'delivered:' || o.id, l.id, IIF({is_reversal}, '{returned}', '{delivered}'), 'single',
                    IIF({is_reversal}, {redeemed}, {available}), IIF({is_reversal}, {available}, {redeemed}),
                    o.payload ->> '$.amount_cents', l.program_id, ?2, 'the webhook arrived', ?3 FROM {announced}"
        ))
        .json(&messages)
        .bind(actor)
        .bind(now),
    ]
}
