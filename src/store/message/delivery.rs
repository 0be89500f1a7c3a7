//! Deliveries: determining each message's recipients, leasing what is due, and recording the results.

use crate::base::ids::{AccountId, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::message::{Audience, MessageType, Need};
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::{Deserialize, Serialize};

/// Messages whose recipients are determined in one batch.
pub const ADDRESS_PAGE: i64 = 1_000;

/// A kind of message and who receives it by email.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DueEmail {
    pub kind: MessageType,
    pub to: Audience,
}

/// What a sweep has to do about messages.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct ToDo {
    /// Messages whose recipients are not determined yet.
    pub unaddressed: i64,
    /// Deliveries that are due, whether or not they can reach someone.
    pub due: i64,
}

pub fn to_do(now: UtcMillis) -> Query<ToDo> {
    Stmt::new(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE addressed_at_ms IS NULL) AS unaddressed,
                EXISTS (SELECT 1 FROM delivery WHERE state = 'queued' AND channel IN ('email', 'webhook') AND next_attempt_at_ms <= ?1) AS due",
    )
    .bind(now)
    .query()
}

/// Whether there are messages whose recipients are not settled.
#[derive(Clone, Debug, Deserialize)]
pub struct Unaddressed {
    pub more: i64,
}

const UNADDRESSED: &str =
    "(SELECT rowid FROM outbox WHERE addressed_at_ms IS NULL ORDER BY rowid LIMIT CAST(?2 AS INTEGER))";

/// Whether the subscription `s` includes the message `o`.
pub const SUBSCRIBES: &str =
    "(s.type = '' OR o.kind = s.type OR substr(o.kind, 1, length(s.type) + 1) = s.type || '.')";

/// Settles to whom the oldest messages go: an email by the table of types, and a webhook to every endpoint that was there
/// before the message and subscribes to its type. The query behind it says whether there are more.
pub fn address(mailed: &[DueEmail], now: UtcMillis) -> ([Stmt; 3], Query<Unaddressed>) {
    let page = |sql: String| Stmt::new(sql).bind(now).bind(ADDRESS_PAGE);
    let writes = [
        page(format!(
            "INSERT INTO delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms)
             SELECT o.id, 'email', k.value ->> '$.to', 'queued', 0, 0, ?1 FROM outbox o JOIN json_each(?3) k ON k.value ->> '$.kind' = o.kind
             WHERE o.rowid IN {UNADDRESSED} AND o.is_emailed = 1 ON CONFLICT DO NOTHING"
        ))
        .json(&mailed),
        page(format!(
            "INSERT INTO delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms)
             SELECT o.id, 'webhook', s.endpoint_id, 'queued', 0, 0, ?1
             FROM outbox o CROSS JOIN subscription s ON s.created_at_ms <= o.created_at_ms AND {SUBSCRIBES}
             WHERE o.rowid IN {UNADDRESSED} ORDER BY o.rowid ON CONFLICT DO NOTHING"
        )),
        page(format!(
            "UPDATE outbox AS o SET addressed_at_ms = ?1, state = {} WHERE rowid IN {UNADDRESSED}",
            state("?3")
        ))
        .json(&required()),
    ];
    (writes, Stmt::new("SELECT EXISTS (SELECT 1 FROM outbox WHERE addressed_at_ms IS NULL) AS more").query())
}

/// Whether the message `o` hands over a credit or takes one back: its accrual's document says that webhooks do.
pub const HANDS_OVER: &str =
    "(o.kind IN ('reward.granted.referrer', 'reward.reversed') AND EXISTS (SELECT 1 FROM accrual l
       JOIN program_version v ON v.program_id = l.program_id AND v.version = l.program_version
       WHERE l.id = o.payload ->> '$.accrual_id' AND v.document ->> '$.settlement.delivery' = 'webhook'))";

