//! Asking Stripe: one request, pinned to a version, and what its answer means to money.
//!
//! In scope: reading, writing under an idempotency key, waiting where Stripe says it is asked too much. Not in scope:
//! what to do when nobody knows whether it happened; whoever asked decides that.

use crate::codec::outgoing::{IncomingResponse, OutgoingRequest};
use crate::codec::stripe::API_VERSION;
use crate::codec::stripe::form::FormEncoder;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use serde_json::Value;

/// How long Stripe is waited for. Its own libraries wait 80 s, longer than a Worker may; what did not answer in time
/// may have happened.
pub const LIMIT_MS: u32 = 20_000;

/// How long it is waited for while somebody's page does.
const PROMPT_LIMIT_MS: u32 = 4_000;

/// How often one request is tried where Stripe says that it is asked too much.
const TRIES_MAX: u32 = 3;

/// The first wait after such an answer; each next is twice as long.
const BACK_OFF_MS: u32 = 500;

/// Longest words of Stripe's that are kept.
const MESSAGE_CHARS_MAX: usize = 500;

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum StripeReply {
    /// It happened, and this is the answer.
    Done(Value),
    /// It did not happen, and will not if it is sent again: a new request needs a new key.
    Refused(StripeRefusal),
    /// It did not happen now: Stripe is asked too much, or the same key is at work. Send it again later, under the same
    /// key.
    Limited,
    /// Nobody knows whether it happened. Send it again under the same key while that is young, else look it up.
    Unsure(String),
}

/// Why Stripe refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeRefusal {
    pub status: u16,
    /// Stripe's code, `balance_insufficient`; its type of error where there is no code. Branch on this.
    pub code: String,
    /// For people.
    pub message: String,
    /// The parameter that is at fault.
    pub param: Option<String>,
}

/// Whether Stripe is set up, and if not the error that says so.
pub fn is_set_up<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    ctx.setup.stripe.as_ref().map(|_| ()).ok_or_else(not_set_up)
}

fn not_set_up() -> AppError {
    AppError::new(ErrorKind::Conflict, "stripe_not_set_up", "STRIPE_API_KEY is not set; see README.md, Configuration")
}

/// Reads: `path` begins with `/v1/`.
pub async fn get<P: Ports>(ctx: &Context<'_, P>, path: &str, query: &FormEncoder) -> Result<StripeReply, AppError> {
    let query = query.encode();
    let address = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    ask(ctx, "GET", &address, None, LIMIT_MS).await
}

/// Writes. The same key with the same form does it once, for 24 hours.
pub async fn post<P: Ports>(
    ctx: &Context<'_, P>,
    path: &str,
    form: &FormEncoder,
    key: &str,
) -> Result<StripeReply, AppError> {
    post_encoded(ctx, path, form.encode(), key).await
}

/// The same for a form that was encoded before: what is sent again is sent byte for byte.
pub async fn post_encoded<P: Ports>(
    ctx: &Context<'_, P>,
    path: &str,
    form: String,
    key: &str,
) -> Result<StripeReply, AppError> {
    ask(ctx, "POST", path, Some((form, key)), LIMIT_MS).await
}

/// The same for somebody who waits for a page: what takes longer is asked for again the next time.
pub async fn post_promptly<P: Ports>(
    ctx: &Context<'_, P>,
    path: &str,
    form: &FormEncoder,
    key: &str,
) -> Result<StripeReply, AppError> {
    ask(ctx, "POST", path, Some((form.encode(), key)), PROMPT_LIMIT_MS).await
}

