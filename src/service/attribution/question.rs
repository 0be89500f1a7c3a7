//! Partners' questions: ten a day, each with what the page answered; one that is sent on reaches the operators, who reply.

use crate::base::ids::{PartnerId, ProgramId, QuestionId};
use crate::base::time::{DAY_MS, UtcMillis};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::attribution::question;
use crate::store::attribution::question::QuestionRow;
use serde_json::json;

/// Longest message, and longest reply.
pub const MESSAGE_CHARS_MAX: usize = 1_000;

/// When a partner who has asked often enough may ask again: at the next day's beginning (UTC).
pub fn next_day(now: UtcMillis) -> UtcMillis {
    UtcMillis((now.0.div_euclid(DAY_MS) + 1) * DAY_MS)
}

/// Counts a question before it is answered. `None`: the partner has none left today.
pub async fn ask<P: Ports>(
    ctx: &Context<'_, P>,
    partner: &PartnerId,
    program: &ProgramId,
    what: [&str; 2],
) -> Result<Option<QuestionId>, AppError> {
    let id = QuestionId::from(ctx.fresh_id("que"));
    let written =
        ctx.retry(async || Ok(ctx.read(question::question_insert(&id, partner, program, what, ctx.now)).await?));
    Ok(written.await?.into_iter().next().map(|row| row.id))
}

/// Keeps what the partner reads.
pub async fn answer<P: Ports>(ctx: &Context<'_, P>, id: &QuestionId, sentences: &[String]) -> Result<(), AppError> {
    ctx.batch(vec![question::question_answer(id, sentences)]).await?;
    Ok(())
}

/// Sends a partner's own question to the operators. Sending it again changes nothing.
pub async fn send<P: Ports>(
    ctx: &Context<'_, P>,
    partner: &PartnerId,
    id: &QuestionId,
    message: &str,
) -> Result<(), AppError> {
    check("message", message)?;
    ctx.retry(async || {
        let found = ctx.read(question::question_of_partner(id, partner).first()).await?;
        if found.ok_or_else(missing)?.sent_at_ms.is_some() {
            return Ok(());
        }
        let [sent, notice] = question::question_send(id, partner, message, ctx.now);
        let audit = ctx.audit("question.send", id, None, None, Some(json!({"partner": partner})));
        ctx.batch(vec![sent.statement, notice.statement, audit]).await?;
        Ok(())
    })
    .await
}

/// Replies to a question. The same reply again changes nothing, another one is refused.
pub async fn reply<P: Ports>(ctx: &Context<'_, P>, id: &QuestionId, reply: &str) -> Result<(), AppError> {
    check("reply", reply)?;
    ctx.retry(async || {
        let found = ctx.read(question::question_find(id).first()).await?;
        let found: QuestionRow = found.filter(|q| q.sent_at_ms.is_some()).ok_or_else(missing)?;
        match &found.reply {
            Some(known) if known == reply => return Ok(()),
            Some(_) => {
                let detail = "the question was replied to already";
                return Err(AppError::new(ErrorKind::Conflict, "already_decided", detail).into());
            }
            None => {}
        }
        let [replied, notice] = question::question_reply(id, reply, &ctx.actor, ctx.now);
        let audit = ctx.audit("question.reply", id, None, None, Some(json!({"partner": found.partner_id})));
        ctx.batch(vec![replied.statement, notice.statement, audit]).await?;
        Ok(())
    })
    .await
}

fn missing() -> AppError {
    AppError::not_found("question")
}

fn check(field: &str, text: &str) -> Result<(), AppError> {
    if text.trim().is_empty() || text.chars().count() > MESSAGE_CHARS_MAX {
        let detail = format!("must have 1 to {MESSAGE_CHARS_MAX} characters");
        return Err(AppError::new(ErrorKind::Unprocessable, "malformed", detail).field(field));
    }
    Ok(())
}