/// A leased delivery, with everything needed to make it.
#[derive(Clone, Debug, Deserialize)]
pub struct DueDelivery {
    pub outbox_id: String,
    pub channel: String,
    pub target: String,
    pub round: i64,
    /// Including this one.
    pub attempts: i64,
    pub kind: String,
    pub program_id: ProgramId,
    pub partner_id: Option<PartnerId>,
    /// The partner's id at the host.
    pub external_id: Option<String>,
    pub account_id: Option<AccountId>,
    /// JSON.
    pub payload: String,
    pub created_at_ms: UtcMillis,
    /// Whether the webhook hands over a credit or takes one back.
    pub hands_over: i64,
    /// Of the partner or the account; the operator's is not in the database.
    pub email: Option<String>,
    pub name: Option<String>,
    /// Of the endpoint.
    pub url: Option<String>,
    pub secret: Option<String>,
    pub disabled_at_ms: Option<UtcMillis>,
}

/// Who can be reached by email in the current setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryTarget {
    Nobody,
    /// The operator's address is not set.
    AllButOperator,
    All,
}

/// An endpoint gets the messages about an accrual one after the other, `accrual:<id>.1` first, also if one has to be sent
/// again.
const IN_ORDER: &str =
    "AND NOT (outbox_id GLOB 'accrual:*' AND EXISTS (SELECT 1 FROM delivery p WHERE p.outbox_id > rtrim(delivery.outbox_id, '0123456789')
       AND p.outbox_id < rtrim(delivery.outbox_id, '0123456789') || ':' AND p.channel = 'webhook' AND p.target = delivery.target
       AND p.state = 'queued' AND p.rowid < delivery.rowid))";

/// Leases up to `mails` emails and `hooks` webhooks that are due, longest due first, and reads them. An attempt without
/// a recorded result is due again at `lost_at`. The database processes one lease after the other, so no delivery is in
/// two.
pub fn lease(
    lease: &str,
    reach: DeliveryTarget,
    mails: i64,
    hooks: i64,
    now: UtcMillis,
    lost_at: UtcMillis,
) -> (Vec<Stmt>, Query<DueDelivery>) {
    let take = |channel: &'static str, also: &'static str, limit: i64| {
        Stmt::new(format!(
            "UPDATE delivery SET claim = ?1, attempts = attempts + 1, next_attempt_at_ms = ?3 WHERE rowid IN (
               SELECT rowid FROM delivery WHERE state = 'queued' AND channel = '{channel}' AND next_attempt_at_ms <= ?2 {also}
               ORDER BY next_attempt_at_ms, rowid LIMIT CAST(?4 AS INTEGER))"
        ))
        .bind(lease)
        .bind(now)
        .bind(lost_at)
        .bind(limit)
    };
    let mut statements = vec![take("webhook", IN_ORDER, hooks)];
    match reach {
        DeliveryTarget::Nobody => {}
        DeliveryTarget::AllButOperator => statements.push(take("email", "AND target <> 'operator'", mails)),
        DeliveryTarget::All => statements.push(take("email", "", mails)),
    }
    (statements, leased(lease))
}

/// The latest address that an account gave is used.
fn leased(lease: &str) -> Query<DueDelivery> {
    let person = |column: &str| {
        format!(
            "IIF(d.target = 'partner', (SELECT {column} FROM partner_person WHERE partner_id = o.partner_id),
               IIF(d.target = 'account', (SELECT p.{column} FROM event_person p JOIN event v ON v.id = p.event_id
                 WHERE p.account_id = o.account_id AND p.email IS NOT NULL ORDER BY v.occurred_at_ms DESC, v.id DESC LIMIT 1), NULL))"
        )
    };
    Stmt::new(format!(
        "SELECT d.outbox_id, d.channel, d.target, d.round, d.attempts, o.kind, o.program_id, o.partner_id, o.account_id, o.payload,
                (SELECT external_id FROM partner WHERE id = o.partner_id) AS external_id, o.created_at_ms, {HANDS_OVER} AS hands_over, {} AS email, {} AS name, e.url, e.secret, e.disabled_at_ms
         FROM delivery d JOIN outbox o ON o.id = d.outbox_id LEFT JOIN webhook_endpoint e ON d.channel = 'webhook' AND e.id = d.target
         WHERE d.claim = ?1 ORDER BY o.rowid, d.channel, d.target",
        person("email"),
        person("name")
    ))
    .bind(lease)
    .query()
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeliveryOutcome {
    pub outbox: String,
    pub channel: String,
    pub target: String,
    pub state: &'static str,
    pub attempts: i64,
    pub next_attempt_at_ms: UtcMillis,
    pub error: Option<String>,
    pub sent_at_ms: Option<UtcMillis>,
}

