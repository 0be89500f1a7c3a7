//! Referred accounts, for operators.

use crate::codec::operator;
use crate::http::auth;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::service::attribution::reassign as rebinding;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;

/// `POST /v1/accounts/{id}/reassign`. The same body with the same Idempotency-Key is the same move.
pub async fn reassign<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let ctx = app.context(actor);
    let body = operator::reassign(&request.body)?;
    let event = match auth::once(request)? {
        Some(once) => crate::base::id::derived("reb", &[id, &once.key]),
        None => ctx.fresh_id("reb"),
    };
    rebinding::reassign(&ctx, id, &body, event, auth::hex_sha256(&request.body)).await
}
