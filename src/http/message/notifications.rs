//! The outbox and the endpoints that it is delivered to, for operators.

use crate::base::time::UtcMillis;
use crate::codec::message::endpoint as forms;
use crate::http::auth;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::message::endpoint as endpoints;
use crate::service::message::replay as replaying;
use crate::service::once::StoredResponse;
use crate::store::message::delivery::DeliveryRow;
use crate::store::message::endpoint;
use crate::store::message::endpoint::EndpointRow;
use crate::store::message::outbox;
use crate::store::message::outbox::MessageState;
use serde::Deserialize;
use serde_json::{Value, json};

/// `GET /v1/outbox?state=`: messages that wait, were sent or failed, each with its deliveries.
pub async fn outbox_list<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
) -> Result<StoredResponse, AppError> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        kind: String,
        program_id: String,
        partner_id: Option<String>,
        account_id: Option<String>,
        payload: String,
        state: String,
        created_at_ms: UtcMillis,
        deliveries: String,
    }
    let page = Page::of(request)?;
    let state = match request.param("state") {
        None => None,
        Some(text) => Some(MessageState::parse(&text).ok_or_else(|| {
            AppError::new(ErrorKind::BadRequest, "unsupported", "must be queued, sent or failed").field("state")
        })?),
    };
    let rows: Vec<Row> =
        app.context("").query(outbox::outbox_page(state, &page.cursor, page.limit + 1)).await?.decode()?;
    let deliveries = |r: &Row| -> Vec<Value> {
        let stored: Vec<DeliveryRow> = serde_json::from_str(&r.deliveries).unwrap_or_default();
        stored.iter().map(replaying::view).collect()
    };
    let view = |r: &Row| {
        json!({
            "id": r.id, "type": r.kind, "program": r.program_id, "partner": r.partner_id, "account": r.account_id,
            "payload": serde_json::from_str::<Value>(&r.payload).unwrap_or_default(), "state": r.state,
            "created_at": r.created_at_ms.to_rfc3339(), "deliveries": deliveries(r),
        })
    };
    Ok((200, page.answer(rows, |r| r.id.clone(), view)))
}

/// `POST /v1/outbox/{id}/replay`: sends a message again to the recipients it did not reach, or to one recipient.
pub async fn replay<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    replaying::replay(&app.context(actor), id, &forms::replay(&request.body)?).await
}

/// `GET /v1/webhook-endpoints`.
pub async fn endpoint_list<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let rows: Vec<EndpointRow> =
        app.context("").query(endpoint::endpoint_page(&page.cursor, page.limit + 1)).await?.decode()?;
    Ok((200, page.answer(rows, |r| r.id.clone(), endpoints::view)))
}

/// `POST /v1/webhook-endpoints`: only this response contains the secret.
pub async fn endpoint_make<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let new = forms::read(&request.body, &own_rules(app, request))?;
    let once = auth::once(request)?;
    endpoints::make(&app.context(actor), &new, once.as_ref()).await
}

/// Where webhooks may be sent: not to the host of this request either.
fn own_rules<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> forms::HostRules {
    let rules = &app.config.setup.endpoints;
    if app.config.owns_zone { rules.clone() } else { rules.with_own_host(&request.origin) }
}

/// `DELETE /v1/webhook-endpoints/{id}`: nothing is sent there anymore.
pub async fn endpoint_disable<S: Platform>(
    app: &RequestContext<'_, S>,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    endpoints::disable(&app.context(actor), id).await
}
