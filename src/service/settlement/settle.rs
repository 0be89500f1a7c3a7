//! Settlement: plan a program's period once, execute the plan in pages, and resume it wherever it was cut off.
//!
//! (1) All due runs are inserted under UNIQUE (program, cadence, period); (2) milestone rewards are planned page by
//! page; (3) the modifiers and caps of partners of whom something changed are found page by page, the accruals that
//! modifiers add are written, and accounts with other changes are recomputed; (4) accruals that vest are planned page by
//! page; (5) the stored plan is executed page by page; (6) statements and payouts are written partner by partner, in
//! pages, and partners are ranked. Each step is one batch that takes the run's next step number, so two runners never
//! take the same step, and a step that failed but was persisted is not repeated. No step reads what earlier periods left
//! behind: it reads what is due, what triggers marked as changed, or a partner's counters.

use crate::base::id;
use crate::base::ids::{AccountId, ProgramId, RunId};
use crate::base::time::UtcMillis;
use crate::engine::account::decision;
use crate::engine::accrual::Accrual;
use crate::engine::accrual::backfill;
use crate::engine::settlement::schedule;
use crate::engine::settlement::{RunState, TermsPart};
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::Cadence;
use crate::service::account::books;
use crate::service::account::books::{BOOKS_STATEMENTS, PendingEvent};
use crate::service::account::recompute;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::settlement::{closing, terms};
use crate::store::account::AccountRow;
use crate::store::port::{DbError, Stmt};
use crate::store::settlement::run as runs;
use serde_json::json;

use runs::RunRow;

/// A milestone reward that is due, and when the account's next one may be due.
pub type Planned = (Accrual, Option<UtcMillis>);

/// Which program and period to settle, and as of when.
#[derive(Clone, Debug)]
pub struct Due {
    pub program: ProgramId,
    pub cadence: Cadence,
    pub period: String,
    pub as_of: UtcMillis,
}

/// Inserts the runs that are due at the scheduled time of a cadence, one for each program that settles by it. They are
/// inserted in one batch before any of them takes a step: wherever this invocation is cut off, no run is missing, and
/// sweeps finish them all. `also`: what else the trigger writes.
pub async fn begin<P: Ports>(
    ctx: &Context<'_, P>,
    cadence: Cadence,
    scheduled: UtcMillis,
    also: impl FnOnce(&Catalog) -> Vec<Stmt>,
) -> Result<Vec<RunRow>, AppError> {
    let catalog = ctx.programs().await?;
    let due = |program: &ProgramId| Due {
        program: program.to_owned(),
        cadence,
        period: schedule::period_before(cadence, scheduled),
        as_of: scheduled,
    };
    let documents = catalog.all_in_force(scheduled).into_iter().filter(|d| d.settlement.cadence == cadence);
    let started: Vec<RunRow> = documents.map(|d| new_run(&due(&d.id), d.version, ctx)).collect();
    let ids: Vec<&str> = started.iter().map(|run| run.id.as_str()).collect();
    // Reads the stored runs: a trigger that fires twice finds those of the first.
    let (_, _, stored) = ctx.read((also(&catalog), runs::run_insert(&started), runs::run_list(&ids))).await?;
    Ok(stored)
}

/// The id of a period's only run.
pub fn run_id(program: &ProgramId, cadence: Cadence, period: &str) -> RunId {
    id::derived("run", &[program, cadence.name(), period]).into()
}

/// Statements of a request that starts or resumes a run, in addition to the run's own: its totals.
const TOTALS_STATEMENTS: u64 = 1;

/// Starts the run if its period has none, then advances it as far as this invocation allows.
pub async fn settle<P: Ports>(ctx: &Context<'_, P>, due: &Due) -> Result<RunRow, AppError> {
    let catalog = ctx.programs().await?;
    let document = catalog.in_force(&due.program, due.as_of).ok_or_else(|| AppError::not_found("program"))?;
    let run = new_run(due, document.version, ctx);
    let mut batch = vec![runs::run_insert(std::slice::from_ref(&run))];
    batch.extend(by_hand(ctx, "run.start", &run, None));
    ctx.batch(batch).await?;
    resume(ctx, &run.id, TOTALS_STATEMENTS).await
}

