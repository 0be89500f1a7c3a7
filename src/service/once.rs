//! Requests with an `Idempotency-Key`: the response is stored in the same batch as the effect, and a repeat gets the
//! same response. The same key with a different body is refused.

use crate::base::time::UtcMillis;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::identity::idempotency;
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

/// What an answer says of a person, or in somebody's words. It is stored in the row that the answer is about and nowhere
/// else, so that it is erased there: a repeat reads it from the row ([`restored`]).
const IN_ROWS: &[&str] =
    &["name", "email", "external_id", "website", "note", "reason", "destination", "campaign", "utm"];

/// An answer that was stored, with what its row says of a person now.
pub fn restored((status, mut answer): StoredResponse, row: &Value) -> StoredResponse {
    for field in IN_ROWS {
        if let Some(value) = row.get(field) {
            answer[field] = value.clone();
        }
    }
    (status, answer)
}

impl IdempotentRequest {
    /// The response that was given before.
    async fn answered<P: Ports>(&self, ctx: &Context<'_, P>) -> Result<Option<StoredResponse>, AppError> {
        let kept = ctx.read(idempotency::idempotency_find(&self.key, &self.route).first()).await?;
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

    /// The statement that stores `answer`, for the batch of the effect, without what is in rows. It is removed after a
    /// while ([`crate::service::kept_days`]).
    pub fn keep(&self, answer: &StoredResponse, now: UtcMillis) -> Stmt {
        self.stored(answer, false, now)
    }

    /// The same for a call that moves money: a repeat never moves it again, however late.
    pub fn keep_for_good(&self, answer: &StoredResponse, now: UtcMillis) -> Stmt {
        self.stored(answer, true, now)
    }

    fn stored(&self, answer: &StoredResponse, moves_money: bool, now: UtcMillis) -> Stmt {
        let mut kept = answer.1.clone();
        if let Some(fields) = kept.as_object_mut() {
            fields.retain(|name, _| !IN_ROWS.contains(&name.as_str()));
        }
        let text = kept.to_string();
        let (key, route) = (&self.key, &self.route);
        idempotency::idempotency_insert((key, route), &self.body_sha256, i64::from(answer.0), &text, moves_money, now)
    }
}
