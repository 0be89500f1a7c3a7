//! Adjustments of partners' balances, for operators.

use crate::codec::operator::{AdjustmentDecision, AdjustmentRequest};
use crate::engine::accrual::adjustment::AdjustmentState;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page;
use crate::http::page::Page;
use crate::service::accrual::adjust;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::store::accrual::adjustment;

/// `GET /v1/adjustments?partner=&state=`: newest first.
pub async fn list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let names: Vec<&str> = AdjustmentState::ALL.iter().map(|state| state.name()).collect();
    let state = AdjustmentState::parse(&page::state(call.request, &names)?);
    let partner = call.request.param("partner").unwrap_or_default().into();
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let query = adjustment::adjustment_page(&partner, state, before_ms, &before_id, page.limit + 1);
    let rows = call.context().read(query).await?;
    Ok((200, page.answer(rows, |r| format!("{}.{}", r.created_at_ms.0, r.id), adjust::view)))
}

/// `POST /v1/adjustments`: books it, or stores the request until a second operator approves it.
pub async fn request<S: Platform>(call: OperatorCall<'_, S, AdjustmentRequest>) -> Result<StoredResponse, AppError> {
    let once = call.once()?;
    adjust::request(&call.context(), &call.body, once.as_ref()).await
}

/// `GET /v1/adjustments/{id}`.
pub async fn show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let found = call.context().read(adjustment::adjustment_find(&call.segment.into()).first()).await?;
    Ok((200, adjust::view(&found.ok_or_else(|| AppError::not_found("adjustment"))?)))
}

/// `POST /v1/adjustments/{id}`: approves a request or rejects it.
pub async fn decide<S: Platform>(call: OperatorCall<'_, S, AdjustmentDecision>) -> Result<StoredResponse, AppError> {
    adjust::decide(&call.context(), &call.segment.into(), call.body.approve, &call.body.reason).await
}
