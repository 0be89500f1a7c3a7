//! Programs, for operators.

use crate::base::ids::ProgramId;
use crate::codec::operator::{DryRunRequest, FundingRequest};
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::ledger::budget as funding;
use crate::service::once::StoredResponse;
use crate::service::preview;
use crate::service::program as saving;
use crate::service::program::Refusal;
use crate::service::program::dry_run as dry_runs;
use crate::store::ledger::budget;
use serde_json::{Value, json};

/// `GET /v1/programs`: every program with the version in force.
pub async fn list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let catalog = call.context().programs().await?;
    let programs: Vec<Value> = catalog
        .all_current(call.app.now)
        .into_iter()
        .map(|d| {
            json!({
                "id": d.id, "title": d.title, "version": d.version, "currency": d.currency,
                "effective_from": d.effective_from.to_rfc3339(), "cadence": d.settlement.cadence,
                "unit": d.settlement.unit,
            })
        })
        .collect();
    Ok((200, json!({"data": programs, "next_cursor": null})))
}

/// `GET /v1/programs/{id}`: the document in force and all versions.
pub async fn show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let id = &ProgramId::from(call.segment);
    let catalog = call.context().programs().await?;
    let document = catalog.current(id, call.app.now).ok_or_else(|| AppError::not_found("program"))?;
    let versions: Vec<Value> = catalog
        .versions(id)
        .map(|d| json!({"version": d.version, "effective_from": d.effective_from.to_rfc3339()}))
        .collect();
    Ok((200, json!({"id": id, "document": document.value(), "versions": versions})))
}

/// `GET /v1/programs/{id}/budget`.
pub async fn budget_show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let rows = call.context().read(budget::budget_list()).await?;
    let found =
        rows.into_iter().find(|p| p.budget.program_id == call.segment).ok_or_else(|| AppError::not_found("program"))?;
    Ok((
        200,
        json!({"program": call.segment, "balance_cents": found.budget.balance_cents, "waiting": found.budget.waiting}),
    ))
}

/// `POST /v1/programs/{id}/budget`: funds it, and releases as many waiting rewards as it covers.
pub async fn budget_fund<S: Platform>(call: OperatorCall<'_, S, FundingRequest>) -> Result<StoredResponse, AppError> {
    let once = call.once()?;
    funding::fund(&call.context(), &call.segment.into(), call.body.amount, &call.body.reason, once.as_ref()).await
}

/// `POST /v1/programs/{id}/dry-run`: what a draft would have paid over a past period, compared with what was accrued.
pub async fn dry_run<S: Platform>(call: OperatorCall<'_, S, DryRunRequest>) -> Result<Response, AppError> {
    let page = Page::of(call.request)?;
    let ctx = call.context();
    match dry_runs::start(&ctx, &call.segment.into(), &call.body).await {
        Ok(id) => Ok(Response::json(200, &preview::show(&ctx, &id, Some("draft"), (&page.cursor, page.limit)).await?)),
        Err(refusal) => refused(refusal),
    }
}

/// `GET /v1/dry-runs/{id}`: continues a dry run, and shows a page of it.
pub async fn dry_run_show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let id = call.segment.into();
    Ok((200, preview::show(&call.context(), &id, Some("draft"), (&page.cursor, page.limit)).await?))
}

/// `PUT /v1/programs/{id}`: saves a version. All errors of the document are listed by path, value and rule.
pub async fn save<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<Response, AppError> {
    match saving::save(&call.context(), &call.segment.into(), &call.body).await {
        Ok((status, body)) => Ok(Response::json(status, &body)),
        Err(refusal) => refused(refusal),
    }
}

/// A document as its author wrote it. What is wrong with it, the use case says.
pub fn document(body: &[u8]) -> Result<String, AppError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| AppError::new(ErrorKind::BadRequest, "invalid_utf8", "the body must be UTF-8"))?;
    if let Err(why) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        return Err(AppError::new(ErrorKind::BadRequest, "invalid_json", format!("the body is not JSON: {why}")));
    }
    Ok(text.to_owned())
}

fn refused(refusal: Refusal) -> Result<Response, AppError> {
    match refusal {
        Refusal::Error(error) => Err(error),
        Refusal::Findings(findings) => {
            let first = findings.first();
            let detail = first.map_or(String::new(), |f| format!("{} ({}): {}", f.path, f.value, f.rule));
            let error = AppError::new(ErrorKind::Unprocessable, "program_refused", detail)
                .field(first.map_or("", |f| f.path.as_str()));
            let mut response = Response::problem(&error);
            if let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) {
                body["findings"] = json!(findings);
                response.body = body.to_string().into_bytes();
            }
            Ok(response)
        }
    }
}
