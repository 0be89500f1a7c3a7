//! Stripe's events that could not be taken in, for operators.

use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page::Page;
use crate::service::error::AppError;
use crate::service::event::stripe_failed;
use crate::service::once::StoredResponse;
use crate::store::event::stripe_failed as rows;

/// `GET /v1/failed-events`: oldest first.
pub async fn list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let (after_ms, after_id) = page.instant_and_id(i64::MIN + 1)?;
    let found = call.context().read(rows::failure_page(after_ms.max(-1), &after_id, page.limit + 1)).await?;
    Ok((200, page.answer(found, |failed| format!("{}.{}", failed.failed_at_ms.0, failed.id), stripe_failed::view)))
}

/// `POST /v1/failed-events/{id}`: an operator dealt with it, and says how.
pub async fn acknowledge<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<StoredResponse, AppError> {
    stripe_failed::acknowledge(&call.context(), call.segment, &call.body).await
}
