//! Reviews, for operators.

use crate::codec::operator::ReviewDecision as Decided;
use crate::engine::review::ReviewState;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::review as deciding;
use crate::service::review::ReviewDecision;
use crate::store::review;

/// `GET /v1/reviews?state=open`.
pub async fn review_list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let state = call.request.param("state").map_or(Some(ReviewState::Open), |name| ReviewState::parse(&name));
    let Some(state) = state else {
        let detail = "must be open, released or rejected";
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", detail).field("state"));
    };
    let rows = call.context().read(review::review_page(state, &page.cursor, page.limit + 1)).await?;
    Ok((200, page.answer(rows, |r| r.id.clone().into(), deciding::view)))
}

/// `POST /v1/reviews/{id}`.
pub async fn review_decide<S: Platform>(call: OperatorCall<'_, S, Decided>) -> Result<StoredResponse, AppError> {
    let choice = ReviewDecision::of(&call.body);
    deciding::decide(&call.context(), &call.segment.into(), choice, &call.body.reason).await
}
