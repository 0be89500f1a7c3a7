//! Reports of any size: a small one is put together when somebody asks for it, a large one by the sweep, and kept.
//!
//! So a page reads a bounded number of rows, and a new installation sees its reports at once.

use crate::base::ids::{PartnerId, ProgramId, RunId};
use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, Month, UtcMillis, Week};
use crate::engine::funnel::StageCount;
use crate::program::catalog::Catalog;
use crate::program::document::Cadence;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::funnel::{Name, week_counts};
use crate::store::port::{DbError, Stmt};
use crate::store::query::{First, Parsed, Query, Reads};
use crate::store::report::kept::{
    KeptReport, ReportKey, ReportKind, ReportSize, SMALL_MAX, kept_find, kept_put_off, kept_rows, kept_want,
    kept_wanted, kept_write, report_size,
};
use crate::store::report::operator::{KnownAccount, partners_known};
use crate::store::report::payout::{CarriedSum, StateSum, run_carried_sums, run_payout_sums};
use crate::store::report::payout_accruals as accruals;
use crate::store::report::payout_accruals::{PayoutChange, UnsentSum};
use crate::store::report::{CostSums, ReachSums, channel_list, cost_sums, reach_sums};
use crate::store::settlement::operator_runs::{StatementSum, run_statement_sums};

/// The code of the error that says so.
pub const NOT_READY: &str = "report_not_ready";

/// How old a report may be: of a period that goes on, and of one that is over.
const OPEN_FRESH_MS: i64 = HOUR_MS;
const OVER_FRESH_MS: i64 = DAY_MS;
/// Of a run: its payouts change while they are sent.
const RUN_FRESH_MS: i64 = 5 * MINUTE_MS;

/// Changes of payouts in a run's report.
pub const CHANGES_SHOWN: i64 = 100;

/// Reports that one sweep puts together. Each may read for seconds.
const SWEEP_REPORTS: i64 = 5;
/// Statements that it takes to put one together.
const REPORT_STATEMENTS: u64 = 7;

/// The key of a week's funnel report.
pub fn funnel_key(program: &ProgramId, week: Week) -> ReportKey {
    key(ReportKind::Funnel, program, week.start(), week.end())
}

pub fn economics_key(program: &ProgramId, from: UtcMillis, to: UtcMillis) -> ReportKey {
    key(ReportKind::Economics, program, from, to)
}

pub fn channels_key(program: &ProgramId, month: Month) -> ReportKey {
    key(ReportKind::Channels, program, month.start(), month.end())
}

fn key(kind: ReportKind, program: &ProgramId, from_ms: UtcMillis, to_ms: UtcMillis) -> ReportKey {
    ReportKey { kind, subject: program.to_string(), from_ms, to_ms }
}

/// What a run did, and what became of its payouts.
pub fn run_key(run: &RunId) -> ReportKey {
    ReportKey { kind: ReportKind::Run, subject: run.to_string(), from_ms: UtcMillis(0), to_ms: UtcMillis(0) }
}

/// The instant whose document applies to a period that ends at `end`: its last, or now if it isn't over.
pub fn judged_at(end: UtcMillis, now: UtcMillis) -> UtcMillis {
    end.plus_ms(-1).min(now)
}

/// What puts a week's funnel report together.
pub fn funnel_rows(program: &ProgramId, week: Week, now: UtcMillis) -> Parsed<Vec<(StageCount, Name)>> {
    week_counts(program, week, judged_at(week.end(), now))
}

/// What puts a program's economics together.
pub fn economics_rows(
    program: &ProgramId,
    from: UtcMillis,
    to: UtcMillis,
    now: UtcMillis,
) -> (First<CostSums>, First<ReachSums>) {
    (cost_sums(program, from, to).first(), reach_sums(program, from, to, judged_at(to, now)).first())
}

/// What puts a run's report together, in parts.
pub type RunRows = (Query<StatementSum>, Query<StateSum>, Query<CarriedSum>, Query<UnsentSum>, Query<PayoutChange>);

pub fn run_rows(run: &RunId) -> RunRows {
    let changes = accruals::run_change_page(run, ("", ""), CHANGES_SHOWN);
    (run_statement_sums(run), run_payout_sums(run), run_carried_sums(run), accruals::run_unsent_sums(run), changes)
}

/// What is read before a report is: the one that is kept, and how much there is to read.
pub type KeptReads = (First<KeptReport>, First<ReportSize>);
/// The results of that.
pub type KeptRows = <KeptReads as Reads>::Rows;

pub fn kept_reads(key: &ReportKey) -> KeptReads {
    (kept_find(key).first(), report_size().first())
}

/// A report with the instant as of which it is; `None`: now.
pub struct Gathered<T> {
    pub rows: T,
    pub as_of: Option<UtcMillis>,
}