/// Records the results of a lease's attempts, and the resulting states of their messages. Rows that were leased again
/// in the meantime are skipped.
pub fn record(lease: &str, outcomes: &[DeliveryOutcome]) -> [Stmt; 2] {
    [
        Stmt::new(
            "UPDATE delivery SET state = v.state, attempts = v.attempts, next_attempt_at_ms = v.next, last_error = v.error,
               sent_at_ms = COALESCE(v.sent, delivery.sent_at_ms), claim = NULL
             FROM (SELECT value ->> '$.outbox' AS outbox, value ->> '$.channel' AS channel, value ->> '$.target' AS target,
                     value ->> '$.state' AS state, value ->> '$.attempts' AS attempts, value ->> '$.next_attempt_at_ms' AS next,
                     value ->> '$.error' AS error, value ->> '$.sent_at_ms' AS sent FROM json_each(?2)) v
             WHERE delivery.outbox_id = v.outbox AND delivery.channel = v.channel AND delivery.target = v.target
               AND delivery.claim = ?1",
        )
        .bind(lease)
        .json(&outcomes),
        sum_up(&outcomes.iter().map(|o| o.outbox.as_str()).collect::<Vec<_>>()),
    ]
}

/// The state of the message `o`, whose `required` types are in a parameter. It waits while one of its deliveries does;
/// otherwise it has failed if one of them has. It is sent if one has arrived. A credit arrives by webhook alone.
fn state(required: &str) -> String {
    format!(
        "COALESCE((SELECT IIF(SUM(d.state = 'queued') > 0, 'queued', IIF(SUM(d.state = 'failed') > 0, 'failed',
             IIF(SUM(d.state = 'sent' AND (d.channel = 'webhook' OR NOT {HANDS_OVER})) > 0, 'sent', NULL)))
           FROM delivery d WHERE d.outbox_id = o.id),
         IIF(o.kind IN (SELECT value FROM json_each({required})), 'undelivered', 'suppressed'))"
    )
}

/// The types of message that somebody has to receive.
fn required() -> Vec<MessageType> {
    MessageType::ALL.iter().copied().filter(|kind| kind.need() == Need::Required).collect()
}

fn sum_up(messages: &[&str]) -> Stmt {
    Stmt::new(format!("UPDATE outbox AS o SET state = {} WHERE id IN (SELECT value FROM json_each(?1))", state("?2")))
        .json(&messages)
        .json(&required())
}

/// A delivery's target and state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryRow {
    pub channel: String,
    pub target: String,
    pub state: String,
    pub round: i64,
    pub attempts: i64,
    pub next_attempt_at_ms: UtcMillis,
    pub last_error: Option<String>,
    pub sent_at_ms: Option<UtcMillis>,
}

pub fn delivery_list(message: &str) -> Query<DeliveryRow> {
    Stmt::new(
        "SELECT channel, target, state, round, attempts, next_attempt_at_ms, last_error, sent_at_ms FROM delivery
         WHERE outbox_id = ?1 ORDER BY channel, target",
    )
    .bind(message)
    .query()
}

/// Queues deliveries of a message once more: the one to `target` unless it is already waiting, or all that were not
/// delivered.
pub fn replay(message: &str, target: Option<&str>, now: UtcMillis) -> [Stmt; 2] {
    [
        Stmt::new(
            "UPDATE delivery SET state = 'queued', round = round + 1, attempts = 0, next_attempt_at_ms = ?3, claim = NULL
             WHERE outbox_id = ?1 AND state <> 'queued' AND IIF(?2 IS NULL, state <> 'sent', target = ?2)",
        )
        .bind(message)
        .bind(target)
        .bind(now),
        sum_up(&[message]),
    ]
}
