//! The attribution report of an account: who referred it and why, and what that earned or did not earn.

use crate::base::decode;
use crate::base::time::UtcMillis;
use crate::engine::account::lifecycle::LifecycleTransition;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::engine::attribution::AttributionResult;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::partner::partners::entry;
use crate::program::catalog::Catalog;
use crate::service::attribution::report;
use crate::service::attribution::report::{OtherCurrency, ProgramReport};
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::store::account::BindingRow;
use crate::store::event::stripe::WaitingEvent;
use serde_json::{Value, json};

/// `GET /v1/accounts/{id}/attribution`: the partner that the account is bound to, by what, why the other candidates
/// lost, what it earned, what earned nothing because of its currency, and what waits.
pub async fn report<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let found = report::report(&call.context(), &call.segment.into()).await?;
    let programs: Vec<Value> =
        found.programs.iter().map(|program| program_view(program, &found.catalog, call.app.now)).collect();
    let waiting: Vec<Value> = found.waiting.iter().map(waiting_view).collect();
    let undecided = found.undecided.map(|u| json!({"since": u.since_ms.to_rfc3339(), "refused_by": u.refused_by}));
    Ok((200, json!({"account": call.segment, "programs": programs, "waiting": waiting, "undecided": undecided})))
}

fn program_view(report: &ProgramReport, catalog: &Catalog, now: UtcMillis) -> Value {
    let unbound = AttributionResult {
        group: report.group.clone(),
        reason: "the account is not attributed to this program any more".to_owned(),
        binding: None,
        candidates: Vec::new(),
    };
    let read = |row: &BindingRow| decode::from_text::<AttributionResult>(&row.receipt);
    let Ok(result) = report.row.as_ref().map_or(Ok(unbound), read) else { return Value::Null };
    let states = report.row.as_ref().and_then(|row| decode::from_text::<Vec<LifecycleTransition>>(&row.states).ok());
    let states = states.unwrap_or_default();
    let reached = states.iter().filter(|s| s.at <= now);
    let binding = result.binding.as_ref();
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
    let waiting =
        report.accruals.iter().map(|(accrual, _)| accrual).filter(|accrual| accrual.state == AccrualState::Waiting);
    json!({
        "group": result.group, "attributed": binding.is_some(), "program": report.program,
        "partner": binding.map(|b| &b.partner), "code": binding.map(|b| &b.code),
        "method": binding.map(|b| &b.method), "event": binding.map(|b| &b.event),
        "click": binding.and_then(|b| b.click.as_ref()),
        "bound_at": binding.map(|b| b.from.to_rfc3339()), "reason": result.reason, "candidates": candidates,
        "states": reached.map(|s| json!({"state": s.state, "at": s.at.to_rfc3339()})).collect::<Vec<Value>>(),
        "entries": report.accruals.iter().map(|shown| entry(shown, catalog, now)).collect::<Vec<Value>>(),
        "other_currencies": report.other_currencies.iter().map(other_currency_view).collect::<Vec<Value>>(),
        "waiting": waiting.map(waiting_reward_view).collect::<Vec<Value>>(),
        "decided_at": report.decided_at.to_rfc3339(),
    })
}

fn other_currency_view(other: &OtherCurrency) -> Value {
    let row = &other.amount;
    json!({
        "type": row.kind, "id": row.subject, "event": row.event_id, "at": row.at_ms.to_rfc3339(),
        "currency": row.currency, "amount_cents": row.cents, "reason": other.reason,
    })
}

/// A reward that waits for the program's budget.
fn waiting_reward_view(accrual: &Accrual) -> Value {
    json!({
        "accrual_id": accrual.id, "reward_id": accrual.reward_id, "partner": accrual.partner_id,
        "event": accrual.event_id, "at": accrual.at_ms.to_rfc3339(), "amount_cents": accrual.gross_cents,
        "reason": accrual.reason,
    })
}

/// A refund or dispute that waits for the invoice of its payment.
fn waiting_view(waiting: &WaitingEvent) -> Value {
    json!({
        "event": waiting.id, "type": waiting.r#type, "payment_intent": waiting.payment_intent, "charge": waiting.charge,
        "at": waiting.occurred_at_ms.to_rfc3339(), "reason": report::WAITS_FOR_INVOICE,
    })
}
