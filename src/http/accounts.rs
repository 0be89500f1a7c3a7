//! Referred accounts, for operators.

use crate::codec::operator::ReassignRequest;
use crate::http::auth;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::service::attribution::reassign as rebinding;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;

/// `POST /v1/accounts/{id}/reassign`. The same body with the same Idempotency-Key is the same move.
pub async fn reassign<S: Platform>(call: OperatorCall<'_, S, ReassignRequest>) -> Result<StoredResponse, AppError> {
    let ctx = call.context();
    let event = match call.once()? {
        Some(once) => crate::base::id::derived("reb", &[call.segment, &once.key]),
        None => ctx.fresh_id("reb"),
    };
    let body_sha256 = auth::hex_sha256(&call.request.body);
    rebinding::reassign(&ctx, &call.segment.into(), &call.body, event.into(), body_sha256).await
}
