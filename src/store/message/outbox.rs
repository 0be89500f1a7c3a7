//! Messages waiting to be delivered: how each kind gets into the outbox, and the operators' view of it. Nothing in the
//! outbox is lost; its recipients and their progress are in `delivery`.

use crate::base::id;
use crate::base::ids::{AccountId, PartnerId, ProgramId, ReviewId, RunId};
use crate::base::names::names;
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::accrual::Accrual;
use crate::engine::message::{MessageType, NEWS_DAYS};
use crate::store::accrual::adjustment::AdjustmentRow;
use crate::store::health::Backlog;
use crate::store::payout::payee::{reachable, ready};
use crate::store::port::Stmt;
use crate::store::query::{Query, counted};
use crate::store::settlement::page::PartnerPage;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A message about to be queued. The id is derived from its subject, so that it is queued once.
#[derive(Clone, Debug, Serialize)]
pub struct OutboxMessage<'a> {
    pub id: String,
    pub kind: MessageType,
    pub program: &'a ProgramId,
    pub partner: Option<&'a PartnerId>,
    pub account: Option<&'a AccountId>,
    pub payload: Value,
}

/// Queues messages, each once.
pub fn outbox_insert(messages: &[OutboxMessage], now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms)
         SELECT value ->> '$.id', value ->> '$.kind', value ->> '$.program', value ->> '$.partner', value ->> '$.account',
                value -> '$.payload', 'queued', ?2 FROM json_each(?1) WHERE true ON CONFLICT (id) DO NOTHING",
    )
    .json(&messages)
    .bind(now)
}

/// Someone whom the partner referred has signed up.
pub fn joined<'a>(
    program: &'a ProgramId,
    partner: &'a PartnerId,
    account: &'a AccountId,
    signed_up: UtcMillis,
) -> OutboxMessage<'a> {
    OutboxMessage {
        id: id::derived("joi", &[program, partner, account]),
        kind: MessageType::ReferralJoined,
        program,
        partner: Some(partner),
        account: Some(account),
        payload: json!({"signed_up_at_ms": signed_up}),
    }
}

/// An adjustment waits for a second operator.
pub fn adjustment_approval(row: &AdjustmentRow) -> OutboxMessage<'_> {
    OutboxMessage {
        id: format!("adjustment.approval:{}", row.id),
        kind: MessageType::AdjustmentApproval,
        program: &row.program_id,
        partner: Some(&row.partner_id),
        account: Some(&row.account_id).filter(|id| !id.is_empty()),
        payload: json!({"adjustment": row.id, "amount_cents": row.amount_cents, "unit": row.unit, "reason": row.reason, "actor": row.actor}),
    }
}

/// A budget is lower than it should be. Sent once per funding: `fundings` is how many there have been.
pub fn budget_low<'a>(
    program: &'a ProgramId,
    unit: &str,
    balance_cents: i64,
    low_cents: i64,
    waiting: i64,
    fundings: i64,
) -> OutboxMessage<'a> {
    OutboxMessage {
        id: format!("budget.low:{program}:{fundings}"),
        kind: MessageType::BudgetLow,
        program,
        partner: None,
        account: None,
        payload: json!({"unit": unit, "balance_cents": balance_cents, "low_cents": low_cents, "waiting": waiting}),
    }
}

/// A program's weekly funnel report is available at `/v1/reports/funnel`.
pub fn funnel_report<'a>(program: &'a ProgramId, version: i64, week: &str) -> OutboxMessage<'a> {
    let report = format!("/v1/reports/funnel?program={program}&week={week}");
    OutboxMessage {
        id: format!("funnel:{program}:{week}"),
        kind: MessageType::ReportFunnel,
        program,
        partner: None,
        account: None,
        payload: json!({"week": week, "version": version, "report": report}),
    }
}

/// The seal of the ledger, once a month. It is every program's, so the first program's operators get it.
pub fn ledger_report(month: &str, now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO outbox (id, kind, program_id, payload, state, created_at_ms)
         SELECT 'ledger:' || ?1, '{}', COALESCE((SELECT MIN(v.program_id) FROM program_version v), ''),
                json_object('month', ?1, 'head', b.number || ':' || b.hash, 'sealed_at', strftime('%Y-%m-%dT%H:%M:%SZ', b.sealed_at_ms / 1000, 'unixepoch')), 'queued', ?2
         FROM (SELECT number, hash, sealed_at_ms FROM ledger_block ORDER BY number DESC LIMIT 1) b WHERE true ON CONFLICT (id) DO NOTHING",
        MessageType::ReportLedger
    ))
    .bind(month)
    .bind(now)
}

