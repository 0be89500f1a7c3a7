//! Cron: which job a trigger starts, and which periods it settles. A run's instant is the trigger's scheduled time, so
//! a late or repeated trigger has the same period.

use crate::base::time::{HOUR_MS, MINUTE_MS, UtcMillis};
use crate::program::catalog::Catalog;
use crate::program::document::Cadence;
use crate::service::account::recompute;
use crate::service::accrual::adjust;
use crate::service::context::{Context, Ports, TIGHT};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::stripe_sweep;
use crate::service::ledger::{budget, seal};
use crate::service::link::removal;
use crate::service::message::deliver;
use crate::service::partner::standing;
use crate::service::payout::{platform, send, unexpected};
use crate::service::person::erase;
use crate::service::report::kept;
use crate::service::settlement::settle;
use crate::service::{credit, funnel, retention};
use crate::store::health;
use crate::store::port::DbError;
use crate::store::preview::preview_purge;

/// Pages of marked accounts that one sweep recomputes, within one invocation's statements.
const RECOMPUTE_PAGES: u32 = 10;
/// Statements that record that a job ran.
const HEARTBEAT_STATEMENTS: u64 = 1;
/// How often the ledger's accounts are added up.
const LEDGER_MS: i64 = HOUR_MS;
/// The interval between sweeps.
const SWEEP_MS: i64 = 10 * MINUTE_MS;

/// How many statements a cron trigger sends of those that an invocation may: where there are many, an eighth stays unused,
/// so that nothing is cut off by what else may count.
pub fn statements_max(all: u64) -> u64 {
    if all < TIGHT { all } else { all - all / 8 }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Settle(Cadence),
    Sweep,
}

impl Job {
    /// Rule 22: the job of a trigger, by its expression in `wrangler.toml`.
    pub fn of(cron: &str) -> Option<Job> {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        match fields.as_slice() {
            // Cloudflare counts weekdays from 1 = Sunday; both 1 and 2 are meant to be Monday.
            ["0", "9", "*", "*", "MON" | "mon" | "Mon" | "1" | "2"] => Some(Job::Settle(Cadence::Weekly)),
            ["0", "6", "1", "*", "*"] => Some(Job::Settle(Cadence::Monthly)),
            ["*/10", "*", "*", "*", "*"] => Some(Job::Sweep),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Job::Settle(cadence) => cadence.name(),
            Job::Sweep => "sweep",
        }
    }
}

/// The parts of a sweep, in this order. None depends on another: the next sweep continues what one leaves unfinished. What
/// was written before the sweep is sealed first, whatever else there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Seal,
    Recompute,
    Budgets,
    Runs,
    Credits,
    Payouts,
    Customers,
    Waiting,
    Stripe,
    Messages,
    Links,
    Ledger,
    Reports,
    Visitors,
    Clicks,
    Retention,
}

const PARTS: [Part; 15] = [
    Part::Recompute,
    Part::Budgets,
    Part::Runs,
    Part::Credits,
    Part::Payouts,
    Part::Customers,
    Part::Waiting,
    Part::Stripe,
    Part::Messages,
    Part::Links,
    Part::Ledger,
    Part::Reports,
    Part::Visitors,
    Part::Clicks,
    Part::Retention,
];

/// Runs the job of a trigger. After an error, completed work is kept and the next sweep continues. The same applies if
/// the job reaches the invocation's limit, which is not an error.
pub async fn run<P: Ports>(ctx: &Context<'_, P>, cron: &str, scheduled: UtcMillis) -> Result<(), AppError> {
    let job = Job::of(cron)
        .ok_or_else(|| AppError::new(ErrorKind::Fault, "unknown_cron", format!("no job has the trigger {cron:?}")))?;
    // That the job ran must be recorded, however much there is to do.
    let for_heartbeat = ctx.keep(HEARTBEAT_STATEMENTS);
    let done = match job {
        Job::Settle(cadence) => trigger(ctx, cadence, scheduled).await.map(|()| Ok(())),
        Job::Sweep => sweep(ctx, scheduled).await,
    };
    drop(for_heartbeat);
    let outcome = done?;
    let refused_by = outcome.as_ref().err().and_then(AppError::violation);
    ctx.query(health::heartbeat_write(job.name(), scheduled, ctx.now, refused_by)).await?;
    outcome
}

