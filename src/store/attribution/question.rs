//! Partners' questions about accounts that were not credited to them, and the operators' replies.

use crate::base::ids::{ActorId, PartnerId, ProgramId, QuestionId};
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::message::MessageType;
use crate::store::port::Stmt;
use crate::store::query::{Query, counted};
use serde::{Deserialize, Serialize};

/// Questions of a partner in one day (UTC). `credit_question.place` has the same limit.
pub const PER_DAY: i64 = 10;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuestionRow {
    pub id: QuestionId,
    pub partner_id: PartnerId,
    pub program_id: ProgramId,
    pub code: String,
    pub about: String,
    /// JSON: sentences.
    pub answer: String,
    pub message: Option<String>,
    pub sent_at_ms: Option<UtcMillis>,
    pub reply: Option<String>,
    pub replied_by: Option<ActorId>,
    pub replied_at_ms: Option<UtcMillis>,
    pub created_at_ms: UtcMillis,
}

const COLUMNS: &str = "id, partner_id, program_id, code, about, answer, message, sent_at_ms, reply, replied_by, replied_at_ms, created_at_ms";

/// The id of a row that was written.
#[derive(Clone, Debug, Deserialize)]
pub struct WrittenQuestion {
    pub id: QuestionId,
}

/// Stores a question, if its partner has one left on this day.
pub fn question_insert(
    id: &QuestionId,
    partner: &PartnerId,
    program: &ProgramId,
    [code, about]: [&str; 2],
    now: UtcMillis,
) -> Query<WrittenQuestion> {
    Stmt::new(format!(
        "INSERT INTO credit_question (id, partner_id, program_id, day, place, code, about, answer, created_at_ms)
         SELECT ?1, ?2, ?3, CAST(?6 AS INTEGER), n.questions + 1, ?4, ?5, '[]', ?7
         FROM (SELECT COUNT(*) AS questions FROM credit_question WHERE partner_id = ?2 AND day = CAST(?6 AS INTEGER)) n
         WHERE n.questions < {PER_DAY} RETURNING id"
    ))
    .bind(id)
    .bind(partner)
    .bind(program)
    .bind(code)
    .bind(about)
    .bind(now.0.div_euclid(DAY_MS))
    .bind(now)
    .query()
}

/// How many questions a partner has asked on a day.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct QuestionCount {
    pub questions: i64,
}

pub fn question_count(partner: &PartnerId, now: UtcMillis) -> Query<QuestionCount> {
    Stmt::new("SELECT COUNT(*) AS questions FROM credit_question WHERE partner_id = ?1 AND day = CAST(?2 AS INTEGER)")
        .bind(partner)
        .bind(now.0.div_euclid(DAY_MS))
        .query()
}

/// Keeps what the partner read.
pub fn question_answer(id: &QuestionId, sentences: &[String]) -> Stmt {
    Stmt::new("UPDATE credit_question SET answer = ?2 WHERE id = ?1").bind(id).json(&sentences)
}

/// Sends a partner's question to the operators. A second time aborts.
pub fn question_send(
    id: &QuestionId,
    partner: &PartnerId,
    message: &str,
    now: UtcMillis,
) -> [Query<WrittenQuestion>; 2] {
    let sent = Stmt::new(
        "UPDATE credit_question SET message = ?3, sent_at_ms = ?4 WHERE id = ?1 AND partner_id = ?2 RETURNING id",
    );
    [sent.bind(id).bind(partner).bind(message).bind(now).query(), notice(id, MessageType::AttributionQuestion, now)]
}

/// Keeps an operator's reply. A second one aborts.
pub fn question_reply(id: &QuestionId, reply: &str, actor: &ActorId, now: UtcMillis) -> [Query<WrittenQuestion>; 2] {
    let replied = Stmt::new(
        "UPDATE credit_question SET reply = ?2, replied_by = ?3, replied_at_ms = ?4
         WHERE id = ?1 AND sent_at_ms IS NOT NULL RETURNING id",
    );
    [replied.bind(id).bind(reply).bind(actor).bind(now).query(), notice(id, MessageType::AttributionReply, now)]
}

/// Queues the message about a question that was just sent or replied to.
fn notice(id: &QuestionId, kind: MessageType, now: UtcMillis) -> Query<WrittenQuestion> {
    let at = if kind == MessageType::AttributionReply { "replied_at_ms" } else { "sent_at_ms" };
    Stmt::new(format!(
        "INSERT INTO outbox (id, kind, program_id, partner_id, payload, state, created_at_ms)
         SELECT '{kind}:' || q.id, '{kind}', q.program_id, q.partner_id, json_object('question', q.id, 'code', q.code, 'about', q.about,
           'answer', json(q.answer), 'message', q.message, 'reply', q.reply), 'queued', ?2
         FROM credit_question q WHERE q.id = ?1 AND q.{at} = ?2 ON CONFLICT (id) DO NOTHING RETURNING id"
    ))
    .bind(id)
    .bind(now)
    .query()
}

fn select(rest: &str) -> Stmt {
    Stmt::new(format!("SELECT {COLUMNS} FROM credit_question {rest}"))
}

pub fn question_find(id: &QuestionId) -> Query<QuestionRow> {
    select("WHERE id = ?1").bind(id).query()
}

/// A partner's own question.
pub fn question_of_partner(id: &QuestionId, partner: &PartnerId) -> Query<QuestionRow> {
    select("WHERE id = ?1 AND partner_id = ?2").bind(id).bind(partner).query()
}

/// A partner's latest questions.
pub fn question_latest(partner: &PartnerId, limit: i64) -> Query<QuestionRow> {
    select("WHERE partner_id = ?1 ORDER BY day DESC, place DESC LIMIT ?2").bind(partner).bind(limit).query()
}

/// Questions that were sent to the operators, before the cursor (instant, id), newest first.
pub fn question_page(only_open: bool, before_ms: i64, before_id: &str, limit: i64) -> Query<QuestionRow> {
    let of = if only_open { "AND replied_at_ms IS NULL" } else { "" };
    select(&format!(
        "WHERE sent_at_ms IS NOT NULL {of} AND sent_at_ms <= ?1 AND (sent_at_ms < ?1 OR id < ?2)
         ORDER BY sent_at_ms DESC, id DESC LIMIT ?3"
    ))
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .query()
}

/// The questions that wait for a reply, and since when.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct OpenQuestions {
    pub open: i64,
    pub oldest_ms: Option<UtcMillis>,
}

pub fn question_open() -> Query<OpenQuestions> {
    let open = "sent_at_ms FROM credit_question WHERE sent_at_ms IS NOT NULL AND replied_at_ms IS NULL ORDER BY sent_at_ms, id";
    Stmt::new(format!("SELECT COUNT(*) AS open, MIN(sent_at_ms) AS oldest_ms FROM {}", counted(open))).query()
}
