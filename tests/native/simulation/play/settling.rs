//! Runs and sweeps at their times, and the final checks of a seed.

use super::*;
use manicule::engine::settlement::RunState;

impl Play {
    pub(super) fn run(&mut self, now: i64, cadence: Cadence, scheduled: i64) -> Result<(), String> {
        self.maybe_fault(20, 12);
        self.set_stripe(true);
        let ran = self.world.run_late(UtcMillis(now), cadence, UtcMillis(scheduled));
        self.set_stripe(false);
        self.world.db.fault.set(None);
        self.stats.runs += 1;
        self.auditor.observe_runs(&self.world.db);
        match ran {
            Ok(runs) if runs.iter().all(|r| r.state == RunState::Done) => {
                if self.rng.percent(5) {
                    let again = now + self.rng.within(0, 2) * DAY;
                    self.push(again, Step::Run(cadence, scheduled));
                }
            }
            Ok(runs) => return Err(format!("a run stopped on its way: {runs:?}")),
            Err(error) => {
                self.was_injected(&error)?;
                let again = now + self.rng.pick(&[10 * MINUTE, HOUR, 2 * DAY]);
                let step = if self.rng.percent(50) { Step::Sweep } else { Step::Run(cadence, scheduled) };
                self.push(again, step);
                if self.rng.percent(20) {
                    self.push(now + MINUTE, Step::Review);
                }
                // If the fault came before the run was stored, only cron itself can repeat it.
                self.push(again + 3 * DAY, Step::Run(cadence, scheduled));
            }
        }
        Ok(())
    }

    /// The ten-minute sweep.
    pub(super) fn sweep(&mut self, now: i64) -> Result<(), String> {
        self.maybe_fault(20, 8);
        self.set_stripe(true);
        let swept = self.sweep_once(now);
        self.set_stripe(false);
        self.world.db.fault.set(None);
        if let Err(error) = swept {
            self.was_injected(&error)?;
            self.push(now + 10 * MINUTE, Step::Sweep);
            // It is unknown whether the budget was released before the fault, so another sweep makes sure.
            self.release(now)?;
        } else {
            self.auditor.credit_model.release();
        }
        self.auditor.observe_runs(&self.world.db);
        Ok(())
    }

    pub(super) fn sweep_once(&self, now: i64) -> Result<(), AppError> {
        let ctx = self.world.at(UtcMillis(now));
        done(recompute::process_marked(&ctx, 20))?;
        done(budget::sweep(&ctx))?;
        done(settle::sweep(&ctx)).map(|_| ())
    }

    /// Delivers what is left, settles the last periods, and compares the stored state with everything that happened.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let last = self.end + 400 * DAY;
        let monday = mondays(last, last + 8 * DAY)[0];
        let first = firsts(last, last + 32 * DAY)[0];
        for event in self.events.clone() {
            if !self.auditor.knows(&event.id) {
                return Err(format!("event {} was never taken in", event.id));
            }
            if !self.rng.percent(25) {
                continue;
            }
            let changes = self.changes();
            let again = delivery::send(&self.world, last, &event, &self.auditor.register);
            if !matches!(&again, Ok(false)) || self.changes() != changes {
                return Err(format!("a replay of {} is not a no-op: {again:?}", event.id));
            }
        }
        let waited = self.auditor.credit_model.waiting() as u64;
        self.stats.met.insert("waits for the budget".to_owned(), waited);
        self.fund(last, 500_000)?;
        self.final_run(Cadence::Weekly, monday)?;
        self.final_run(Cadence::Monthly, first)?;
        if compare::stale(&self.world.db) > 0 {
            return Err("the last run leaves accounts that are to be decided again".to_owned());
        }
        compare::compare_statements(&self.auditor, &self.world.db)?;
        compare::compare_announced(&self.auditor, &self.world.db)?;
        compare::compare_funnel(&self.auditor, &self.world)?;
        // A second world costs as much as the first, so only every fifth seed has one.
        if !self.seed.is_multiple_of(5) {
            return Ok(());
        }
        let (fresh, off) = (delivery::world(self.seed), self.switched_off_at);
        history::compare_in_order(&self.options, &self.events, off, (first, &self.world), &self.auditor, &fresh)
    }

    pub(super) fn final_run(&mut self, cadence: Cadence, at: i64) -> Result<(), String> {
        self.set_stripe(true);
        let ran = self.world.run(cadence, UtcMillis(at));
        self.set_stripe(false);
        ran.map_err(|e| e.to_string())?;
        self.auditor.observe_runs(&self.world.db);
        self.audit().map_err(|what| format!("after the last {} run: {what}", cadence.name()))
    }
}
