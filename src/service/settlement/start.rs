//! Runs that an operator requests: previewed, started, resumed.

use crate::base::ids::ProgramId;
use crate::base::time::UtcMillis;
use crate::codec::operator::NewRun;
use crate::engine::event::OCCURRED_AT_MIN;
use crate::engine::settlement::schedule;
use crate::program::catalog::Catalog;
use crate::program::document::Cadence;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::preview;
use crate::service::settlement::preview::RunPreview;
use crate::service::settlement::settle;
use crate::service::settlement::settle::Due;
use crate::store::program;
use crate::store::settlement::operator_runs::run_latest;
use crate::store::settlement::run as runs;
use crate::store::settlement::run::RunRow;
use serde_json::{Value, json};

/// Starts, resumes or previews the requested run. `page`: how many rows of a preview the response has.
pub async fn start_requested<P: Ports>(
    ctx: &Context<'_, P>,
    wanted: NewRun,
    page: i64,
) -> Result<StoredResponse, AppError> {
    let cadence = if wanted.cadence == "weekly" { Cadence::Weekly } else { Cadence::Monthly };
    let scheduled = schedule::scheduled_at(cadence, &wanted.period).ok_or_else(|| {
        let form = if cadence == Cadence::Weekly { "an ISO week such as 2026-W24" } else { "a month such as 2026-06" };
        AppError::new(ErrorKind::Unprocessable, "malformed", format!("must be {form}")).field("period")
    })?;
    let id = settle::run_id(&wanted.program, cadence, &wanted.period);
    let (catalog, known) = ctx.read((program::programs(), runs::run_find(&id).first())).await?;
    if known.is_none() {
        settles(&catalog, &wanted.program, cadence, ctx.now)?;
    }
    if wanted.preview {
        let due = Due { program: wanted.program, cadence, period: wanted.period, as_of: scheduled };
        let latest = ctx.read(run_latest(&due.program).first()).await?.and_then(|run| run.as_of_ms);
        let started = preview::start(ctx, RunPreview::begin(&catalog, &due, latest)?).await?;
        let mut body = preview::show(ctx, &started.id, None, ("", page)).await?;
        body["run"] = json!(known.as_ref().map(view));
        return Ok((200, body));
    }
    let run = match known {
        Some(run) => settle::resume_by_hand(ctx, &run).await?,
        None => {
            if scheduled < OCCURRED_AT_MIN {
                let detail = format!("no event is older than {}", OCCURRED_AT_MIN.to_rfc3339());
                return Err(AppError::new(ErrorKind::Unprocessable, "period_too_early", detail).field("period"));
            }
            if scheduled > ctx.now {
                let detail = format!("this period has not ended; it settles on {}", scheduled.to_rfc3339());
                return Err(AppError::new(ErrorKind::Unprocessable, "period_not_over", detail).field("period"));
            }
            settle::settle(ctx, &Due { program: wanted.program, cadence, period: wanted.period, as_of: scheduled })
                .await?
        }
    };
    let totals = ctx.read(runs::run_totals(&run.id)).await?;
    let mut body = view(&run);
    body["totals"] = json!(totals);
    Ok((200, body))
}

/// Refuses runs of programs that do not settle by this cadence.
fn settles(catalog: &Catalog, program: &ProgramId, cadence: Cadence, now: UtcMillis) -> Result<(), AppError> {
    let document = catalog.in_force(program, now).ok_or_else(|| {
        AppError::new(ErrorKind::Unprocessable, "unknown_program", "program not found").field("program")
    })?;
    if document.settlement.cadence != cadence {
        let detail = format!("this program's cadence is {}", document.settlement.cadence.name());
        return Err(AppError::new(ErrorKind::Unprocessable, "wrong_cadence", detail).field("cadence"));
    }
    Ok(())
}

/// A run as operators see it.
pub fn view(run: &RunRow) -> Value {
    json!({
        "id": run.id, "program": run.program_id, "program_version": run.program_version, "cadence": run.cadence,
        "period": run.period, "as_of": run.as_of_ms.to_rfc3339(), "state": run.state, "planned": run.items,
        "executed": run.executed, "actor": run.actor, "started_at": run.started_at_ms.to_rfc3339(),
        "finished_at": run.finished_at_ms.map(UtcMillis::to_rfc3339), "refused_by": run.refused_by,
    })
}
