//! Cron: which job a trigger is, and which periods it settles. A run's instant is the trigger's scheduled time, so a
//! late or repeated trigger sees the same period.

use crate::base::time::UtcMillis;
use crate::flow::context::{Context, Ports};
use crate::flow::error::{AppError, Kind};
use crate::flow::{credit, deliver, funnel, pay, pool, redecide, settle, sign_in, stripe_sweep};
use crate::program::document::Cadence;
use crate::store::health;

/// Pages of marked accounts that one sweep decides again, inside one invocation's statements.
const REDECIDE_PAGES: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Settle(Cadence),
    Sweep,
}

impl Job {
    /// The job of a trigger, by its expression in `wrangler.toml`.
    pub fn of(cron: &str) -> Option<Job> {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        match fields.as_slice() {
            // Cloudflare counts week-days from 1 = Sunday; whoever wrote 1 or 2 meant Monday, too.
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

/// Runs the job of a trigger. An error leaves what was done; the next sweep resumes it.
pub async fn run<P: Ports>(ctx: &Context<'_, P>, cron: &str, scheduled: UtcMillis) -> Result<(), AppError> {
    let job = Job::of(cron)
        .ok_or_else(|| AppError::new(Kind::Fault, "unknown_cron", format!("no job has the trigger {cron:?}")))?;
    // What Stripe does not answer must not make the sweep look as if it had not run.
    let mut of_stripe = Ok(());
    match job {
        Job::Settle(cadence) => {
            // One program's fault must not keep the others from being settled.
            let mut first_error = None;
            for due in settle::due(ctx, cadence, scheduled).await? {
                if let Err(error) = settle::settle(ctx, &due).await {
                    first_error.get_or_insert(error);
                }
            }
            if cadence == Cadence::Weekly {
                funnel::announce(ctx, scheduled).await?;
            }
            if let Some(error) = first_error {
                return Err(error);
            }
        }
        Job::Sweep => {
            // A run that cannot go on must not keep payouts from going out.
            let swept = sweep_books(ctx).await;
            // Settling uses up most of the statements that D1 allows an invocation.
            let is_quiet = swept.as_ref().is_ok_and(|resumed| *resumed == 0);
            let planned = credit::plan(ctx).await;
            let paid = pay::drive(ctx, if is_quiet { pay::SWEEP_PAGES } else { pay::PROMPT_PAGES }).await;
            of_stripe = stripe_sweep::sweep(ctx).await;
            // What is broken in the books, or in a payout, keeps no message from leaving.
            deliver::sweep(ctx).await?;
            sign_in::purge(ctx).await?;
            swept?;
            planned?;
            paid?;
        }
    }
    ctx.query(health::heartbeat_write(job.name(), scheduled, ctx.now)).await?;
    of_stripe
}

/// Takes further whatever of the books was cut off; how many runs that was.
async fn sweep_books<P: Ports>(ctx: &Context<'_, P>) -> Result<usize, AppError> {
    redecide::drain(ctx, REDECIDE_PAGES).await?;
    pool::sweep(ctx).await?;
    pool::announce_low(ctx).await?;
    Ok(settle::sweep(ctx).await?.len())
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
