//! Who may send events: each webhook has its own kind of signature or secret, checked before the body is read.

use crate::codec::identity::bearer;
use crate::codec::message::standard_webhooks;
use crate::codec::message::standard_webhooks::{Headers, SignatureError};
use crate::codec::stripe::{StripeEndpoint, signature};
use crate::http::config::Config;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::service::error::{AppError, ErrorKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// The host's events, signed by Standard Webhooks.
    Events,
    /// EmDash's webhook-notifier, with its secret token as bearer.
    Emdash,
    /// EmDash's forms, which can carry a secret in their address alone.
    EmdashForms,
    /// Stripe's events, by its own signature.
    Stripe(StripeEndpoint),
}

/// A request whose signature or secret is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedWebhook {
    /// Whether it is about real money. Only Stripe has a test mode.
    pub is_live: bool,
}

/// Admits a webhook's request, or refuses it. `segment` is the variable part of its address.
pub fn verify<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    webhook: Webhook,
    segment: &str,
) -> Result<VerifiedWebhook, AppError> {
    let is_live = match webhook {
        Webhook::Events => {
            standard_webhook(app, request)?;
            true
        }
        Webhook::Emdash => {
            let presented = request.header("authorization").and_then(bearer::token).unwrap_or("");
            secret(presented, &app.config.emdash_tokens, "EMDASH_TOKENS")?;
            true
        }
        Webhook::EmdashForms => {
            secret(segment, &app.config.forms_secrets, "FORMS_SECRETS")?;
            true
        }
        Webhook::Stripe(endpoint) => stripe(app, request, endpoint)?,
    };
    Ok(VerifiedWebhook { is_live })
}

fn standard_webhook<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<(), AppError> {
    let secrets = configured(&app.config.webhook_secrets, "WEBHOOK_SECRETS")?;
    let headers = Headers {
        id: request.header("webhook-id"),
        timestamp: request.header("webhook-timestamp"),
        signature: request.header("webhook-signature"),
    };
    standard_webhooks::verify(secrets, &headers, &request.body, app.now).map_err(|refused| match refused {
        // The signature is over "id.timestamp.body", so a dot in the id would give it two meanings. No other secret
        // or signature helps, so the sender is told which header to change.
        SignatureError::MalformedId => {
            AppError::new(ErrorKind::Unprocessable, refused.code(), refused.to_string()).field("webhook-id")
        }
        _ => AppError::new(ErrorKind::Unauthorized, refused.code(), refused.to_string()),
    })
}

/// Whether Stripe's event is of its live mode: the API key says so; without one, the secret does.
fn stripe<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    endpoint: StripeEndpoint,
) -> Result<bool, AppError> {
    let (secrets, name) = match endpoint {
        StripeEndpoint::Own => (&app.config.setup.stripe_secrets, "STRIPE_WEBHOOK_SECRETS"),
        StripeEndpoint::Connect => (&app.config.setup.stripe_connect_secrets, "STRIPE_CONNECT_WEBHOOK_SECRETS"),
    };
    let secrets = configured(secrets, name)?;
    let place = signature::verify(secrets, request.header("stripe-signature"), &request.body, app.now)
        .map_err(|refused| AppError::new(ErrorKind::Unauthorized, refused.code(), refused.to_string()))?;
    Ok(match &app.config.setup.stripe {
        Some(stripe) => stripe.is_live(),
        None => secrets.get(place).is_some_and(|secret| signature::is_live(secret)),
    })
}

fn secret(presented: &str, active: &[String], name: &str) -> Result<(), AppError> {
    if bearer::matches(presented, configured(active, name)?) {
        return Ok(());
    }
    Err(AppError::new(ErrorKind::Unauthorized, "webhook_secret_refused", "the secret is missing or not active"))
}

fn configured<'a, T>(secrets: &'a [T], name: &str) -> Result<&'a [T], AppError> {
    if secrets.is_empty() { Err(Config::not_configured(name)) } else { Ok(secrets) }
}
