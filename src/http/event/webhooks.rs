//! Events in: what is verified and translated is taken in, and the outcome answered.

use crate::engine::event::{Event, Payload};
use crate::http::auth::hex_sha256;
use crate::http::call::WebhookCall;
use crate::http::context::{Platform, RequestContext};
use crate::http::event::submissions;
use crate::service::credit::promotion;
use crate::service::credit::promotion::Recipient;
use crate::service::error::AppError;
use crate::service::event::conversion;
use crate::service::event::conversion::{Incoming, IngestOutcome};
use crate::service::once::StoredResponse;

/// The source of forms' submissions.
pub const FORMS: &str = "emdash-forms";

/// `POST /v1/webhooks/events`: the canonical envelope.
pub async fn event<S: Platform>(call: WebhookCall<'_, S, Event>) -> Result<StoredResponse, AppError> {
    take(call, "events").await
}

/// `POST /v1/webhooks/emdash`.
pub async fn emdash_hook<S: Platform>(call: WebhookCall<'_, S, Event>) -> Result<StoredResponse, AppError> {
    take(call, "emdash").await
}

/// `POST /v1/webhooks/emdash-forms/{secret}`.
pub async fn emdash_form<S: Platform>(call: WebhookCall<'_, S, Event>) -> Result<StoredResponse, AppError> {
    if let Some(outcome) = submissions::awaited(call.app, &call.request.body, call.body.occurred_at).await? {
        return Ok((200, outcome));
    }
    take(call, FORMS).await
}

async fn take<S: Platform>(call: WebhookCall<'_, S, Event>, source: &'static str) -> Result<StoredResponse, AppError> {
    let digest = hex_sha256(&call.request.body);
    let taken = take_in(call.app, source, digest, call.body).await?;
    // 202: stored, but no program knows the type. A repeat gets the first outcome.
    let status = if taken.first && !taken.known { 202 } else { 200 };
    Ok((status, taken.outcome))
}

/// Takes an event in, with the attribution evidence that it presents. `body_sha256` tells a repeat from an id that is
/// used again.
pub async fn take_in<S: Platform>(
    app: &RequestContext<'_, S>,
    source: &'static str,
    body_sha256: String,
    event: Event,
) -> Result<IngestOutcome, AppError> {
    let presented = conversion::present(app.config.cookie_keys.as_ref(), &event);
    let incoming = Incoming { source, body_sha256, event, presented, payment: None };
    let ctx = app.context(source);
    let mut taken = conversion::take(&ctx, &incoming).await?;
    if matches!(incoming.event.payload, Payload::SignedUp { .. }) {
        let visitor = incoming.presented.touchpoints.as_ref().map(|t| t.visitor.as_str()).filter(|id| !id.is_empty());
        let friend = Recipient { account: incoming.event.account_id.as_ref(), visitor, requested_by: "" };
        // The event is stored: a repeat gets what is missing here.
        let _ = promotion::add(&ctx, &mut taken.outcome, friend).await;
    }
    Ok(taken)
}
