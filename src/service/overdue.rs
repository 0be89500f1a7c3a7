//! Runs that should exist but don't, or that don't finish, and accounts that nobody decides. Cron's "at least once" holds only while cron runs at all:
//! this detects a trigger that never came, or a run that every sweep cuts off.

use crate::base::ids::ProgramId;
use crate::base::time::{DAY_MS, HOUR_MS, UtcMillis};
use crate::engine::settlement::schedule;
use crate::program::catalog::Catalog;
use crate::program::document::Cadence;
use crate::store::account::waiting::{WAITING_MAX, WaitingAccounts};
use crate::store::health;
use crate::store::health::{LatestRun, Open};
use crate::store::program;
use crate::store::query::{First, Parsed, Query};

/// How long after its scheduled time a run may start, and how long it may then take. On Cloudflare's free plan a run
/// continues over many sweeps.
const BEGUN_WITHIN_MS: i64 = HOUR_MS;
const DONE_WITHIN_MS: i64 = DAY_MS;

const CADENCES: [Cadence; 2] = [Cadence::Weekly, Cadence::Monthly];

/// The status of runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Unfinished runs, and when the oldest of them started.
    pub open: Open,
    /// The oldest first, as they have to be started; at most [`OVERDUE_MAX`].
    pub overdue: Vec<Overdue>,
    /// How many there are in all, counted up to [`PERIODS_MAX`] for a program and cadence.
    pub overdue_count: usize,
}

/// Missed runs that are named.
pub const OVERDUE_MAX: usize = 50;
/// Missed periods of a program that are counted: those of more than a year.
pub const PERIODS_MAX: usize = 60;

/// A program's run that was due but does not exist.
#[derive(Clone, Debug, PartialEq)]
pub struct Overdue {
    pub program: ProgramId,
    pub cadence: Cadence,
    pub period: String,
    pub due_at: UtcMillis,
}

impl Standing {
    /// Whether an operator needs to look into it.
    pub fn is_late(&self, now: UtcMillis) -> bool {
        !self.overdue.is_empty()
            || self.open.refused > 0
            || self.open.oldest_ms.is_some_and(|since| since.plus_ms(DONE_WITHIN_MS) <= now)
    }
}

/// How long an account may wait for its decision, and how long where very many do: a new version of a program marks all of
/// its accounts.
const DECIDED_WITHIN_MS: i64 = DAY_MS;
const MANY_DECIDED_WITHIN_MS: i64 = HOUR_MS;

/// Whether accounts wait longer for their decision than they should, or a rule refuses it.
pub fn is_undecided(accounts: &WaitingAccounts, now: UtcMillis) -> bool {
    let within = if accounts.waiting >= WAITING_MAX { MANY_DECIDED_WITHIN_MS } else { DECIDED_WITHIN_MS };
    accounts.refused > 0 || accounts.oldest_ms.is_some_and(|since| since.plus_ms(within) <= now)
}

/// The last scheduled time of a cadence whose runs must have started by now.
fn due_at(cadence: Cadence, now: UtcMillis) -> UtcMillis {
    schedule::last_run_at(cadence, now.plus_ms(-BEGUN_WITHIN_MS))
}

/// The reads that [`standing`] needs.
pub fn reads() -> (Parsed<Catalog>, Query<LatestRun>, First<Open>) {
    (program::programs(), health::run_latest_list(&CADENCES.map(Cadence::name)), health::run_open_count().first())
}

/// Evaluates the reads. A program that was saved after a run's scheduled time has nothing to run for it.
pub fn standing((catalog, runs, open): (Catalog, Vec<LatestRun>, Option<Open>), now: UtcMillis) -> Standing {
    let mut overdue: Vec<Overdue> = runs.iter().flat_map(|run| missed(&catalog, run, now)).collect();
    let overdue_count = overdue.len();
    overdue.sort_by(|a, b| (a.due_at, &a.program).cmp(&(b.due_at, &b.program)));
    overdue.truncate(OVERDUE_MAX);
    Standing { open: open.unwrap_or_default(), overdue, overdue_count }
}

/// All runs of a program and cadence that were due since its latest one, the latest periods first. A run makes up for those
/// before it that are missing.
fn missed<'a>(catalog: &'a Catalog, run: &'a LatestRun, now: UtcMillis) -> impl Iterator<Item = Overdue> + 'a {
    let cadence = CADENCES.into_iter().find(|cadence| cadence.name() == run.cadence);
    cadence.into_iter().flat_map(move |cadence| {
        let before = move |at: &UtcMillis| Some(schedule::last_run_at(cadence, at.plus_ms(-1)));
        let is_settled = move |at: UtcMillis| {
            catalog.in_force(&run.program_id, at).is_some_and(|document| document.settlement.cadence == cadence)
        };
        std::iter::successors(Some(due_at(cadence, now)), before)
            .take(PERIODS_MAX)
            .take_while(|at| run.since_ms < *at && run.as_of_ms.is_none_or(|latest| latest < *at))
            .filter(move |at| is_settled(*at))
            .map(move |at| Overdue {
                program: run.program_id.clone(),
                cadence,
                period: schedule::period_before(cadence, at),
                due_at: at,
            })
    })
}