/// The condition for an event that arrived late ([`NEWS_DAYS`]): nothing that follows from it is announced.
pub fn arrived_late(event: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM event e WHERE e.id = {event} AND e.occurred_at_ms + {} <= e.received_at_ms)",
        NEWS_DAYS * DAY_MS
    )
}

/// Queues one message to the referrer and one to the friend for each grant in an executed page of a run.
pub fn outbox_grants(run: &RunId, from_seq: i64, to_seq: i64, now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms)
         SELECT side.value || ':' || i.accrual_id, 'reward.granted.' || side.value, r.program_id, i.partner_id, i.account_id,
                json_object('accrual_id', i.accrual_id, 'unit', i.unit, 'amount_cents', i.posted_cents, 'period', r.period), 'queued', ?4
         FROM run_item i JOIN run r ON r.id = i.run_id, json_each('[\"referrer\",\"referee\"]') side
         WHERE i.run_id = ?1 AND i.seq BETWEEN ?2 AND ?3 AND i.kind = 'grant' AND i.posted_cents > 0
           AND NOT {} ON CONFLICT (id) DO NOTHING",
        arrived_late("i.accrual ->> '$.event_id'")
    ))
    .bind(run)
    .bind(from_seq)
    .bind(to_seq)
    .bind(now)
}

/// Queues the messages for rewards granted outside of a run, which are stored. Only the referrer is notified: the friend
/// does not need step-by-step messages about what they did.
pub fn outbox_rewards(accruals: &[Accrual], now: UtcMillis) -> Stmt {
    let rewards: Vec<Value> = accruals.iter().map(|l| json!({"id": l.id, "amount_cents": l.net_cents})).collect();
    Stmt::new(format!(
        "INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms)
         SELECT 'referrer:' || a.id, '{}', a.program_id, a.partner_id, a.account_id, json_object('accrual_id', a.id, 'unit', a.unit,
                'amount_cents', value ->> '$.amount_cents', 'reward_id', a.reward_id), 'queued', ?2
         FROM json_each(?1) CROSS JOIN accrual a ON a.id = value ->> '$.id' WHERE NOT {} ON CONFLICT (id) DO NOTHING",
        MessageType::RewardGrantedReferrer,
        arrived_late("a.event_id")
    ))
    .json(&rewards)
    .bind(now)
}

/// Queues a message to the operator for each of these reviews that is open and no quiet one. A review is announced only once.
pub fn outbox_reviews(reviews: &[ReviewId], now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms)
         SELECT 'review.opened:' || v.id, 'review.opened', v.program_id, v.partner_id, v.account_id,
                json_object('review', v.id, 'rule', v.rule, 'subject', v.subject, 'holds', v.holds, 'evidence', v.evidence), 'queued', ?2
         FROM review v WHERE v.id IN (SELECT value FROM json_each(?1)) AND v.state = 'open' AND v.is_quiet = 0 ON CONFLICT (id) DO NOTHING",
    )
    .json(&reviews)
    .bind(now)
}

/// Queues a run's statement for every partner of a page with something in it. `payouts` is `ready` if what is payable can be sent,
/// `setup` if the partner has to set up payouts first, and `none` if nothing can be sent.
pub fn outbox_statements(run: &RunId, page: &PartnerPage, is_connected: bool, now: UtcMillis) -> Stmt {
    page.of(run, format!(
        "INSERT INTO outbox (id, kind, program_id, partner_id, payload, state, created_at_ms)
         SELECT 'statement:' || r.id || ':' || p.partner_id || ':' || p.unit, 'statement.commission', r.program_id, p.partner_id,
                json_object('run', r.id, 'period', r.period, 'unit', p.unit, 'settled_cents', p.settled_cents,
                  'pending_cents', p.pending_cents, 'available_cents', p.available_cents, 'payable_cents', p.payable_cents,
                  'payouts', IIF(p.unit NOT GLOB 'cash:*' OR ?5 = 0, 'none', IIF(EXISTS (SELECT 1 FROM payee y WHERE y.partner_id = p.partner_id AND {}), 'ready', IIF({}, 'setup', 'none')))), 'queued', ?4
         FROM run r CROSS JOIN run_partner p ON p.run_id = r.id
         WHERE r.id = ?1 AND p.partner_id > ?2 AND p.partner_id <= ?3 AND r.cadence = 'monthly' AND (p.settled_cents <> 0 OR p.pending_cents <> 0 OR p.available_cents <> 0)
         ON CONFLICT (id) DO NOTHING",
        ready(),
        reachable("p.partner_id")
    ))
    .bind(now)
    .bind(is_connected)
}