/// The rows of a report, from the results of [`kept_reads`]. `reads`: what puts it together.
pub async fn gather<P: Ports, R: Reads>(
    ctx: &Context<'_, P>,
    key: &ReportKey,
    (kept, size): KeptRows,
    reads: R,
) -> Result<Gathered<R::Rows>, AppError> {
    let mut statements = Vec::new();
    let shape = reads.send(&mut statements);
    if size.is_some_and(|size| size.rows <= SMALL_MAX) {
        let rows = R::take(shape, &mut ctx.batch(statements).await?.into_iter())?;
        return Ok(Gathered { rows, as_of: None });
    }
    let (computed_at, body) = kept.map_or((None, None), |kept| (kept.computed_at_ms, kept.body));
    if !computed_at.is_some_and(|at| is_fresh(at, key, ctx.now)) {
        ctx.query(kept_want(std::slice::from_ref(key), ctx.now)).await?;
    }
    let Some(body) = body else {
        let detail = "the report is large and is being put together; try again in ten minutes";
        return Err(AppError::new(ErrorKind::Transient, NOT_READY, detail));
    };
    let rows = R::take(shape, &mut kept_rows(&body)?.into_iter())?;
    Ok(Gathered { rows, as_of: computed_at })
}

/// The partners in a kept report, which has no names of them.
pub async fn partners<'a, P: Ports>(
    ctx: &Context<'_, P>,
    ids: impl Iterator<Item = &'a PartnerId>,
) -> Result<Vec<KnownAccount>, DbError> {
    let mut ids: Vec<&str> = ids.map(PartnerId::as_str).filter(|id| !id.is_empty()).collect();
    ids.dedup();
    if ids.is_empty() { Ok(Vec::new()) } else { ctx.read(partners_known(&ids)).await }
}

fn is_fresh(computed_at: UtcMillis, key: &ReportKey, now: UtcMillis) -> bool {
    let fresh = match key.kind {
        ReportKind::Run => RUN_FRESH_MS,
        _ if computed_at < key.to_ms => OPEN_FRESH_MS,
        _ => OVER_FRESH_MS,
    };
    computed_at.plus_ms(fresh) > now
}

/// The statements of a report as of now.
fn statements_of(key: &ReportKey, now: UtcMillis) -> Vec<Stmt> {
    let (program, from, to) = (&ProgramId::from(key.subject.as_str()), key.from_ms, key.to_ms);
    match key.kind {
        ReportKind::Funnel => sent(funnel_rows(program, Week::of(from), now)),
        ReportKind::Economics => sent(economics_rows(program, from, to, now)),
        ReportKind::Channels => sent(channel_list(program, from, to)),
        ReportKind::Run => sent(run_rows(&RunId::from(key.subject.as_str()))),
    }
}

fn sent(reads: impl Reads) -> Vec<Stmt> {
    let mut statements = Vec::new();
    reads.send(&mut statements);
    statements
}

/// Puts the reports together that are wanted. One that fails is tried again after the others; the first error is returned.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let mut first_error = None;
    for key in ctx.read(kept_wanted(SWEEP_REPORTS)).await? {
        if !ctx.has_room(REPORT_STATEMENTS) {
            break;
        }
        if let Err(error) = put_together(ctx, &key).await {
            ctx.query(kept_put_off(&key, ctx.now)).await?;
            first_error.get_or_insert(error);
        }
    }
    first_error.map_or(Ok(()), |error| Err(error.into()))
}

async fn put_together<P: Ports>(ctx: &Context<'_, P>, key: &ReportKey) -> Result<(), DbError> {
    let found = ctx.batch(statements_of(key, ctx.now)).await?;
    ctx.query(kept_write(key, found, ctx.now)).await.map(|_| ())
}

/// Wants the reports that a cadence's trigger makes people look at: the week's funnels, and the month's figures as their
/// page opens.
pub fn wanted_at(catalog: &Catalog, cadence: Cadence, scheduled: UtcMillis, now: UtcMillis) -> Option<Stmt> {
    let documents = catalog.all_in_force(scheduled);
    let keys: Vec<ReportKey> = match cadence {
        Cadence::Weekly => {
            let week = Week::of(scheduled).plus(-1);
            documents.iter().filter(|d| d.funnel.is_some()).map(|d| funnel_key(&d.id, week)).collect()
        }
        Cadence::Monthly => {
            let last = Month::of(scheduled).plus(-1);
            let paying = documents.iter().filter(|d| d.settlement.cadence != Cadence::None);
            paying
                .flat_map(|d| [economics_key(&d.id, last.plus(-11).start(), last.end()), channels_key(&d.id, last)])
                .collect()
        }
        _ => Vec::new(),
    };
    (!keys.is_empty()).then(|| kept_want(&keys, now))
}
