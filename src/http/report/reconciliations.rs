//! Reconciliations with the billing system.

use crate::codec::operator::ReconciliationRequest;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::report::reconcile as reconciling;

/// `POST /v1/reconciliations`: compares what the billing system says about accounts with what their events said.
pub async fn reconcile<S: Platform>(
    call: OperatorCall<'_, S, ReconciliationRequest>,
) -> Result<StoredResponse, AppError> {
    Ok((200, reconciling::reconcile(&call.context(), &call.body).await?))
}
