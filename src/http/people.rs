//! Erasing people, and copies of what is held about them, for operators.

use crate::base::ids::PartnerId;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::person::copy::CopyPage;
use crate::service::person::{copy, erase};
use crate::store::person::copy::CopyList;
use serde_json::json;

/// Longest id of a visitor: more than the cookie's, which senders of events may replace by their own.
const VISITOR_CHARS_MAX: usize = 200;

/// `POST /v1/partners/{id}/erase`.
pub async fn erase_partner<S: Platform>(call: OperatorCall<'_, S, ()>) -> Result<StoredResponse, AppError> {
    let id = PartnerId::from(call.segment);
    call.app.site.forget_links(erase::partner(&call.context(), &id).await?).await;
    Ok(erased(call.segment, true))
}

/// `POST /v1/accounts/{id}/erase`.
pub async fn erase_account<S: Platform>(call: OperatorCall<'_, S, ()>) -> Result<StoredResponse, AppError> {
    let is_complete = erase::account(&call.context(), &call.segment.into()).await?;
    Ok(erased(call.segment, is_complete))
}

/// `POST /v1/visitors/{id}/erase`. Nothing says whether there was such a visitor.
pub async fn erase_visitor<S: Platform>(call: OperatorCall<'_, S, ()>) -> Result<StoredResponse, AppError> {
    if call.segment.is_empty() || call.segment.len() > VISITOR_CHARS_MAX {
        let detail = format!("must be 1 to {VISITOR_CHARS_MAX} characters");
        return Err(AppError::new(ErrorKind::BadRequest, "malformed", detail).field("id"));
    }
    let is_complete = erase::visitor(&call.context(), call.segment).await?;
    Ok(erased(call.segment, is_complete))
}

/// `GET /v1/partners/{id}/data`.
pub async fn partner_data<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    data(&call, copy::PARTNER).await
}

/// `GET /v1/accounts/{id}/data`.
pub async fn account_data<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    data(&call, copy::ACCOUNT).await
}

async fn data<S: Platform>(call: &OperatorCall<'_, S>, lists: &'static [CopyList]) -> Result<StoredResponse, AppError> {
    let cursor = call.request.param("cursor").unwrap_or_default();
    let page = CopyPage::of(lists, call.segment, &cursor, copy::ROWS)?;
    let held = call.context().read(page.reads()).await?;
    Ok((200, page.view(&held, call.app.now)?))
}

fn erased(id: &str, is_complete: bool) -> StoredResponse {
    (200, json!({"id": id, "is_complete": is_complete}))
}