async fn ask<P: Ports>(
    ctx: &Context<'_, P>,
    method: &'static str,
    address: &str,
    body: Option<(String, &str)>,
    limit_ms: u32,
) -> Result<StripeReply, AppError> {
    let stripe = ctx.setup.stripe.as_ref().ok_or_else(not_set_up)?;
    let mut headers = vec![
        ("authorization", format!("Bearer {}", stripe.key)),
        ("stripe-version", API_VERSION.to_owned()),
        ("user-agent", concat!("manicule/", env!("CARGO_PKG_VERSION")).to_owned()),
    ];
    let mut sent = Vec::new();
    if let Some((form, key)) = body {
        headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        headers.push(("idempotency-key", key.to_owned()));
        sent = form.into_bytes();
    }
    let request =
        OutgoingRequest { method, url: format!("{}{address}", stripe.api_base), headers, body: sent, limit_ms };
    let mut wait_ms = BACK_OFF_MS;
    for tries in 1..=TRIES_MAX {
        let reply = match ctx.ports.send(request.clone()).await {
            Ok(answer) => read(&answer),
            Err(silence) => StripeReply::Unsure(silence.to_string()),
        };
        if reply != StripeReply::Limited || tries == TRIES_MAX {
            return Ok(reply);
        }
        let mut byte = [0];
        ctx.ports.random(&mut byte);
        // Never in step with others who were told the same.
        ctx.ports.pause(wait_ms + u32::from(byte[0])).await;
        wait_ms *= 2;
    }
    Ok(StripeReply::Limited)
}

fn read(answer: &IncomingResponse) -> StripeReply {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    if answer.is_success() {
        return match body {
            Some(value) => StripeReply::Done(value),
            None => StripeReply::Unsure(format!("status {} with a body that is not JSON", answer.status)),
        };
    }
    let error = body.as_ref().and_then(|b| b.get("error"));
    let text = |name: &str| error.and_then(|e| e.get(name)).and_then(Value::as_str);
    match answer.status {
        429 | 409 => StripeReply::Limited,
        400..=499 => StripeReply::Refused(StripeRefusal {
            status: answer.status,
            // A key that was used for another form is known by its type alone.
            code: text("type")
                .filter(|kind| *kind == "idempotency_error")
                .or(text("code"))
                .or(text("type"))
                .unwrap_or_default()
                .to_owned(),
            message: text("message").unwrap_or_default().chars().take(MESSAGE_CHARS_MAX).collect(),
            param: text("param").map(str::to_owned),
        }),
        status => StripeReply::Unsure(format!("status {status}")),
    }
}

impl StripeReply {
    /// The answer, or the error that a caller without a better way is told.
    pub fn done(self) -> Result<Value, AppError> {
        match self {
            StripeReply::Done(value) => Ok(value),
            StripeReply::Refused(refusal) => {
                let detail = format!("Stripe rejected the request ({}): {}", refusal.code, refusal.message);
                Err(AppError::new(ErrorKind::Conflict, "stripe_refused", detail))
            }
            StripeReply::Limited => {
                Err(AppError::new(ErrorKind::Transient, "stripe_busy", "Stripe is limiting requests; try again later"))
            }
            StripeReply::Unsure(why) => {
                let detail = "Stripe did not respond; try again later";
                Err(AppError::new(ErrorKind::Transient, "stripe_unavailable", detail).cause(why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply(status: u16, body: &Value) -> StripeReply {
        read(&IncomingResponse { status, headers: Vec::new(), body: body.to_string().into_bytes() })
    }

    #[test]
    fn answers_say_whether_it_happened() {
        assert_eq!(reply(200, &json!({"id": "tr_1"})), StripeReply::Done(json!({"id": "tr_1"})));
        let error =
            json!({"error": {"type": "invalid_request_error", "code": "balance_insufficient", "message": "No."}});
        let refused = |status, code: &str, message: &str| {
            StripeReply::Refused(StripeRefusal {
                status,
                code: code.to_owned(),
                message: message.to_owned(),
                param: None,
            })
        };
        assert_eq!(reply(400, &error), refused(400, "balance_insufficient", "No."));
        assert_eq!(reply(402, &error), refused(402, "balance_insufficient", "No."), "the code decides, not the status");
        assert_eq!(reply(400, &json!({"error": {"type": "idempotency_error"}})), refused(400, "idempotency_error", ""));
        assert_eq!(reply(401, &json!([])), refused(401, "", ""));
        assert_eq!(reply(429, &error), StripeReply::Limited);
        assert_eq!(reply(409, &error), StripeReply::Limited);
        for status in [302, 500, 503] {
            assert_eq!(reply(status, &error), StripeReply::Unsure(format!("status {status}")));
        }
        let broken = IncomingResponse { status: 200, headers: Vec::new(), body: b"<html>".to_vec() };
        assert!(matches!(read(&broken), StripeReply::Unsure(_)));
    }
}
