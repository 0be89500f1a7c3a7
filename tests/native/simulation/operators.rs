//! What operators do in a seed: fund the budget, turn links off, decide reviews.

use super::facts::Link;
use super::play::Play;
use crate::support::world::{World, now as done};
use manicule::base::time::UtcMillis;
use manicule::service::ledger::budget;
use manicule::service::review::ReviewDecision;

impl Play {
    pub(super) fn release(&mut self, now: i64) -> Result<(), String> {
        done(budget::sweep(&self.world.at(UtcMillis(now)))).map_err(|e| format!("{e:?}"))?;
        self.auditor.credit_model.release();
        Ok(())
    }

    /// An operator funds the budget. If the database failed, the ledger shows whether the money arrived.
    pub(super) fn fund(&mut self, now: i64, cents: i64) -> Result<(), String> {
        if cents == 0 {
            return Ok(());
        }
        let funded = |world: &World| world.db.number("SELECT COUNT(*) FROM transfer WHERE code = 'fund'");
        let before = funded(&self.world);
        let is_faulty = self.maybe_fault(20, 5);
        let answer = self.world.fund(UtcMillis(now), super::credit_model::PROGRAM, cents);
        self.world.db.fault.set(None);
        if let Err(error) = answer {
            self.was_injected(&error)?;
        }
        if funded(&self.world) > before {
            self.stats.fundings += 1;
            self.auditor.credit_model.balance += cents;
            self.auditor.credit_model.release();
        }
        if is_faulty { self.release(now) } else { Ok(()) }
    }

    /// Turns spare links off. Touches and typed codes from before this instant remain valid.
    pub(super) fn switch_off(&mut self, now: i64) -> Result<(), String> {
        for code in &self.options.spare {
            self.world.disable(UtcMillis(now), code).map_err(|e| e.to_string())?;
            let links = &mut self.auditor.register.links;
            links.entry(code.clone()).and_modify(|l: &mut Link| l.disabled_at = Some(now));
        }
        self.switched_off_at = Some(now);
        Ok(())
    }

    /// An operator decides an open review.
    pub(super) fn review(&mut self, now: i64) -> Result<(), String> {
        let open = self.world.db.look(
            "SELECT id, account_id, partner_id, rule FROM review WHERE state = 'open' AND holds = 1 AND subject = '' ORDER BY id",
        );
        if open.is_empty() {
            return Ok(());
        }
        let row = self.rng.pick(&open);
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let choice = self.rng.pick(&[ReviewDecision::Release, ReviewDecision::Reject]);
        let first = self.maybe_fault(25, 4);
        let mut decided = self.world.decide(UtcMillis(now), &text("id"), choice);
        self.world.db.fault.set(None);
        if let (Err(error), true) = (&decided, first) {
            self.was_injected(error)?;
            decided = self.world.decide(UtcMillis(now), &text("id"), choice);
        }
        decided.map_err(|e| e.to_string())?;
        self.stats.reviews += 1;
        let about = (text("account_id"), text("partner_id"), text("rule"));
        let account = about.0.clone();
        self.auditor.register.reviews.insert(about, choice == ReviewDecision::Release);
        self.auditor.credit_model.learn(&self.auditor.model_state, &self.auditor.register, &account);
        Ok(())
    }
}
