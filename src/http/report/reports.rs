//! What happened and why: attribution reports, the ledger, the leaderboard.

use crate::base::decode;
use crate::base::ids::{AccountId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::Accrual;
use crate::engine::attribution::AttributionResult;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page::Page;
use crate::http::partner::partners::entry;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::store::account;
use crate::store::account::BindingRow;
use crate::store::ledger;
use crate::store::ledger::TransferRow;
use crate::store::partner;
use crate::store::program::programs;
use serde_json::{Value, json};

/// `GET /v1/accounts/{id}/attribution`: the partner that the account is bound to, by what, why the other candidates
/// lost, and what it earned.
pub async fn receipt<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let id = &AccountId::from(call.segment);
    let reads = (account::account_find(id).first(), account::binding_list(id), account::accrual_list(&[id.to_owned()]));
    let (account, bindings, accruals) = call.context().read(reads).await?;
    account.ok_or_else(|| AppError::not_found("account"))?;
    let programs: Vec<Value> = bindings.iter().map(|row| binding_view(row, &accruals, call.app.now)).collect();
    Ok((200, json!({"account": id, "programs": programs})))
}

fn binding_view(row: &BindingRow, accruals: &[Accrual], now: UtcMillis) -> Value {
    let states: Value = decode::from_text::<Vec<crate::engine::account::lifecycle::LifecycleTransition>>(&row.states)
        .map(|states| {
            states.iter().filter(|s| s.at <= now).map(|s| json!({"state": s.state, "at": s.at.to_rfc3339()})).collect()
        })
        .unwrap_or_default();
    let Ok(result) = decode::from_text::<AttributionResult>(&row.receipt) else { return Value::Null };
    let binding = result.binding.as_ref();
    let program = binding.map(|b| b.program.as_str());
    let candidates: Vec<Value> = result
        .candidates
        .iter()
        .map(|c| {
            json!({
                "method": c.method, "event": c.event, "program": c.program, "partner": c.partner, "code": c.code,
                "at": c.at.map(|at| at.to_rfc3339()), "chosen": c.chosen, "reason": c.reason,
            })
        })
        .collect();
    let mine = accruals.iter().filter(|l| Some(l.program_id.as_str()) == program || l.net_cents.0 > 0);
    json!({
        "group": result.group, "attributed": binding.is_some(), "program": program,
        "partner": binding.map(|b| &b.partner), "code": binding.map(|b| &b.code),
        "method": binding.map(|b| &b.method), "event": binding.map(|b| &b.event),
        "click": binding.and_then(|b| b.click.as_ref()),
        "bound_at": binding.map(|b| b.from.to_rfc3339()), "reason": result.reason, "candidates": candidates,
        "states": states, "entries": mine.map(entry).collect::<Vec<Value>>(),
        "decided_at": row.decided_at_ms.to_rfc3339(),
    })
}

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
    catalog.in_force(&program, call.app.now).ok_or_else(|| AppError::not_found("program"))?;
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