/// Advances a run that was cut off, for an operator. A finished run stays as it is.
pub async fn resume_by_hand<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<RunRow, AppError> {
    if run.state == RunState::Done {
        return Ok(run.clone());
    }
    ctx.batch(by_hand(ctx, "run.resume", run, Some(run)).into_iter().collect()).await?;
    resume(ctx, &run.id, TOTALS_STATEMENTS).await
}

/// The audit trail entry for a run that an operator starts or resumes. Cron's runs need none: they are in the list of
/// runs.
fn by_hand<P: Ports>(ctx: &Context<'_, P>, action: &str, run: &RunRow, before: Option<&RunRow>) -> Option<Stmt> {
    if ctx.actor == "cron" {
        return None;
    }
    let stood = before.map(|run| json!({"state": run.state, "executed": run.executed}));
    let request = json!({"program": run.program_id, "cadence": run.cadence, "period": run.period});
    Some(ctx.audit(action, &run.id, None, stood, Some(request)))
}

/// The most statements that a step sends, by the run's state: its reads and writes, and reading the run afterwards.
/// Below 50, so that an invocation on Cloudflare's free plan can advance every run by a step.
/// `tests/native/allowance.rs` verifies this. If accounts are marked, a page of them is recomputed instead, if that
/// fits too (`recompute.rs`).
pub fn step_statements(state: RunState) -> u64 {
    match state {
        RunState::Granting => BOOKS_STATEMENTS + 8,
        RunState::Terms | RunState::Deciding => terms::PAGE_STATEMENTS + 3,
        RunState::Backfilling => 14,
        RunState::Vesting => 5,
        RunState::Executing => 13,
        RunState::Closing => 24,
        RunState::Ranking | RunState::Done => 6,
    }
}

/// Races that a step may lose in a row. Whoever loses that many does not race.
const RACES_MAX: u32 = 8;

/// Advances a run as far as the invocation allows, leaving `leave` of its statements to the work that follows.
pub async fn resume<P: Ports>(ctx: &Context<'_, P>, id: &RunId, leave: u64) -> Result<RunRow, AppError> {
    let run = load(ctx, id).await?;
    further(ctx, run, leave).await
}

async fn further<P: Ports>(ctx: &Context<'_, P>, mut run: RunRow, leave: u64) -> Result<RunRow, AppError> {
    let mut lost = 0;
    while run.state != RunState::Done && ctx.has_room(step_statements(run.state).saturating_add(leave)) {
        match step(ctx, &run).await {
            Ok(()) => lost = 0,
            // Another runner took this step, or an account changed in the meantime: read again.
            Err(DbError::LostRace(_)) if lost < RACES_MAX => {
                lost += 1;
                ctx.back_off(lost).await;
            }
            Err(DbError::Exhausted) => break,
            Err(error) => {
                // The next sweep tries once more. Until then, the run shows what refuses it.
                if let DbError::Violation(why) | DbError::LostRace(why) = &error {
                    ctx.query(runs::run_refuse(&run, why)).await?;
                }
                return Err(error.into());
            }
        }
        run = load(ctx, &run.id).await?;
    }
    Ok(run)
}

/// The most runs that one sweep advances.
const SWEEP_RUNS: i64 = 16;

/// Advances the runs that were cut off, oldest first.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<Vec<RunRow>, AppError> {
    let open = ctx.read(runs::run_open_list(SWEEP_RUNS)).await?;
    take_further(ctx, open).await
}

