//! The outbox and the endpoints that it is delivered to, for operators.

use crate::codec::Invalid;
use crate::codec::message::endpoint as forms;
use crate::codec::message::endpoint::{NewEndpoint, ReplayRequest};
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::message::endpoint as endpoints;
use crate::service::message::replay as replaying;
use crate::service::once::StoredResponse;
use crate::store::message::delivery::DeliveryRow;
use crate::store::message::endpoint;
use crate::store::message::outbox;
use crate::store::message::outbox::{MessageState, OutboxRow};
use serde_json::{Value, json};

/// `GET /v1/outbox?state=`: messages by state, each with its deliveries.
pub async fn outbox_list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let state = match call.request.param("state") {
        None => None,
        Some(text) => Some(MessageState::parse(&text).ok_or_else(|| {
            let states = MessageState::ALL.iter().map(|state| state.name()).collect::<Vec<_>>().join(", ");
            AppError::new(ErrorKind::BadRequest, "unsupported", format!("must be one of {states}")).field("state")
        })?),
    };
    let rows = call.context().read(outbox::outbox_page(state, page.number(0)?, page.limit + 1)).await?;
    let deliveries = |r: &OutboxRow| -> Vec<Value> {
        let stored: Vec<DeliveryRow> = serde_json::from_str(&r.deliveries).unwrap_or_default();
        stored.iter().map(replaying::view).collect()
    };
    let view = |r: &OutboxRow| {
        json!({
            "id": r.id, "type": r.kind, "program": r.program_id, "partner": r.partner_id, "account": r.account_id,
            "payload": serde_json::from_str::<Value>(&r.payload).unwrap_or_default(), "state": r.state,
            "created_at": r.created_at_ms.to_rfc3339(), "emptied_at": r.emptied_at_ms.map(|at| at.to_rfc3339()),
            "deliveries": deliveries(r),
        })
    };
    Ok((200, page.answer(rows, |r| r.row.to_string(), view)))
}

/// `POST /v1/outbox/{id}/replay`: sends a message again to the recipients it did not reach, or to one recipient.
pub async fn replay<S: Platform>(call: OperatorCall<'_, S, ReplayRequest>) -> Result<StoredResponse, AppError> {
    replaying::replay(&call.context(), call.segment, &call.body).await
}

/// `GET /v1/webhook-endpoints`.
pub async fn endpoint_list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let rows = call.context().read(endpoint::endpoint_page(&page.cursor, page.limit + 1)).await?;
    Ok((200, page.answer(rows, |r| r.id.clone(), endpoints::view)))
}

/// `POST /v1/webhook-endpoints`: only this response contains the secret.
pub async fn endpoint_make<S: Platform>(call: OperatorCall<'_, S, NewEndpoint>) -> Result<StoredResponse, AppError> {
    let once = call.once()?;
    endpoints::make(&call.context(), &call.body, once.as_ref()).await
}

/// The endpoint that is wanted. Webhooks may not go to the host that is asked either.
pub fn new_endpoint<S: Platform>(call: &OperatorCall<'_, S>) -> Result<NewEndpoint, Invalid> {
    let config = call.app.config;
    let rules = &config.setup.endpoints;
    let rules = if config.owns_zone { rules.clone() } else { rules.with_own_host(&call.request.origin) };
    forms::read(&call.request.body, &rules)
}

/// `DELETE /v1/webhook-endpoints/{id}`: nothing is sent there anymore.
pub async fn endpoint_disable<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    endpoints::disable(&call.context(), call.segment).await
}