/// A message with its deliveries.
#[derive(Clone, Debug, Deserialize)]
pub struct OutboxRow {
    /// Its position, in the order of arrival.
    pub row: i64,
    pub id: String,
    pub kind: String,
    pub program_id: ProgramId,
    pub partner_id: Option<PartnerId>,
    pub account_id: Option<AccountId>,
    /// JSON.
    pub payload: String,
    pub state: String,
    pub created_at_ms: UtcMillis,
    /// When what it says and its deliveries were removed.
    pub emptied_at_ms: Option<UtcMillis>,
    /// A JSON list of `DeliveryRow`.
    pub deliveries: String,
}

/// Messages in the order of their arrival, with the result of each delivery; in one state, or in all.
pub fn outbox_page(state: Option<MessageState>, after: i64, limit: i64) -> Query<OutboxRow> {
    Stmt::new(format!(
        "SELECT o.rowid AS row, o.id, o.kind, o.program_id, o.partner_id, o.account_id, o.payload, o.state, o.created_at_ms, o.emptied_at_ms,
                (SELECT json_group_array(json_object('channel', d.channel, 'target', d.target, 'state', d.state, 'round', d.round,
                   'attempts', d.attempts, 'next_attempt_at_ms', d.next_attempt_at_ms, 'last_error', d.last_error, 'sent_at_ms', d.sent_at_ms))
                 FROM delivery d WHERE d.outbox_id = o.id) AS deliveries
         FROM outbox o WHERE {} o.rowid > ?1 ORDER BY o.rowid LIMIT ?2",
        condition(state)
    ))
    .bind(after)
    .bind(limit)
    .query()
}

/// A message as its page shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct MessageShown {
    pub row: i64,
    pub id: String,
    pub kind: String,
    pub program_id: ProgramId,
    pub partner_id: Option<PartnerId>,
    pub external_id: Option<String>,
    pub name: Option<String>,
    pub account_id: Option<AccountId>,
    pub state: String,
    pub created_at_ms: UtcMillis,
    /// `DeliveryRow`s, as JSON.
    pub deliveries: String,
}

/// The same for people: before the cursor (a row number), newest first, with the partner's name.
pub fn outbox_latest(state: Option<MessageState>, before: i64, limit: i64) -> Query<MessageShown> {
    Stmt::new(format!(
        "SELECT o.rowid AS row, o.id, o.kind, o.program_id, o.partner_id, o.account_id, o.state, o.created_at_ms, p.external_id, x.name,
                (SELECT json_group_array(json_object('channel', d.channel, 'target', d.target, 'state', d.state, 'round', d.round,
                   'attempts', d.attempts, 'next_attempt_at_ms', d.next_attempt_at_ms, 'last_error', d.last_error, 'sent_at_ms', d.sent_at_ms))
                 FROM delivery d WHERE d.outbox_id = o.id) AS deliveries
         FROM outbox o LEFT JOIN partner p ON p.id = o.partner_id LEFT JOIN partner_person x ON x.partner_id = o.partner_id
         WHERE {} o.rowid < ?1 ORDER BY o.rowid DESC LIMIT ?2",
        condition(state)
    ))
    .bind(before)
    .bind(limit)
    .query()
}

names! {
    /// A message's state.
    pub enum MessageState {
        Queued = "queued",
        Sent = "sent",
        Failed = "failed",
        /// Nobody wanted it.
        Suppressed = "suppressed",
        /// Nobody received it, and somebody has to.
        Undelivered = "undelivered",
    }
}

/// Written out, so that SQLite uses the state's index.
fn condition(state: Option<MessageState>) -> String {
    state.map_or(String::new(), |state| format!("o.state = '{state}' AND"))
}

/// The id of a message.
#[derive(Clone, Debug, Deserialize)]
pub struct MessageId {
    pub id: String,
    /// When what it says was removed.
    pub emptied_at_ms: Option<UtcMillis>,
}

pub fn outbox_find(id: &str) -> Query<MessageId> {
    Stmt::new("SELECT id, emptied_at_ms FROM outbox WHERE id = ?1").bind(id).query()
}

pub fn outbox_backlog() -> Query<Backlog> {
    let of = |state: &str| counted(&format!("created_at_ms FROM outbox WHERE state = '{state}' ORDER BY rowid"));
    Stmt::new(format!(
        "SELECT COUNT(*) AS queued, MIN(created_at_ms) AS oldest_ms, (SELECT COUNT(*) FROM {}) AS failed,
                (SELECT COUNT(*) FROM {}) AS undelivered FROM {}",
        of("failed"),
        of("undelivered"),
        of("queued")
    ))
    .query()
}
