//! Stripe's webhooks: what is verified and translated is taken in, and the outcome answered.

use crate::codec::stripe::Translated;
use crate::http::call::WebhookCall;
use crate::http::context::Platform;
use crate::service::error::AppError;
use crate::service::event::stripe_in;
use crate::service::once::StoredResponse;

/// `POST /v1/webhooks/stripe`: events of the operator's own account.
pub async fn own<S: Platform>(call: WebhookCall<'_, S, Translated>) -> Result<StoredResponse, AppError> {
    let outcome = stripe_in::take(&call.app.context("stripe"), &call.body, call.caller.is_live).await?;
    Ok((200, outcome))
}

/// `POST /v1/webhooks/stripe-connect`: events of partners' connected accounts.
pub async fn connect<S: Platform>(call: WebhookCall<'_, S, Translated>) -> Result<StoredResponse, AppError> {
    if call.caller.is_live && call.body.is_live == Some(false) {
        return Ok((200, stripe_in::of_test_mode(&call.body)));
    }
    own(call).await
}
