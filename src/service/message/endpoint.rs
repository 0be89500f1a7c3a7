//! Endpoints for outgoing webhooks: an operator creates one, whose secret is shown once, and disables it.

use crate::base::limits::ENDPOINTS_MAX;
use crate::codec::message::endpoint::NewEndpoint;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::{IdempotentRequest, StoredResponse};
use crate::store::message::endpoint;
use crate::store::message::endpoint::EndpointRow;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Bytes in a generated secret.
const SECRET_BYTES: usize = 32;

/// Creates an endpoint. It receives messages from now on, and credits that no endpoint has received.
pub async fn make<P: Ports>(
    ctx: &Context<'_, P>,
    request: &NewEndpoint,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    ctx.retry(async || {
        if let Some(answer) = IdempotentRequest::replied(ctx, once).await? {
            return Ok(answer);
        }
        let live = ctx.read(endpoint::endpoint_count().first()).await?;
        if live.is_some_and(|l| l.live >= ENDPOINTS_MAX) {
            let detail = format!("at most {ENDPOINTS_MAX} endpoints can be active; disable one first");
            return Err(AppError::new(ErrorKind::Conflict, "too_many_endpoints", detail).into());
        }
        let secret = request.secret.clone().unwrap_or_else(|| {
            let mut bytes = [0; SECRET_BYTES];
            ctx.ports.random(&mut bytes);
            format!("whsec_{}", STANDARD.encode(bytes))
        });
        let row = EndpointRow {
            id: ctx.fresh_id("whe"),
            url: request.url.clone(),
            types: json!(request.types).to_string(),
            created_at_ms: ctx.now,
            disabled_at_ms: None,
            disabled_reason: None,
        };
        let mut body = view(&row);
        let after = body.clone();
        body["secret"] = json!(secret);
        let answer: StoredResponse = (201, body);
        let entry = ctx.audit("webhook_endpoint.make", &row.id, None, None, Some(after));
        let mut batch = vec![endpoint::endpoint_insert(&row, &secret), entry];
        batch.extend(once.map(|o| o.keep(&answer, ctx.now)));
        ctx.batch(batch).await?;
        Ok(answer)
    })
    .await
}

/// Disables an endpoint for good. Disabling it again changes nothing.
pub async fn disable<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<StoredResponse, AppError> {
    let find = || endpoint::endpoint_find(id).first();
    let before = ctx.read(find()).await?.ok_or_else(|| AppError::not_found("endpoint"))?;
    if before.disabled_at_ms.is_some() {
        return Ok((200, view(&before)));
    }
    let entry = ctx.audit("webhook_endpoint.disable", id, None, Some(view(&before)), None);
    let disable = endpoint::endpoint_disable(id, "by an operator", ctx.now);
    let (_, _, after) = ctx.read((disable, entry, find())).await?;
    Ok((200, view(&after.unwrap_or(before))))
}

/// An endpoint as operators see it, without its secret.
pub fn view(e: &EndpointRow) -> Value {
    json!({
        "id": e.id, "url": e.url, "types": serde_json::from_str::<Value>(&e.types).unwrap_or_default(),
        "created_at": e.created_at_ms.to_rfc3339(), "disabled_at": e.disabled_at_ms.map(|at| at.to_rfc3339()),
        "disabled_reason": e.disabled_reason,
    })
}
