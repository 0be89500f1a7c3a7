//! Reconciliations with the billing system.

use crate::codec::operator;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::report::reconcile as reconciling;

/// `POST /v1/reconciliations`: compares what the billing system says about accounts with what their events said.
pub async fn reconcile<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let reads = operator::reconciliation(&request.body, app.now)?;
    Ok((200, reconciling::reconcile(&app.context(actor), &reads).await?))
}
