//! Reviews, for operators.

use crate::codec::operator;
use crate::engine::review::ReviewState;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::review as deciding;
use crate::service::review::ReviewDecision;
use crate::store::review;
use crate::store::review::ReviewRow;

/// `GET /v1/reviews?state=open`.
pub async fn review_list<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let Some(state) = request.param("state").map_or(Some(ReviewState::Open), |name| ReviewState::parse(&name)) else {
        let detail = "must be open, released or rejected";
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", detail).field("state"));
    };
    let rows: Vec<ReviewRow> =
        app.context("").query(review::review_page(state, &page.cursor, page.limit + 1)).await?.decode()?;
    Ok((200, page.answer(rows, |r| r.id.clone(), deciding::view)))
}

/// `POST /v1/reviews/{id}`.
pub async fn review_decide<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let body = operator::review(&request.body)?;
    let choice = if body.release { ReviewDecision::Release } else { ReviewDecision::Reject };
    deciding::decide(&app.context(actor), id, choice, &body.reason).await
}
