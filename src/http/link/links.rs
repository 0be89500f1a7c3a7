//! Links, for operators.

use crate::base::ids::LinkCode;
use crate::codec::operator::{LinkChange, NewLink};
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::partner::{enroll, link_change};
use crate::store::link::click;
use crate::store::partner;
use serde_json::json;

/// `POST /v1/links`.
pub async fn link<S: Platform>(call: OperatorCall<'_, S, NewLink>) -> Result<StoredResponse, AppError> {
    let ctx = call.context();
    let once = call.once()?;
    enroll::link(&ctx, &call.body, &call.base_url(), once.as_ref()).await
}

/// `GET /v1/links/{code}`, with its counted clicks.
pub async fn link_show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let code = &LinkCode::from(call.segment);
    let reads = (partner::link_find(code).first(), click::click_counts(code).first());
    let (found, counts) = call.context().read(reads).await?;
    let found = found.ok_or_else(|| AppError::not_found("link"))?;
    let counts = counts.unwrap_or_default();
    let mut view = enroll::link_view(&found, &call.base_url());
    view["clicks"] = json!({
        "visits": counts.visits, "bots": counts.bots, "limited": counts.limited, "converted": counts.converted,
    });
    Ok((200, view))
}

/// `PATCH /v1/links/{code}`: it shows within about a minute.
pub async fn link_change<S: Platform>(call: OperatorCall<'_, S, LinkChange>) -> Result<StoredResponse, AppError> {
    let code = &LinkCode::from(call.segment);
    let (answer, codes) = link_change::change(&call.context(), code, &call.body, &call.base_url()).await?;
    call.app.site.forget_links(codes).await;
    Ok(answer)
}

/// `DELETE /v1/links/{code}`: it stops working within about a minute, and then behaves like an unknown code.
pub async fn link_disable<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let code = &LinkCode::from(call.segment);
    let code = enroll::disable(&call.context(), code).await?;
    call.app.site.forget_link(&code).await;
    Ok((200, json!({"code": code, "disabled": true})))
}
