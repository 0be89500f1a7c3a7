//! Runs, for operators.

use crate::base::ids::RunId;
use crate::codec::operator::NewRun;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page;
use crate::http::page::Page;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::preview;
use crate::service::settlement::start as starting;
use crate::service::settlement::start::view as run_view;
use crate::store::settlement::run as runs;
use crate::store::settlement::run_partner;
use serde_json::json;

/// `GET /v1/runs`: newest first.
pub async fn run_list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let reads = runs::run_page(before_ms, &before_id, page.limit + 1);
    let rows = call.context().read(reads).await?;
    Ok((200, page.answer(rows, |r| format!("{}.{}", r.started_at_ms.0, r.id), run_view)))
}

/// `POST /v1/runs`: starts the run of a finished period, or resumes it.
pub async fn run_start<S: Platform>(call: OperatorCall<'_, S, NewRun>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    starting::start_requested(&call.context(), call.body, page.limit).await
}

/// `GET /v1/run-previews/{id}`: continues the preview of a run, and shows a page of it.
pub async fn run_preview<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let id = call.segment.into();
    Ok((200, preview::show(&call.context(), &id, Some("run"), (&page.cursor, page.limit)).await?))
}

/// `GET /v1/runs/{id}`: plan, progress, and each partner's statement.
pub async fn run_show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let id = &RunId::from(call.segment);
    let reads = (
        runs::run_find(id).first(),
        runs::run_totals(id),
        run_partner::run_partner_page(id, &page.cursor, page.limit + 1),
    );
    let (run, totals, partners) = call.context().read(reads).await?;
    let mut body = run_view(&run.ok_or_else(|| AppError::not_found("run"))?);
    body["totals"] = json!(totals);
    body["partners"] = page.answer(partners, |p| p.partner_id.to_string(), |p| json!(p));
    Ok((200, body))
}
