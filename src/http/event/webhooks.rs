//! Incoming events: verify the raw bytes, translate, ingest, respond with the outcome.

use crate::codec::event::{emdash, envelope};
use crate::codec::identity::bearer;
use crate::codec::message::standard_webhooks;
use crate::codec::message::standard_webhooks::Headers;
use crate::engine::event::{Event, Payload};
use crate::http::auth::hex_sha256;
use crate::http::config::Config;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::service::credit::promotion;
use crate::service::credit::promotion::Recipient;
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::conversion;
use crate::service::event::conversion::Incoming;

/// `POST /v1/webhooks/events`: the canonical envelope, signed according to Standard Webhooks.
pub async fn event<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    let secrets = &app.config.webhook_secrets;
    if secrets.is_empty() {
        return Err(Config::not_configured("WEBHOOK_SECRETS"));
    }
    let headers = Headers {
        id: request.header("webhook-id"),
        timestamp: request.header("webhook-timestamp"),
        signature: request.header("webhook-signature"),
    };
    standard_webhooks::verify(secrets, &headers, &request.body, app.now)
        .map_err(|refused| AppError::new(ErrorKind::Unauthorized, refused.code(), refused.to_string()))?;
    take(app, request, "events", envelope::parse(&request.body, app.now)?).await
}

/// `POST /v1/webhooks/emdash`: EmDash's webhook-notifier, with its secret token as bearer.
pub async fn emdash_hook<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    let presented = request.header("authorization").and_then(bearer::token).unwrap_or("");
    admit(presented, &app.config.emdash_tokens, "EMDASH_TOKENS")?;
    take(app, request, "emdash", emdash::content_hook(&request.body, app.now)?).await
}

/// `POST /v1/webhooks/emdash-forms/{secret}`: EmDash's forms, which can only carry a secret in their URL.
pub async fn emdash_form<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    secret: &str,
) -> Result<Response, AppError> {
    admit(secret, &app.config.forms_secrets, "FORMS_SECRETS")?;
    take(app, request, "emdash-forms", emdash::form_submission(&request.body, app.now)?).await
}

fn admit(presented: &str, active: &[String], name: &str) -> Result<(), AppError> {
    if active.is_empty() {
        return Err(Config::not_configured(name));
    }
    if bearer::matches(presented, active) {
        return Ok(());
    }
    Err(AppError::new(ErrorKind::Unauthorized, "webhook_secret_refused", "the secret is missing or not active"))
}

async fn take<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    source: &'static str,
    event: Event,
) -> Result<Response, AppError> {
    let presented = conversion::present(app.config.cookie_keys.as_ref(), &event);
    let incoming = Incoming { source, body_sha256: hex_sha256(&request.body), event, presented };
    let ctx = app.context(source);
    let mut taken = conversion::take(&ctx, &incoming).await?;
    if matches!(incoming.event.payload, Payload::SignedUp { .. }) {
        let visitor = incoming.presented.touchpoints.as_ref().map(|t| t.visitor.as_str()).filter(|id| !id.is_empty());
        let friend = Recipient { account: incoming.event.account_id.as_deref(), visitor };
        // The event is stored: a repeat gets what is missing here.
        let _ = promotion::add(&ctx, &mut taken.outcome, friend).await;
    }
    // 202: stored, but no program knows the type. A repeat gets the first outcome.
    let status = if taken.first && !taken.known { 202 } else { 200 };
    Ok(Response::json(status, &taken.outcome))
}