/// Creates every program's run before any of them is advanced by a step.
async fn trigger<P: Ports>(ctx: &Context<'_, P>, cadence: Cadence, scheduled: UtcMillis) -> Result<(), AppError> {
    let announced = |catalog: &Catalog| {
        let mut statements = Vec::from_iter(kept::wanted_at(catalog, cadence, scheduled, ctx.now));
        match cadence {
            Cadence::Weekly => statements.extend(funnel::announcement(catalog, scheduled, ctx.now)),
            Cadence::Monthly => statements.push(seal::announcement(scheduled, ctx.now)),
            _ => {}
        }
        statements
    };
    let due = settle::begin(ctx, cadence, scheduled, announced).await?;
    settle::take_further(ctx, due).await.map(|_| ())
}

/// An error in one part does not stop the others. The first error is returned. Separate are errors with which the sweep must
/// still be recorded as run: if Stripe doesn't respond, and if a guard refuses a part for good, which the record names.
async fn sweep<P: Ports>(ctx: &Context<'_, P>, scheduled: UtcMillis) -> Result<Result<(), AppError>, AppError> {
    let (mut recorded, mut first_error) = (Ok(()), None);
    // When statements are scarce, one part with much to do uses them all, so each sweep starts with another part.
    let turn = scheduled.0.div_euclid(SWEEP_MS).rem_euclid(PARTS.len() as i64);
    let first = if ctx.is_tight() { usize::try_from(turn).unwrap_or(0) } else { 0 };
    for part in [Part::Seal].iter().chain(PARTS.iter().cycle().skip(first).take(PARTS.len())) {
        match sweep_part(ctx, *part).await {
            Ok(()) => {}
            Err(error) if error.is_cut_off() => {}
            Err(error) => match error.violation().map(|why| format!("{}: {why}", format!("{part:?}").to_lowercase())) {
                Some(why) if recorded.as_ref().err().and_then(AppError::violation).is_none() => {
                    recorded = Err(DbError::Violation(why).into());
                }
                Some(_) => {}
                None if matches!(part, Part::Customers | Part::Waiting | Part::Stripe) => {
                    recorded = recorded.and(Err(error));
                }
                None => {
                    first_error.get_or_insert(error);
                }
            },
        }
    }
    first_error.map_or(Ok(recorded), Err)
}

async fn sweep_part<P: Ports>(ctx: &Context<'_, P>, part: Part) -> Result<(), AppError> {
    match part {
        Part::Seal => seal::sweep(ctx).await?,
        Part::Recompute => recompute::process_marked(ctx, RECOMPUTE_PAGES).await?,
        Part::Budgets => {
            budget::sweep(ctx).await?;
            adjust::expire(ctx).await?;
        }
        Part::Runs => {
            settle::sweep(ctx).await?;
        }
        Part::Credits => credit::plan(ctx).await?,
        Part::Payouts => {
            // Pages say where partners can be paid. The next sweep asks again if this one got no answer.
            let _ = platform::find(ctx).await;
            send::drive(ctx, send::SWEEP_PAGES).await?;
            unexpected::announce(ctx).await?;
            standing::sweep(ctx).await?;
        }
        Part::Customers => stripe_sweep::join(ctx).await?,
        Part::Waiting => stripe_sweep::release(ctx).await?,
        Part::Stripe => stripe_sweep::sweep(ctx).await?,
        Part::Messages => {
            deliver::sweep(ctx).await?;
        }
        Part::Links => {
            ctx.query(preview_purge(ctx.now)).await?;
        }
        Part::Ledger => {
            ctx.query(health::ledger_balance(ctx.now.plus_ms(-LEDGER_MS), ctx.now)).await?;
        }
        Part::Reports => kept::sweep(ctx).await?,
        Part::Visitors => {
            erase::go_on(ctx).await?;
        }
        Part::Clicks => removal::sweep(ctx).await?,
        Part::Retention => retention::sweep(ctx).await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trigger_of_the_configuration_has_its_job() {
        let toml = include_str!("../../wrangler.toml");
        let crons: Vec<&str> = toml
            .lines()
            .filter_map(|l| l.trim().strip_prefix('"')?.split('"').next())
            .filter(|c| c.contains('*'))
            .collect();
        assert_eq!(crons.len(), 3);
        for (cron, job) in crons.iter().zip([Job::Settle(Cadence::Weekly), Job::Settle(Cadence::Monthly), Job::Sweep]) {
            assert_eq!(Job::of(cron), Some(job), "{cron}");
        }
        assert_eq!(Job::of("0 9 * * SUN"), None);
        assert_eq!(Job::of(""), None);
    }
}
