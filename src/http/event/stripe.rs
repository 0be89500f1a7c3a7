//! Stripe's webhooks: verify over the raw bytes, translate, take in, answer with the outcome.

use crate::codec::stripe;
use crate::codec::stripe::{StripeEndpoint, signature};
use crate::http::config::Config;
use crate::http::exchange::{Request, Response};
use crate::http::shell::{Platform, RequestContext};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::stripe_in;

/// `POST /v1/webhooks/stripe`: events of the operator's own account.
pub async fn own<S: Platform>(shell: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    let secrets = &shell.config.setup.stripe_secrets;
    take(shell, request, StripeEndpoint::Own, secrets, "STRIPE_WEBHOOK_SECRETS").await
}

/// `POST /v1/webhooks/stripe-connect`: events of partners' connected accounts.
pub async fn connect<S: Platform>(shell: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    let secrets = &shell.config.setup.stripe_connect_secrets;
    take(shell, request, StripeEndpoint::Connect, secrets, "STRIPE_CONNECT_WEBHOOK_SECRETS").await
}

async fn take<S: Platform>(
    shell: &RequestContext<'_, S>,
    request: &Request,
    endpoint: StripeEndpoint,
    secrets: &[String],
    name: &str,
) -> Result<Response, AppError> {
    if secrets.is_empty() {
        return Err(Config::not_configured(name));
    }
    let place = signature::verify(secrets, request.header("stripe-signature"), &request.body, shell.now)
        .map_err(|refused| AppError::new(ErrorKind::Unauthorized, refused.code(), refused.to_string()))?;
    // The key says the mode; without one, the secret does.
    let is_live = match &shell.config.setup.stripe {
        Some(stripe) => stripe.is_live(),
        None => secrets.get(place).is_some_and(|secret| signature::is_live(secret)),
    };
    let event = stripe::parse(&request.body, endpoint, shell.now)?;
    if endpoint == StripeEndpoint::Connect && is_live && !event.is_live {
        return Ok(Response::json(200, &stripe_in::of_test_mode(&event)));
    }
    let outcome = stripe_in::take(&shell.context("stripe"), &event, is_live).await?;
    Ok(Response::json(200, &outcome))
}
