//! The ledger: its rows, its checks and its seal.

use crate::base::time::UtcMillis;
use crate::engine::ledger::seal::{HeadResult, LedgerBlock, SealHead};
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::exchange::Request;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::ledger::seal;
use crate::service::ledger::seal::SealState;
use crate::service::once::StoredResponse;
use crate::store::ledger;
use crate::store::ledger::TransferRow;
use serde_json::{Value, json};

/// Heads that one request compares.
const HEADS_MAX: usize = 20;

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

/// `GET /v1/ledger/verify?head=&cursor=`: recomputes a page of blocks, and compares heads that were kept elsewhere.
pub async fn verify<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let heads = heads(call.request)?;
    let after = Page::of(call.request)?.number(0)?.max(0);
    let done = seal::verify(&call.context(), after, &heads).await?;
    let difference = done.difference.map(|first| json!({"block": first.number, "fault": first.fault}));
    let mut view = state(&done.state);
    view["verified"] = json!(done.blocks.map(|(from, to)| json!({"from": from, "to": to, "rows": done.rows})));
    let compared = |(head, result): &(SealHead, HeadResult)| json!({"head": head.to_string(), "result": result});
    view["heads"] = done.heads.0.iter().map(compared).collect();
    view["unchanged_to"] = json!(done.unchanged_to);
    view["first_difference"] = json!(difference);
    view["next_cursor"] = json!(done.next.map(|number| number.to_string()));
    Ok((200, view))
}

fn heads(request: &Request) -> Result<Vec<SealHead>, AppError> {
    let text = request.param("head").unwrap_or_default();
    let given = text.split(',').filter(|part| !part.trim().is_empty());
    let heads: Option<Vec<SealHead>> = given.map(SealHead::parse).collect();
    heads.filter(|heads| heads.len() <= HEADS_MAX).ok_or_else(|| {
        let detail = format!("must be a block's number, a colon and its hash of 64 hex digits, or up to {HEADS_MAX} of them, separated by commas");
        AppError::new(ErrorKind::BadRequest, "malformed", detail).field("head")
    })
}

/// The last block, and what none has sealed yet.
pub fn state(state: &SealState) -> Value {
    let head = |last: &LedgerBlock| json!({"head": last.head().to_string(), "block": last.number, "sealed_at": last.sealed_at_ms.to_rfc3339()});
    json!({
        "sealed": state.last.as_ref().map(head),
        "unsealed": {
            "rows": state.unsealed.unsealed, "oldest_at": state.unsealed.oldest_ms.map(UtcMillis::to_rfc3339),
        },
    })
}
