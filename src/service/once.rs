//! Requests with an `Idempotency-Key`: the response is stored in the same batch as the effect, and a repeat gets the
//! same response. The same key with a different body is refused.

use crate::base::time::UtcMillis;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::identity::idempotency;
use crate::store::identity::idempotency::KeptAnswer;
use crate::store::port::Stmt;
use serde_json::Value;

/// Longest key: the limit that other APIs use.
pub const KEY_CHARS_MAX: usize = 255;

/// A request's key, if it has one.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    pub key: String,
    /// Method and full path: the same key on another route is another request.
    pub route: String,
    /// Hex SHA-256 of the body.
    pub body_sha256: String,
}

/// A response with its HTTP status.
pub type StoredResponse = (u16, Value);

impl IdempotentRequest {
    /// The response that was given before.
    async fn answered<P: Ports>(&self, ctx: &Context<'_, P>) -> Result<Option<StoredResponse>, AppError> {
        let kept: Option<KeptAnswer> =
            ctx.query(idempotency::idempotency_find(&self.key, &self.route)).await?.first()?;
        let Some(kept) = kept else { return Ok(None) };
        if kept.body_sha256 != self.body_sha256 {
            let detail = "this Idempotency-Key was used with a different body; use a new key for a new request";
            return Err(AppError::new(ErrorKind::Conflict, "idempotency_key_reused", detail).field("Idempotency-Key"));
        }
        let answer = serde_json::from_str(&kept.answer).unwrap_or_default();
        Ok(Some((u16::try_from(kept.status).unwrap_or(200), answer)))
    }

    /// The earlier response to the request's key, if it has one.
    pub async fn replied<P: Ports>(
        ctx: &Context<'_, P>,
        once: Option<&IdempotentRequest>,
    ) -> Result<Option<StoredResponse>, AppError> {
        match once {
            Some(once) => once.answered(ctx).await,
            None => Ok(None),
        }
    }

    /// The statement that stores `answer`, for the batch of the effect.
    pub fn keep(&self, answer: &StoredResponse, now: UtcMillis) -> Stmt {
        let text = answer.1.to_string();
        idempotency::idempotency_insert(&self.key, &self.route, &self.body_sha256, i64::from(answer.0), &text, now)
    }
}
