//! Runs, for operators.

use crate::codec::operator;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::http::page;
use crate::http::page::Page;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::settlement::start as starting;
use crate::service::settlement::start::view as run_view;
use crate::store::settlement::run as runs;
use crate::store::settlement::run::{RunPartner, RunRow, RunTotal};
use serde_json::json;

/// `GET /v1/runs`: newest first.
pub async fn run_list<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let rows: Vec<RunRow> =
        app.context("").query(runs::run_page(before_ms, &before_id, page.limit + 1)).await?.decode()?;
    Ok((200, page.answer(rows, |r| format!("{}.{}", r.started_at_ms.0, r.id), run_view)))
}

/// `POST /v1/runs`: starts the run of a finished period, or resumes it.
pub async fn run_start<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    starting::start_requested(&app.context(actor), operator::run(&request.body)?).await
}

/// `GET /v1/runs/{id}`: plan, progress, and each partner's statement.
pub async fn run_show<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let rows = app
        .context("")
        .batch(vec![runs::run_find(id), runs::run_totals(id), runs::run_partner_page(id, &page.cursor, page.limit + 1)])
        .await?;
    let run: RunRow = rows[0].first()?.ok_or_else(|| AppError::not_found("run"))?;
    let mut body = run_view(&run);
    body["totals"] = json!(rows[1].decode::<RunTotal>()?);
    body["partners"] = page.answer(rows[2].decode::<RunPartner>()?, |p| p.partner_id.clone(), |p| json!(p));
    Ok((200, body))
}
