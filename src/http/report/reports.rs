//! What happened: the ledger and the leaderboard.

use crate::base::ids::ProgramId;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::store::ledger;
use crate::store::ledger::TransferRow;
use crate::store::partner;
use crate::store::program::programs;
use serde_json::{Value, json};

/// `GET /v1/ledger/transfers`: every row in the order in which it was written.
pub async fn transfers<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let after = page.number(0)?;
    let rows = call.context().read(ledger::transfer_page(after, page.limit + 1)).await?;
    let view = |t: &TransferRow| {
        json!({
            "id": t.id, "accrual_id": t.accrual_id, "code": t.code, "phase": t.phase, "debit": t.debit, "credit": t.credit,
            "amount_cents": t.amount_cents, "program": t.program_id, "event": t.event_id, "run": t.run_id,
            "actor": t.actor, "reason": t.reason, "created_at": t.created_at_ms.to_rfc3339(),
        })
    };
    Ok((200, page.answer(rows, |t| t.row.to_string(), view)))
}

/// `GET /v1/ledger/checks`: must always be empty.
pub async fn faults<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let rows = call.context().read(ledger::failed_checks()).await?;
    Ok((200, rows.into_iter().map(|r| json!({"fault": r.what})).collect()))
}

/// `GET /v1/leaderboard?program=`: as of the last run.
pub async fn leaderboard<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let program = call.request.param("program").map(ProgramId::from).ok_or_else(|| {
        AppError::new(ErrorKind::BadRequest, "missing", "the parameter program is required").field("program")
    })?;
    let page = Page::of(call.request)?;
    let reads = (programs(), partner::leaderboard_list(&program, page.limit));
    let (catalog, rows) = call.context().read(reads).await?;
    catalog.current(&program, call.app.now).ok_or_else(|| AppError::not_found("program"))?;
    let ranks: Vec<Value> = rows
        .iter()
        .map(|r| {
            let (unit, currency) = r.unit.split_once(':').unwrap_or((&r.unit, ""));
            json!({
                "rank": r.rank, "partner": r.partner_id, "referrals": r.referrals, "gross_cents": r.gross_cents,
                "unit": unit, "currency": currency,
            })
        })
        .collect();
    let refreshed = rows.first().map(|r| r.refreshed_at_ms.to_rfc3339());
    Ok((200, json!({"program": program, "as_of": refreshed, "data": ranks})))
}
