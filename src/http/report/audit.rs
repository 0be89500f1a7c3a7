//! The audit trail, for operators.

use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page;
use crate::http::page::Page;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::store::identity::audit;
use crate::store::identity::audit::AuditRow;
use serde_json::{Value, json};

/// `GET /v1/audit`: what operators did, newest first.
pub async fn audit_list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let reads = audit::audit_page(before_ms, &before_id, page.limit + 1);
    let rows = call.context().read(reads).await?;
    let json_of = |text: &Option<String>| text.as_deref().map(|t| serde_json::from_str::<Value>(t).unwrap_or_default());
    let view = |a: &AuditRow| {
        json!({
            "id": a.id, "at": a.at_ms.to_rfc3339(), "actor": a.actor, "action": a.action, "subject": a.subject,
            "reason": a.reason, "before": json_of(&a.before), "after": json_of(&a.after),
        })
    };
    Ok((200, page.answer(rows, |a| format!("{}.{}", a.at_ms.0, a.id), view)))
}
