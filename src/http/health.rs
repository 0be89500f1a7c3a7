//! The Worker's health: whether it works, for anyone; what is wrong, for operators.

use crate::engine::identity::access::Scope;
use crate::http::auth;
use crate::http::call::{Call, PublicCall};
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::PASSED;
use crate::http::report::ledger;
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::service::ledger::seal;
use crate::service::ledger::seal::SealState;
use crate::service::once::StoredResponse;
use crate::service::overdue;
use crate::service::overdue::Standing;
use crate::store::account::waiting;
use crate::store::event::stripe_failed::{FailedEvent, failure_count, failure_list};
use crate::store::health as health_store;
use crate::store::health::RefusedRun;
use crate::store::link::click::dropped_count;
use crate::store::message::outbox;
use crate::store::payout::unexpected::unexpected_count;
use crate::store::port::DbError;
use serde_json::{Value, json};

/// What is wrong if requests to the site arrive here.
const LEADS_BACK: &str =
    "leads back to this Worker, so no page of the site is reached: write the address at which the site itself answers";

/// `GET /healthz`: whether everything works, for anyone; what doesn't, for operators.
pub async fn health<S: Platform>(call: PublicCall<'_, S>) -> Result<StoredResponse, AppError> {
    let Call { app, request, .. } = call;
    // Our own question whether the site's address leads back here.
    if request.header(PASSED).is_some() {
        return Ok((200, json!({"ok": true})));
    }
    if request.header("authorization").is_some() {
        auth::allowed(app, request, Scope::Read).await?;
        return details(app, &request.origin).await;
    }
    // Anybody can ask as often as they like, and finding out takes a dozen statements.
    let ok = match app.site.cached_health() {
        Some(ok) => ok,
        None => {
            // A load balancer learns no more from an error than from an unhealthy result.
            let ok = details(app, &request.origin).await.is_ok_and(|(status, _)| status == 200);
            app.site.cache_health(ok);
            ok
        }
    };
    Ok((if ok { 200 } else { 503 }, json!({"ok": ok})))
}

async fn details<S: Platform>(app: &RequestContext<'_, S>, origin: &str) -> Result<StoredResponse, AppError> {
    let ctx = app.context("");
    let reads = (
        health_store::schema_objects(),
        health_store::heartbeat_list(),
        outbox::outbox_backlog().first(),
        overdue::reads(),
        (unexpected_count().first(), dropped_count(app.now).first(), failure_count().first(), failure_list()),
        (waiting::waiting_count().first(), waiting::refused_list(), health_store::run_refused_list()),
        seal::state_reads(),
    );
    let (
        objects,
        heartbeats,
        backlog,
        runs,
        (transfers, dropped, failures, failed),
        (accounts, refused, refused_runs),
        sealed,
    ) = match ctx.read(reads).await {
        // If the database is not set up yet, the response lists what is missing.
        Err(DbError::NoSchema(_)) => {
            let objects = ctx.read(health_store::schema_objects()).await?;
            let runs = (Catalog::default(), Vec::new(), None);
            (
                objects,
                Vec::new(),
                None,
                runs,
                (None, None, None, Vec::new()),
                (None, Vec::new(), Vec::new()),
                (None, None),
            )
        }
        found => found?,
    };
    let missing = health_store::missing_objects(&objects);
    let backlog = backlog.unwrap_or_default();
    let crons: Vec<Value> = heartbeats
        .iter()
        .map(|h| {
            json!({
                "job": h.job, "scheduled_at": h.scheduled_at_ms.to_rfc3339(),
                "seconds_since": (app.now.0 - h.finished_at_ms.0) / 1_000, "refused_by": h.refused_by,
            })
        })
        .collect();
    let runs = overdue::standing(runs, app.now);
    let unexpected = transfers.unwrap_or_default().unexpected;
    let failures = failures.unwrap_or_default().failed;
    let accounts = accounts.unwrap_or_default();
    let sealed = SealState::of(sealed);
    let stands_still = runs.is_late(app.now)
        || sealed.is_late(app.now)
        || overdue::is_undecided(&accounts, app.now)
        || heartbeats.iter().any(|h| h.refused_by.is_some());
    let mut complaints = app.config.complaints_at(origin);
    let is_bound = app.site.is_site_bound();
    if !is_bound && !app.config.origin().is_empty() && app.site.site_leads_back().await {
        complaints.push(format!("{}: {LEADS_BACK}", app.config.origin_setting()));
    }
    let ok = missing.is_empty() && complaints.is_empty() && !stands_still && unexpected == 0 && failures == 0;
    let refused: Vec<Value> =
        refused.iter().map(|r| json!({"refused_by": r.refused_by, "accounts": r.accounts})).collect();
    let body = json!({
        "ok": ok, "build": env!("CARGO_PKG_VERSION"),
        "schema": {"expected": health_store::expected_objects(), "missing": missing},
        "crons": crons, "runs": run_standing(&runs, &refused_runs),
        "accounts": {
            "waiting": accounts.waiting, "oldest_since": accounts.oldest_ms.map(|at| at.to_rfc3339()), "refused": refused,
        },
        "statements_max": app.config.setup.statements_max,
        "outbox": {
            "queued": backlog.queued, "failed": backlog.failed, "undelivered": backlog.undelivered, "oldest_ms": backlog.oldest_ms,
            "email": app.config.setup.mail_state(), "operator_email": app.config.setup.mail.operator.is_some(),
        },
        "transfers": {"unexpected": unexpected}, "stripe": {"failed": failures, "events": failed_events(&failed)}, "clicks": {"dropped": dropped.unwrap_or_default().dropped}, "ledger": ledger::state(&sealed),
        "configuration": complaints,
        "advice": app.config.advice(is_bound),
    });
    Ok((if ok { 200 } else { 503 }, body))
}

/// Events of Stripe's that could not be taken in.
fn failed_events(failed: &[FailedEvent]) -> Vec<Value> {
    let view = |f: &FailedEvent| json!({"event": f.id, "type": f.r#type, "reason": f.reason, "tries": f.tries, "since": f.failed_at_ms.to_rfc3339()});
    failed.iter().map(view).collect()
}

/// Unfinished runs, and runs that should exist but don't.
fn run_standing(runs: &Standing, refused: &[RefusedRun]) -> Value {
    let overdue = runs.overdue.iter().map(|late| {
        json!({
            "program": late.program, "cadence": late.cadence.name(), "period": late.period,
            "due_at": late.due_at.to_rfc3339(),
        })
    });
    let refused: Vec<Value> = refused.iter().map(|r| json!({"state": r.state, "refused_by": r.refused_by})).collect();
    json!({
        "open": runs.open.open, "refused": refused, "oldest_started_at": runs.open.oldest_ms.map(|at| at.to_rfc3339()),
        "overdue": overdue.collect::<Vec<Value>>(), "overdue_count": runs.overdue_count,
    })
}
