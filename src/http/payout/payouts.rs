//! Payouts for operators: lists and receipts, decisions, approvals, reversals; and partners' onboarding.

use crate::base::ids::PartnerId;
use crate::codec::operator::{OnboardingRequest, ResolutionRequest, ReversalRequest};
use crate::engine::accrual::payment::ShownAccrual;
use crate::engine::ledger::account::{LedgerAccount, LedgerAccountKind};
use crate::engine::payout::TransferKind as Moved;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page;
use crate::http::page::Page;
use crate::http::partner::partners::entry;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::payout as deciding;
use crate::service::payout::PayoutAction;
use crate::service::payout::onboard;
use crate::service::payout::reverse as reversing;
use crate::store::payout as rows;
use crate::store::program::programs;
use crate::store::report::payout as reports;
use crate::store::report::payout::Movement;
use crate::store::report::payout_accruals as accruals;
use crate::store::report::payout_accruals::{PayoutChange, PayoutShare};
use serde_json::{Value, json};

/// The most changes in a receipt. A run's report pages through all of them.
const CHANGES: i64 = 200;

pub const STATES: [&str; 7] = ["planned", "held", "submitting", "paid", "failed", "review", "cancelled"];

/// `GET /v1/payouts?run=&state=&partner=`: newest first.
pub async fn list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let filter = |name: &str| call.request.param(name).unwrap_or_default();
    let state = page::state(call.request, &STATES)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let query = rows::payout_page(
        &filter("run").into(),
        &state,
        &filter("partner").into(),
        before_ms,
        &before_id,
        page.limit + 1,
    );
    let found = call.context().read(query).await?;
    Ok((200, page.answer(found, |s| format!("{}.{}", s.created_at_ms.0, s.id), deciding::view)))
}

/// `GET /v1/payouts/{id}`: the receipt, which shows what the amount consists of.
pub async fn receipt<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let after = page.number(0)?;
    let (ctx, id) = (call.context(), &deciding::payout_id(call.segment)?);
    let s = deciding::find(&ctx, id).await?;
    if s.kind == Moved::Reversal {
        return Ok((200, deciding::view(&s)));
    }
    let account = LedgerAccount::new(&s.program_id, &s.unit, LedgerAccountKind::Available, &s.partner_id).to_string();
    let reads = (
        reports::receipt_sums(&account, id).first(),
        reports::receipt_page(&account, id, after, page.limit + 1),
        rows::reversal_list(id),
        accruals::payout_unsent_sum(id).first(),
        accruals::payout_change_list(id, &PartnerId::default(), CHANGES),
    );
    let (sums, movements, reversals, unsent, changes) = ctx.read(reads).await?;
    let sums = sums.ok_or_else(|| AppError::not_found("payout"))?;
    let mut view = deciding::view(&s);
    view["period"] = json!(sums.period);
    view["left_cents"] = json!(unsent.map(|u| u.amount_cents));
    view["changes"] = changes.iter().map(change).collect();
    view["opening_cents"] = json!(sums.opening_cents);
    view["moved_cents"] = json!(sums.moved_cents);
    view["immature_cents"] = json!(sums.available_cents - sums.payable_cents);
    view["movements"] = page.answer(movements, |m| m.row.to_string(), movement);
    view["reversals"] = reversals.iter().map(deciding::view).collect();
    Ok((200, view))
}

/// `GET /v1/payouts/{id}/accruals`: what it includes, and how much of it.
pub async fn accruals<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let (ctx, id) = (call.context(), &deciding::payout_id(call.segment)?);
    deciding::find(&ctx, id).await?;
    let found = accruals::payout_accrual_page(id, &PartnerId::default(), &page.cursor, page.limit + 1);
    let (found, catalog) = ctx.read((found, programs())).await?;
    let view = |(share, shown): &(PayoutShare, ShownAccrual)| {
        json!({
            "planned_cents": share.planned_cents, "amount_cents": share.amount_cents,
            "returned_cents": share.returned_cents, "accrual": entry(shown, &catalog, call.app.now),
        })
    };
    Ok((200, page.answer(found, |(share, _)| share.accrual_id.to_string(), view)))
}

/// One accrual of which a payout takes less than was planned, and why.
pub fn change(c: &PayoutChange) -> Value {
    json!({
        "payout": c.payout_id, "partner": c.partner_id, "accrual": Some(&c.accrual_id).filter(|id| !id.is_empty()),
        "account": c.account_id, "invoice": c.invoice_id, "type": c.change, "event": c.event_id,
        "event_type": c.event_type, "planned_cents": c.planned_cents, "amount_cents": c.amount_cents,
    })
}

fn movement(m: &Movement) -> Value {
    let kind = match (m.code.as_str(), m.phase.as_str()) {
        ("payout", "void") => "payout_came_back",
        (code, _) => code,
    };
    json!({
        "id": m.id, "type": kind, "amount_cents": m.amount_cents, "reward_id": m.reward_id, "account": m.account_id,
        "source": m.source, "event": m.event_id, "run": m.run_id, "reason": m.reason,
        "at": m.created_at_ms.to_rfc3339(),
    })
}

/// `POST /v1/payouts/{id}/hold`.
pub async fn hold<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<StoredResponse, AppError> {
    decide(&call, &PayoutAction::Hold).await
}

/// `POST /v1/payouts/{id}/release`.
pub async fn release<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<StoredResponse, AppError> {
    decide(&call, &PayoutAction::Release).await
}

/// `POST /v1/payouts/{id}/cancel`.
pub async fn cancel<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<StoredResponse, AppError> {
    decide(&call, &PayoutAction::Cancel).await
}

/// The body is the reason.
async fn decide<S: Platform>(
    call: &OperatorCall<'_, S, String>,
    decision: &PayoutAction,
) -> Result<StoredResponse, AppError> {
    deciding::decide(&call.context(), &deciding::payout_id(call.segment)?, decision, &call.body).await
}

/// `POST /v1/payouts/{id}/resolve`.
pub async fn resolve<S: Platform>(
    call: OperatorCall<'_, S, (ResolutionRequest, String)>,
) -> Result<StoredResponse, AppError> {
    let (ctx, (resolution, reason)) = (call.context(), call.body);
    deciding::decide(&ctx, &deciding::payout_id(call.segment)?, &PayoutAction::Resolve(resolution), &reason).await
}

/// `POST /v1/payouts/{id}/reversals`.
pub async fn reverse<S: Platform>(call: OperatorCall<'_, S, ReversalRequest>) -> Result<StoredResponse, AppError> {
    let once = call.once()?;
    reversing::reverse(&call.context(), &call.segment.into(), call.body.amount, &call.body.reason, once.as_ref()).await
}

/// `POST /v1/runs/{id}/approve`.
pub async fn approve<S: Platform>(call: OperatorCall<'_, S, Option<String>>) -> Result<StoredResponse, AppError> {
    deciding::approve(&call.context(), &call.segment.into(), call.body.as_deref()).await
}

/// `POST /v1/partners/{id}/onboarding`.
pub async fn onboarding<S: Platform>(call: OperatorCall<'_, S, OnboardingRequest>) -> Result<StoredResponse, AppError> {
    onboard::onboard(&call.context(), &call.segment.into(), &call.body, &call.base_url()).await
}

/// `POST /v1/partners/{id}/dashboard`.
pub async fn dashboard<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    onboard::dashboard(&call.context(), &call.segment.into()).await
}
