//! Transfers to partners that nobody here asked for, for operators.

use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page::Page;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::payout::unexpected;
use crate::store::payout::unexpected as rows;

/// `GET /v1/unexpected-transfers`: oldest first.
pub async fn list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let (after_ms, after_id) = page.instant_and_id(i64::MIN + 1)?;
    let found = call.context().read(rows::unexpected_page(after_ms.max(-1), &after_id, page.limit + 1)).await?;
    Ok((200, page.answer(found, |t| format!("{}.{}", t.made_at_ms.0, t.id), unexpected::view)))
}

/// `POST /v1/unexpected-transfers/{id}`: an operator dealt with it, and says how.
pub async fn acknowledge<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<StoredResponse, AppError> {
    unexpected::acknowledge(&call.context(), call.segment, &call.body).await
}
