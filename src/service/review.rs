//! Deciding a review: release what was held, or reject it, with a reason. The account is recomputed in the same batch.

use crate::base::ids::ReviewId;
use crate::engine::account::decision;
use crate::engine::review::ReviewState;
use crate::engine::review::risk;
use crate::service::account::books;
use crate::service::account::books::PendingEvent;
use crate::service::account::commit::Commit;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::store::account;
use crate::store::port::DbError;
use crate::store::review;
use crate::store::review::ReviewRow;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewDecision {
    Release,
    Reject,
}

impl ReviewDecision {
    fn state(self) -> ReviewState {
        match self {
            ReviewDecision::Release => ReviewState::Released,
            ReviewDecision::Reject => ReviewState::Rejected,
        }
    }
}

/// Decides a review. Repeating the same decision returns the same result; a different one is refused.
pub async fn decide<P: Ports>(
    ctx: &Context<'_, P>,
    id: &ReviewId,
    choice: ReviewDecision,
    reason: &str,
) -> Result<StoredResponse, AppError> {
    ctx.retry(async || {
        let row = ctx.read(review::review_find(id).first()).await?.ok_or_else(|| AppError::not_found("review"))?;
        if row.state == choice.state() {
            return Ok((200, view(&row)));
        }
        if row.state != ReviewState::Open {
            let detail = format!("this review was already {} and can't be changed", row.state);
            return Err(AppError::new(ErrorKind::Conflict, "review_decided", detail).into());
        }
        Ok(attempt(ctx, &row, choice, reason).await?)
    })
    .await
}

async fn attempt<P: Ports>(
    ctx: &Context<'_, P>,
    row: &ReviewRow,
    choice: ReviewDecision,
    reason: &str,
) -> Result<StoredResponse, DbError> {
    let accounts = ctx.read(account::account_find(&row.account_id)).await?;
    let mut books = books::read(ctx, accounts.clone(), &PendingEvent::default()).await?;
    for stored in books.reviews_mut(&row.account_id) {
        if stored.program_id == row.program_id
            && stored.partner_id == row.partner_id
            && stored.rule == row.rule
            && stored.subject == row.subject
        {
            stored.state = choice.state();
            stored.reason = Some(reason.to_owned());
        }
    }
    let mut decided = row.clone();
    decided.state = choice.state();
    decided.reason = Some(reason.to_owned());
    decided.actor = Some(ctx.actor.clone());
    decided.decided_at_ms = Some(ctx.now);
    let (before, after) = (json!({"state": row.state}), json!({"state": decided.state}));
    let mut batch = vec![
        review::review_decide(&row.id, choice.state(), reason, &ctx.actor, ctx.now),
        ctx.audit("review.decide", &row.id, Some(reason), Some(before), Some(after)),
    ];
    let mut commit = Commit::default();
    for account in &accounts {
        let decision = books.with_case(&account.id, ctx.now, decision::decide);
        commit.add(&mut books, account, decision, &row.id);
    }
    batch.extend(commit.statements(ctx.now));
    ctx.batch(batch).await?;
    Ok((200, view(&decided)))
}

pub fn view(r: &ReviewRow) -> Value {
    json!({
        "id": r.id, "program": r.program_id, "partner": r.partner_id, "account": r.account_id, "rule": r.rule,
        "subject": r.subject, "holds": r.holds != 0, "evidence": r.evidence, "state": r.state, "reason": r.reason,
        "note": note(&r.rule), "actor": r.actor, "created_at": r.created_at_ms.to_rfc3339(), "decided_at": r.decided_at_ms.map(|at| at.to_rfc3339()),
    })
}

/// What deciding a review with this rule does not do.
fn note(rule: &str) -> Option<&'static str> {
    (rule == risk::CURRENCY).then_some(
        "Your decision does not change any balance, because amounts are not converted. An invoice in another currency than \
         the program's earns nothing, and a refund in another currency than its invoice's reverses nothing. Add an \
         adjustment, or issue the invoice in the program's currency.",
    )
}