/// Advances runs. They share the invocation's remaining statements, and what one run does not need is left to the next.
/// If a share is too small for a step, the first run gets everything. An error in one run does not stop the others; it
/// is returned after all of them had their turn.
pub async fn take_further<P: Ports>(ctx: &Context<'_, P>, open: Vec<RunRow>) -> Result<Vec<RunRow>, AppError> {
    let (mut taken, mut first_error) = (Vec::new(), None);
    let mut others = open.len() as u64;
    for run in open {
        let spare = ctx.left().saturating_sub(ctx.reserve());
        let share = (spare / others).max(step_statements(run.state).min(spare));
        others -= 1;
        match further(ctx, run, ctx.left() - share).await {
            Ok(run) => taken.push(run),
            Err(error) if error.is_cut_off() => {}
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(taken), Err)
}

pub fn new_run<P: Ports>(due: &Due, program_version: i64, ctx: &Context<'_, P>) -> RunRow {
    RunRow {
        id: run_id(&due.program, due.cadence, &due.period),
        program_id: due.program.clone(),
        cadence: due.cadence.name().to_owned(),
        period: due.period.clone(),
        as_of_ms: due.as_of,
        program_version,
        state: RunState::Granting,
        step: 0,
        cursor: String::new(),
        items: 0,
        executed: 0,
        actor: ctx.actor.clone(),
        started_at_ms: ctx.now,
        finished_at_ms: None,
        refused_by: None,
    }
}

pub async fn load<P: Ports>(ctx: &Context<'_, P>, id: &RunId) -> Result<RunRow, AppError> {
    ctx.read(runs::run_find(id).first()).await?.ok_or_else(|| AppError::not_found("run"))
}

/// Takes a run's next step: one batch, or, if accounts are marked, one page of decisions.
pub async fn step<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<(), DbError> {
    match run.state {
        RunState::Granting => plan_grants(ctx, run).await,
        RunState::Terms => find_terms(ctx, run).await,
        RunState::Backfilling => add_terms(ctx, run).await,
        RunState::Deciding => decide(ctx, run).await,
        RunState::Vesting => plan_vesting(ctx, run).await,
        RunState::Executing => execute(ctx, run).await,
        RunState::Closing => advance(ctx, closing::close(ctx, run).await?).await,
        RunState::Ranking | RunState::Done => advance(ctx, closing::rank(ctx, run).await?).await,
    }
}

/// The milestone rewards that are due among the next accounts after the run's cursor, and the last of those accounts.
pub async fn grants_page<P: Ports>(
    ctx: &Context<'_, P>,
    run: &RunRow,
) -> Result<(Vec<Planned>, Option<AccountId>), DbError> {
    let candidates = ctx.read(runs::grant_candidates(run)).await?;
    let Some(last) = candidates.last().map(|c| c.account_id.clone()) else { return Ok((Vec::new(), None)) };
    let accounts = candidates.into_iter().map(|c| AccountRow::new(c.account_id)).collect();
    let books = books::read(ctx, ctx.programs().await?, accounts, &PendingEvent::default()).await?;
    let mut planned = Vec::new();
    if let Some(document) = books.catalog.in_force(&run.program_id, run.as_of_ms) {
        for account in &books.accounts {
            let (accruals, next) = books.with_case(&account.id, ctx.now, |catalog, case| {
                decision::grants(catalog, document, case, run.as_of_ms)
            });
            planned.extend(accruals.into_iter().map(|accrual| (accrual, next)));
        }
    }
    Ok((planned, Some(last)))
}

async fn plan_grants<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<(), DbError> {
    // Accounts that were reassigned are recomputed before anything is granted.
    if run.cursor.is_empty() && recompute::page(ctx).await? {
        return Ok(());
    }
    let (mut planned, last) = grants_page(ctx, run).await?;
    // Execution creates the accrual and its only ledger row.
    planned.iter_mut().for_each(|(accrual, _)| accrual.postings = 1);
    let Some(last) = last else {
        return advance(ctx, vec![runs::run_step(run, RunState::Terms, "")]).await;
    };
    let mut statements = vec![runs::run_step(run, RunState::Granting, &last)];
    let grants: Vec<runs::AwardRow> =
        planned.iter().map(|(accrual, next)| runs::AwardRow { accrual, next_due_at_ms: *next }).collect();
    if !grants.is_empty() {
        statements.extend(runs::grant_plan(run, &grants));
    }
    advance(ctx, statements).await
}

/// The cursor of a run that has found what caps remove, after its modifiers' accruals.
const CAPPED: &str = "capped";

/// The cursor of a run that looks for modifiers or caps: which of them, and its place among the partners.
fn terms_cursor(part: TermsPart, place: &str) -> String {
    format!("{part} {place}")
}

fn terms_place(cursor: &str) -> Option<(TermsPart, &str)> {
    let (part, place) = cursor.split_once(' ')?;
    Some((TermsPart::parse(part)?, place))
}

/// Finds which modifiers partners have earned, as of the run, and marks the accounts that have to be recomputed because
/// of that. The same for caps, if no modifier's accrual uses their room: otherwise those come first.
async fn find_terms<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<(), DbError> {
    let catalog = ctx.programs().await?;
    let parts = terms::parts(&catalog, &run.program_id);
    let adds = parts.contains(&TermsPart::Modifiers) && backfill::applies(catalog.versions(&run.program_id));
    let after = if adds { RunState::Backfilling } else { RunState::Deciding };
    let Some((part, place)) = terms_place(&run.cursor).or_else(|| parts.first().map(|part| (*part, ""))) else {
        return advance(ctx, vec![runs::run_step(run, after, "")]).await;
    };
    let (mut statements, next) = terms::page(ctx, run, part, place).await?;
    let next = match next {
        Some(place) => Some(terms_cursor(part, &place)),
        None => parts.iter().find(|other| **other > part).map(|part| terms_cursor(*part, "")),
    };
    statements.insert(
        0,
        runs::run_step(run, if next.is_some() { RunState::Terms } else { after }, &next.unwrap_or_default()),
    );
    advance(ctx, statements).await
}

/// Adds the accruals of new modifiers where nothing else has changed.
async fn add_terms<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<(), DbError> {
    let page = crate::service::accrual::backfill::page(ctx, run).await?;
    advance(ctx, page.unwrap_or_else(|| vec![runs::run_step(run, RunState::Deciding, "")])).await
}

/// Recomputes marked accounts, so that what vests next is what the modifiers require. Then finds what caps remove, if
/// modifiers share their room, and recomputes again.
async fn decide<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<(), DbError> {
    let place = terms_place(&run.cursor).map_or("", |(_, place)| place);
    if place.is_empty() && recompute::page(ctx).await? {
        return Ok(());
    }
    let catalog = ctx.programs().await?;
    if run.cursor != CAPPED && catalog.versions(&run.program_id).any(Program::caps_modifiers) {
        let (mut statements, next) = terms::page(ctx, run, TermsPart::Caps, place).await?;
        let cursor = next.map_or(CAPPED.to_owned(), |place| terms_cursor(TermsPart::Caps, &place));
        statements.insert(0, runs::run_step(run, RunState::Deciding, &cursor));
        return advance(ctx, statements).await;
    }
    advance(ctx, vec![runs::run_step(run, RunState::Vesting, "")]).await
}

async fn plan_vesting<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<(), DbError> {
    // One batch plans the page after the cursor and moves the cursor to its last accrual, or moves on to execution if
    // the page is empty.
    let mut statements = vec![runs::run_step(run, RunState::Vesting, &run.cursor)];
    statements.extend(runs::vest_plan(run));
    advance(ctx, statements).await
}

async fn execute<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<(), DbError> {
    if run.executed >= run.items {
        return advance(ctx, vec![runs::run_step(run, RunState::Closing, "")]).await;
    }
    let from = run.executed + 1;
    let to = (run.executed + runs::LINE_PAGE).min(run.items);
    let mut statements = vec![runs::run_step(run, RunState::Executing, "")];
    statements.extend(runs::execute(run, from, to, ctx.now));
    advance(ctx, statements).await
}

async fn advance<P: Ports>(ctx: &Context<'_, P>, statements: Vec<Stmt>) -> Result<(), DbError> {
    ctx.batch(statements).await.map(|_| ())
}
