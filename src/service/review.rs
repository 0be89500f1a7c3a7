//! Deciding a review: release what was held, or reject it, with a reason. The account is recomputed in the same batch.

use crate::base::ids::ReviewId;
use crate::base::time::UtcMillis;
use crate::codec::operator::ReviewDecision as Decided;
use crate::engine::account::closing;
use crate::engine::review::ReviewState;
use crate::engine::review::risk;
use crate::service::account::books;
use crate::service::account::books::PendingEvent;
use crate::service::account::commit::Commit;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::retry::Failed;
use crate::store::account;
use crate::store::account::{BoundRow, SharedMark};
use crate::store::event::FactReads;
use crate::store::review::ReviewRow;
use crate::store::{program, review};
use serde_json::{Value, json};
use std::slice;

/// After every sign-up, and exact in D1.
const ALWAYS: UtcMillis = UtcMillis((1 << 53) - 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewDecision {
    Release,
    /// Release, and the email domain is one organization: its accounts are not held for their number again.
    ReleaseDomain,
    Reject,
}

impl ReviewDecision {
    /// What a request asks for.
    pub fn of(body: &Decided) -> ReviewDecision {
        match (body.release, body.organization) {
            (true, true) => ReviewDecision::ReleaseDomain,
            (true, false) => ReviewDecision::Release,
            (false, _) => ReviewDecision::Reject,
        }
    }

    fn state(self) -> ReviewState {
        match self {
            ReviewDecision::Release | ReviewDecision::ReleaseDomain => ReviewState::Released,
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
        if choice == ReviewDecision::ReleaseDomain && row.rule != risk::ONE_DOMAIN {
            return Err(not_about_a_domain("this review is not about the number of accounts of an email domain").into());
        }
        if row.state == choice.state() && choice != ReviewDecision::ReleaseDomain {
            return Ok((200, view(&row)));
        }
        if row.state != ReviewState::Open && row.state != choice.state() {
            let detail = format!("this review was already {} and can't be changed", row.state);
            return Err(AppError::new(ErrorKind::Conflict, "review_decided", detail).into());
        }
        attempt(ctx, &row, choice, reason).await
    })
    .await
}

async fn attempt<P: Ports>(
    ctx: &Context<'_, P>,
    row: &ReviewRow,
    choice: ReviewDecision,
    reason: &str,
) -> Result<StoredResponse, Failed> {
    let (accounts, catalog) = ctx.read((account::account_find(&row.account_id), program::programs())).await?;
    let mut books = books::read(
        ctx,
        catalog,
        accounts.clone(),
        &PendingEvent { reads: FactReads::Whole, ..PendingEvent::default() },
    )
    .await?;
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
    let mut domain = None;
    if choice == ReviewDecision::ReleaseDomain {
        let about = |b: &&BoundRow| (&b.program_id, &b.partner_id) == (&row.program_id, &row.partner_id);
        domain = books.bound(&row.account_id).iter().find(about).and_then(|b| b.domain.clone());
        if domain.is_none() {
            return Err(not_about_a_domain("the account's email domain does not attribute it any more").into());
        }
    }
    let mut decided = row.clone();
    decided.state = choice.state();
    decided.reason = Some(reason.to_owned());
    decided.actor = Some(ctx.actor.clone());
    decided.decided_at_ms = Some(ctx.now);
    let (before, mut after) = (json!({"state": row.state}), json!({"state": decided.state}));
    if let Some(domain) = &domain {
        after["organization"] = json!(domain);
    }
    let mut batch = vec![
        review::review_decide(&row.id, choice.state(), reason, &ctx.actor, ctx.now),
        ctx.audit("review.decide", &row.id, Some(reason), Some(before), Some(after)),
    ];
    let mut commit = Commit::default();
    for account in &accounts {
        let decision = books.with_case(&account.id, ctx.now, closing::decide);
        commit.add(&mut books, account, decision, &row.id);
    }
    batch.extend(commit.statements(ctx.now));
    if let Some(domain) = domain {
        batch.extend(review::organization_insert(&domain, &row.id, reason, &ctx.actor, ctx.now));
        let all = SharedMark { visitor: None, domain: Some(domain), from: UtcMillis(0), to: ALWAYS };
        batch.push(account::recompute_by_shared(&[all], slice::from_ref(&row.account_id), ctx.now));
    }
    ctx.batch(batch).await?;
    Ok((200, view(&decided)))
}

fn not_about_a_domain(detail: &str) -> AppError {
    AppError::new(ErrorKind::Conflict, "not_about_a_domain", detail).field("decision")
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
