//! Payouts for operators: lists and receipts, decisions, approvals, reversals; and partners' onboarding.

use crate::codec::operator;
use crate::engine::ledger::posting;
use crate::engine::payout::{OutboundTransfer, TransferKind as Moved};
use crate::http::auth;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::http::page;
use crate::http::page::Page;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::payout as deciding;
use crate::service::payout::PayoutAction;
use crate::service::payout::onboard;
use crate::service::payout::reverse as reversing;
use crate::store::payout as rows;
use crate::store::report::payout as reports;
use crate::store::report::payout::{Movement, ReceiptSums};
use serde_json::{Value, json};

const STATES: [&str; 7] = ["planned", "held", "submitting", "paid", "failed", "review", "cancelled"];

/// `GET /v1/payouts?run=&state=&partner=`: newest first.
pub async fn list<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let filter = |name: &str| request.param(name).unwrap_or_default();
    let state = page::state(request, &STATES)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let query = rows::payout_page(&filter("run"), &state, &filter("partner"), before_ms, &before_id, page.limit + 1);
    let found: Vec<OutboundTransfer> = app.context("").query(query).await?.decode()?;
    Ok((200, page.answer(found, |s| format!("{}.{}", s.created_at_ms.0, s.id), deciding::view)))
}

/// `GET /v1/payouts/{id}`: the receipt, which shows what the amount consists of.
pub async fn receipt<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let after = page.number(0)?;
    let ctx = app.context("");
    let s = deciding::find(&ctx, deciding::payout_id(id)?).await?;
    if s.kind == Moved::Reversal {
        return Ok((200, deciding::view(&s)));
    }
    let account = posting::account_id(&s.program_id, &s.unit, "available", &s.partner_id);
    let reads = vec![
        reports::receipt_sums(&account, id),
        reports::receipt_page(&account, id, after, page.limit + 1),
        rows::reversal_list(id),
    ];
    let rows = ctx.batch(reads).await?;
    let sums: ReceiptSums = rows[0].first()?.ok_or_else(|| AppError::not_found("payout"))?;
    let mut view = deciding::view(&s);
    view["period"] = json!(sums.period);
    view["opening_cents"] = json!(sums.opening_cents);
    view["moved_cents"] = json!(sums.moved_cents);
    view["immature_cents"] = json!(sums.available_cents - sums.payable_cents);
    view["movements"] = page.answer(rows[1].decode()?, |m: &Movement| m.row.to_string(), movement);
    view["reversals"] = rows[2].decode::<OutboundTransfer>()?.iter().map(deciding::view).collect();
    Ok((200, view))
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
pub async fn hold<S: Platform>(
    s: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    decide(s, request, id, actor, &PayoutAction::Hold).await
}

/// `POST /v1/payouts/{id}/release`.
pub async fn release<S: Platform>(
    s: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    decide(s, request, id, actor, &PayoutAction::Release).await
}

/// `POST /v1/payouts/{id}/cancel`.
pub async fn cancel<S: Platform>(
    s: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    decide(s, request, id, actor, &PayoutAction::Cancel).await
}

async fn decide<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
    decision: &PayoutAction,
) -> Result<StoredResponse, AppError> {
    let reason = operator::decision(&request.body)?;
    deciding::decide(&app.context(actor), deciding::payout_id(id)?, decision, &reason).await
}

/// `POST /v1/payouts/{id}/resolve`.
pub async fn resolve<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let (resolution, reason) = operator::resolution(&request.body, "transfer")?;
    let id = deciding::payout_id(id)?;
    deciding::decide(&app.context(actor), id, &PayoutAction::Resolve(resolution), &reason).await
}

/// `POST /v1/payouts/{id}/reversals`.
pub async fn reverse<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let reads = operator::reversal(&request.body)?;
    let once = auth::once(request)?;
    reversing::reverse(&app.context(actor), id, reads.amount, &reads.reason, once.as_ref()).await
}

/// `POST /v1/runs/{id}/approve`.
pub async fn approve<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let reason = operator::remark(&request.body)?;
    deciding::approve(&app.context(actor), id, reason.as_deref()).await
}

/// `POST /v1/partners/{id}/onboarding`.
pub async fn onboarding<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let reads = operator::onboarding(&request.body)?;
    onboard::onboard(&app.context(actor), id, &reads, &app.config.base_url(&request.origin)).await
}

/// `POST /v1/partners/{id}/dashboard`.
pub async fn dashboard<S: Platform>(
    app: &RequestContext<'_, S>,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    onboard::dashboard(&app.context(actor), id).await
}
