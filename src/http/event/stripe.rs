//! Stripe's webhooks: verify the raw bytes, translate, ingest, respond with the outcome.

use crate::codec::stripe;
use crate::codec::stripe::{StripeEndpoint, signature};
use crate::http::config::Config;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::stripe_in;

/// `POST /v1/webhooks/stripe`: events of the operator's own account.
pub async fn own<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    let secrets = &app.config.setup.stripe_secrets;
    take(app, request, StripeEndpoint::Own, secrets, "STRIPE_WEBHOOK_SECRETS").await
}

/// `POST /v1/webhooks/stripe-connect`: events of partners' connected accounts.
pub async fn connect<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    let secrets = &app.config.setup.stripe_connect_secrets;
    take(app, request, StripeEndpoint::Connect, secrets, "STRIPE_CONNECT_WEBHOOK_SECRETS").await
}

async fn take<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    endpoint: StripeEndpoint,
    secrets: &[String],
    name: &str,
) -> Result<Response, AppError> {
    if secrets.is_empty() {
        return Err(Config::not_configured(name));
    }
    let place = signature::verify(secrets, request.header("stripe-signature"), &request.body, app.now)
        .map_err(|refused| AppError::new(ErrorKind::Unauthorized, refused.code(), refused.to_string()))?;
    // The key determines the mode; without one, the secret does.
    let is_live = match &app.config.setup.stripe {
        Some(stripe) => stripe.is_live(),
        None => secrets.get(place).is_some_and(|secret| signature::is_live(secret)),
    };
    let event = stripe::parse(&request.body, endpoint, app.now)?;
    if endpoint == StripeEndpoint::Connect && is_live && !event.is_live {
        return Ok(Response::json(200, &stripe_in::of_test_mode(&event)));
    }
    let outcome = stripe_in::take(&app.context("stripe"), &event, is_live).await?;
    Ok(Response::json(200, &outcome))
}
