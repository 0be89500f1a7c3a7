//! The leaderboard.

use crate::base::ids::ProgramId;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::store::partner;
use crate::store::program::programs;
use serde_json::{Value, json};

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
