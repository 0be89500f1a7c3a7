//! Runs, reviews and the Worker's health, for operators.

use crate::codec::operator;
use crate::engine::identity::access::Scope;
use crate::http::auth;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::http::page;
use crate::http::page::Page;
use crate::service::attribution::reassign as rebinding;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::overdue;
use crate::service::overdue::Standing;
use crate::service::report::reconcile as reconciling;
use crate::service::review as deciding;
use crate::service::review::ReviewDecision;
use crate::service::settlement::start as starting;
use crate::service::settlement::start::view as run_view;
use crate::store::identity::token;
use crate::store::identity::token::AuditRow;
use crate::store::message::outbox;
use crate::store::port::{DbError, Rows};
use crate::store::review::ReviewRow;
use crate::store::settlement::run as runs;
use crate::store::settlement::run::{RunPartner, RunRow, RunTotal};
use crate::store::{health as health_store, review};
use serde_json::{Value, json};

/// `GET /v1/runs`: newest first.
pub async fn run_list<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let rows: Vec<RunRow> =
        app.context("").query(runs::run_page(before_ms, &before_id, page.limit + 1)).await?.decode()?;
    Ok((200, page.answer(rows, |r| format!("{}.{}", r.started_at_ms.0, r.id), run_view)))
}

/// `POST /v1/runs`: starts the run of a period that is over, or resumes it.
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

/// `GET /v1/reviews?state=open`.
pub async fn review_list<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let state = request.param("state").unwrap_or_else(|| "open".to_owned());
    if !["open", "released", "rejected"].contains(&state.as_str()) {
        let detail = "must be open, released or rejected";
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", detail).field("state"));
    }
    let rows: Vec<ReviewRow> =
        app.context("").query(review::review_page(&state, &page.cursor, page.limit + 1)).await?.decode()?;
    Ok((200, page.answer(rows, |r| r.id.clone(), deciding::view)))
}

/// `POST /v1/reviews/{id}`.
pub async fn review_decide<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let body = operator::review(&request.body)?;
    let choice = if body.release { ReviewDecision::Release } else { ReviewDecision::Reject };
    deciding::decide(&app.context(actor), id, choice, &body.reason).await
}

/// `POST /v1/accounts/{id}/reassign`. The same body with the same Idempotency-Key is the same move.
pub async fn reassign<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let ctx = app.context(actor);
    let body = operator::reassign(&request.body)?;
    let event = match auth::once(request)? {
        Some(once) => crate::base::id::derived("reb", &[id, &once.key]),
        None => ctx.fresh_id("reb"),
    };
    rebinding::reassign(&ctx, id, &body, event, auth::hex_sha256(&request.body)).await
}

/// `POST /v1/reconciliations`: what the billing system says about accounts, against what their events said.
pub async fn reconcile<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let body = operator::reconciliation(&request.body, app.now)?;
    Ok((200, reconciling::reconcile(&app.context(actor), &body).await?))
}

/// `GET /v1/audit`: what operators did, newest first.
pub async fn audit_list<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let rows: Vec<AuditRow> =
        app.context("").query(token::audit_page(before_ms, &before_id, page.limit + 1)).await?.decode()?;
    let json_of = |text: &Option<String>| text.as_deref().map(|t| serde_json::from_str::<Value>(t).unwrap_or_default());
    let view = |a: &AuditRow| {
        json!({
            "id": a.id, "at": a.at_ms.to_rfc3339(), "actor": a.actor, "action": a.action, "subject": a.subject,
            "reason": a.reason, "before": json_of(&a.before), "after": json_of(&a.after),
        })
    };
    Ok((200, page.answer(rows, |a| format!("{}.{}", a.at_ms.0, a.id), view)))
}

/// `GET /healthz`: whether all is well, for everybody; what is not, for operators.
pub async fn health<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<StoredResponse, AppError> {
    if request.header("authorization").is_some() {
        auth::allowed(app, request, Scope::Read).await?;
        return details(app).await;
    }
    // A load balancer is told no more by an error than by a no.
    let ok = details(app).await.is_ok_and(|(status, _)| status == 200);
    Ok((if ok { 200 } else { 503 }, json!({"ok": ok})))
}

async fn details<S: Platform>(app: &RequestContext<'_, S>) -> Result<StoredResponse, AppError> {
    let mut reads = vec![health_store::schema_objects(), health_store::heartbeat_list(), outbox::outbox_backlog()];
    reads.extend(overdue::reads());
    let (ctx, count) = (app.context(""), reads.len());
    let rows = match ctx.batch(reads).await {
        // Of a database that is not set up yet it is said what is missing.
        Err(DbError::NoSchema(_)) => {
            let mut rows = ctx.batch(vec![health_store::schema_objects()]).await?;
            rows.resize_with(count, Rows::default);
            rows
        }
        rows => rows?,
    };
    let missing = health_store::missing_objects(&rows[0])?;
    let backlog: health_store::Backlog = rows[2].first()?.unwrap_or_default();
    let crons: Vec<Value> = rows[1]
        .decode::<health_store::Heartbeat>()?
        .iter()
        .map(|h| {
            json!({
                "job": h.job, "scheduled_at": h.scheduled_at_ms.to_rfc3339(),
                "seconds_since": (app.now.0 - h.finished_at_ms.0) / 1_000,
            })
        })
        .collect();
    let runs = overdue::standing(&rows[3..], app.now)?;
    let ok = missing.is_empty() && app.config.complaints.is_empty() && !runs.is_late(app.now);
    let body = json!({
        "ok": ok, "build": env!("CARGO_PKG_VERSION"),
        "schema": {"expected": health_store::expected_objects(), "missing": missing},
        "crons": crons, "runs": run_standing(&runs), "statements_max": app.config.setup.statements_max,
        "outbox": {
            "queued": backlog.queued, "failed": backlog.failed, "oldest_ms": backlog.oldest_ms,
            "mail": app.config.setup.mail_state(), "operator_mail": app.config.setup.mail.operator.is_some(),
        },
        "configuration": app.config.complaints,
    });
    Ok((if ok { 200 } else { 503 }, body))
}

/// Runs that are not done, and those that should be there and are not.
fn run_standing(runs: &Standing) -> Value {
    let overdue = runs.overdue.iter().map(|late| {
        json!({
            "program": late.program, "cadence": late.cadence.name(), "period": late.period,
            "due_at": late.due_at.to_rfc3339(),
        })
    });
    json!({
        "open": runs.open.open, "oldest_started_at": runs.open.oldest_ms.map(|at| at.to_rfc3339()),
        "overdue": overdue.collect::<Vec<Value>>(),
    })
}
