//! Calling Stripe: one request, pinned to an API version, and what the response means for money.
//!
//! In scope: reading, writing with an idempotency key, waiting when Stripe limits the rate. Not in scope: what to do
//! when it is unknown whether a request took effect; the caller decides that.

use crate::codec::outgoing::{ANSWER_BYTES_MAX, IncomingResponse, OutgoingRequest};
use crate::codec::stripe::API_VERSION;
use crate::codec::stripe::form::FormEncoder;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use serde_json::Value;

/// How long we wait for Stripe. Its own libraries wait 80 s, longer than a Worker may. A request that timed out may
/// have taken effect.
pub const LIMIT_MS: u32 = 20_000;

/// How long we wait when somebody's page is waiting.
const PROMPT_LIMIT_MS: u32 = 4_000;

/// How often one request is tried when Stripe limits the rate.
const TRIES_MAX: u32 = 3;

/// The first wait after being rate limited; each further wait is twice as long.
const BACK_OFF_MS: u32 = 500;

/// Longest message from Stripe that is kept.
const MESSAGE_CHARS_MAX: usize = 500;

/// The result of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum StripeReply {
    /// It took effect, and this is the response.
    Done(Value),
    /// It had no effect, and sending it again won't change that: a new request needs a new key.
    Refused(StripeRefusal),
    /// It had no effect yet: Stripe limits the rate, or a request with the same key is in progress. Send it again later
    /// with the same key.
    Limited,
    /// It is unknown whether it took effect. Send it again with the same key while the key is recent enough; after
    /// that, look it up.
    Unsure(String),
    /// The response is longer than what is read. This is as much of it as was read.
    TooLong(String),
}

/// Why Stripe refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeRefusal {
    pub status: u16,
    /// Stripe's code, such as `balance_insufficient`, or its error type if there is no code. Branch on this.
    pub code: String,
    /// For people.
    pub message: String,
    /// The invalid parameter.
    pub param: Option<String>,
}

/// Succeeds if Stripe is set up; otherwise returns the error that says so.
pub fn is_set_up<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    ctx.setup.stripe.as_ref().map(|_| ()).ok_or_else(not_set_up)
}

fn not_set_up() -> AppError {
    AppError::new(ErrorKind::Conflict, "stripe_not_set_up", "STRIPE_API_KEY is not set; see README.md, Configuration")
}

/// Reads. `path` begins with `/v1/`.
pub async fn get<P: Ports>(ctx: &Context<'_, P>, path: &str, query: &FormEncoder) -> Result<StripeReply, AppError> {
    let query = query.encode();
    let address = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    ask(ctx, "GET", &address, None, LIMIT_MS).await
}

/// The same while somebody waits for a page.
pub async fn get_promptly<P: Ports>(ctx: &Context<'_, P>, path: &str) -> Result<StripeReply, AppError> {
    ask(ctx, "GET", path, None, PROMPT_LIMIT_MS).await
}

/// Writes. The same key with the same form takes effect once, for 24 hours.
pub async fn post<P: Ports>(
    ctx: &Context<'_, P>,
    path: &str,
    form: &FormEncoder,
    key: &str,
) -> Result<StripeReply, AppError> {
    post_encoded(ctx, path, form.encode(), key).await
}

/// The same for a form that is already encoded: a retry sends exactly the same bytes.
pub async fn post_encoded<P: Ports>(
    ctx: &Context<'_, P>,
    path: &str,
    form: String,
    key: &str,
) -> Result<StripeReply, AppError> {
    ask(ctx, "POST", path, Some((form, key)), LIMIT_MS).await
}

/// The same while somebody waits for a page: a request that times out is retried on the next visit.
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
        // Jitter, so that callers who were rate limited together don't retry together.
        ctx.ports.pause(wait_ms + u32::from(byte[0])).await;
        wait_ms *= 2;
    }
    Ok(StripeReply::Limited)
}

fn read(answer: &IncomingResponse) -> StripeReply {
    if answer.is_success() && answer.body.len() > ANSWER_BYTES_MAX {
        return StripeReply::TooLong(String::from_utf8_lossy(&answer.body).into_owned());
    }
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
            // Reusing a key with a different form has an error type but no code.
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
    /// The response, or the error for callers that don't handle the other cases themselves.
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
            StripeReply::TooLong(_) => {
                let detail = format!("Stripe's response is longer than {ANSWER_BYTES_MAX} bytes");
                Err(AppError::new(ErrorKind::Transient, "stripe_unavailable", detail))
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
