//! Two of three seeds pay: partners have accounts at Stripe, and operators approve payouts days or months after the runs
//! that planned them, in any order.

use super::*;
use manicule::engine::payout::payee::CloseReason;
use manicule::service::payout::{closed, send};
use manicule::service::setup::PayoutApproval;
use manicule::store::payout::plan;
use manicule::store::port::Db;
use manicule::store::settlement::run;
use std::cell::RefCell;
use std::rc::Rc;

/// How many times the ten-minute job may need, however few statements each has.
const SENDINGS_MAX: u32 = 30;

impl Play {
    pub(super) fn plan_payouts(&mut self) {
        if self.seed.is_multiple_of(3) {
            return;
        }
        let stripe = Rc::clone(&self.stripe);
        stripe.borrow_mut().balance = 1_000_000_000;
        let partners =
            self.world.db.look("SELECT id FROM partner WHERE program_id IN ('agency-partner', 'developer-affiliate')");
        for (at, row) in partners.iter().enumerate() {
            // Some can't be paid: what is payable to them is carried.
            if self.seed.is_multiple_of(2) && at == 0 {
                continue;
            }
            let partner = row["id"].as_str().expect("an id").to_owned();
            self.onboard(partner, 0);
        }
        self.world.setup.payout_approval = PayoutApproval::Manual;
        let clock = Rc::clone(&self.clock);
        self.world.service =
            RefCell::new(Box::new(move |request| Ok(stripe.borrow_mut().answer(&request, clock.get()))));
        let mut at = self.options.start + 20 * DAY;
        while at < self.end + 60 * DAY {
            at += [1, 3, 11, 40][(self.seed as usize / 3 + at as usize / DAY as usize) % 4] * DAY + 7 * HOUR;
            self.push(at, Step::Pay);
        }
    }

    /// A partner has a new account at Stripe.
    fn onboard(&mut self, partner: String, at: i64) {
        let account = format!("acct_{partner}_{at}");
        self.stripe.borrow_mut().accounts.insert(account.clone(), 0);
        let sql = format!("INSERT INTO payee VALUES ('{partner}', '{account}', 'US', 'usd', 1, 1, '[]', NULL, {at})");
        self.world.db.connection.borrow().execute_batch(&sql).expect("a payee");
        self.auditor.payable.insert(partner);
    }

    /// Stripe ends the account of a partner now and then: what was planned for it is carried. Whoever lost one has
    /// another the next time.
    fn suspend(&mut self, now: i64) -> Result<(), String> {
        let without = self.world.db.look(
            "SELECT DISTINCT partner_id FROM payee_closed WHERE partner_id NOT IN (SELECT partner_id FROM payee) ORDER BY 1",
        );
        for row in without {
            self.onboard(row["partner_id"].as_str().expect("an id").to_owned(), now);
        }
        let day = now / DAY;
        let payees = self.world.db.look("SELECT partner_id, stripe_account_id FROM payee ORDER BY partner_id");
        if day % 5 != 2 || payees.is_empty() {
            return Ok(());
        }
        let payee = &payees[day as usize % payees.len()];
        let text = |name: &str| payee[name].as_str().expect("a text").to_owned();
        let (partner, account) = (text("partner_id"), text("stripe_account_id"));
        self.stripe.borrow_mut().gone.insert(account.clone(), (400, "resource_missing"));
        let ctx = self.world.at(UtcMillis(now));
        done(closed::close(&ctx, &account, CloseReason::Deauthorized, "simulated")).map_err(|e| format!("{e:?}"))?;
        self.auditor.payable.remove(&partner);
        self.auditor.payouts.carry(&partner);
        Ok(())
    }

    /// Sets Stripe up or not: only runs and payouts use it here, and what events would read of it is unknown.
    pub(super) fn set_stripe(&mut self, is_set_up: bool) {
        let account = || manicule::service::setup::Stripe {
            key: "sk_test_model".to_owned(),
            api_base: "https://stripe.model".to_owned(),
        };
        self.world.setup.stripe = (is_set_up && !self.seed.is_multiple_of(3)).then(account);
    }

    /// An operator approves some of the runs, and the ten-minute job sends what is approved.
    pub(super) fn pay(&mut self, now: i64) -> Result<(), String> {
        self.recompute_all(now)?;
        if compare::stale(&self.world.db) > 0 {
            return Ok(());
        }
        self.suspend(now)?;
        let waiting = self.world.db.look(
            "SELECT DISTINCT run_id FROM payout WHERE state = 'planned' AND run_id NOT IN (SELECT run_id FROM payout_approval) ORDER BY run_id",
        );
        for (at, row) in waiting.iter().enumerate() {
            if (now / DAY + at as i64) % 3 == 0 {
                continue;
            }
            let id = row["run_id"].as_str().unwrap_or_default().into();
            let ctx = self.world.at(UtcMillis(now));
            let run = done(ctx.read(run::run_find(&id).first())).map_err(|e| format!("{e:?}"))?.expect("a run");
            let approval = plan::approval_insert(&run, &"operator".into(), None, UtcMillis(now));
            done(self.world.db.batch(vec![approval])).map_err(|e| format!("{e:?}"))?;
        }
        let due = "SELECT id FROM payout WHERE state = 'planned' AND partner_id IN (SELECT id FROM partner WHERE standing = 'active') AND run_id IN (SELECT run_id FROM payout_approval) ORDER BY due_at_ms, id";
        let due: Vec<String> =
            self.world.db.look(due).iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()).collect();
        if (now / DAY) % 4 == 0 {
            let calls = self.world.db.calls.get();
            let kind = if now % 2 == 0 { Fault::Before } else { Fault::AfterCommit };
            self.world.db.fault.set(Some((calls + (now / HOUR % 7) as u64, kind)));
        }
        self.set_stripe(true);
        for hour in 0..SENDINGS_MAX {
            let at = now + i64::from(hour) * HOUR;
            self.clock.set(at);
            let sent = done(send::drive(&self.world.at(UtcMillis(at)), send::SWEEP_PAGES));
            self.world.db.fault.set(None);
            if let Err(error) = sent
                && error.code != "statements_used_up"
            {
                self.was_injected(&error)?;
            }
            let open = "SELECT COUNT(*) FROM payout WHERE state IN ('planned', 'submitting') AND partner_id IN (SELECT id FROM partner WHERE standing = 'active') AND run_id IN (SELECT run_id FROM payout_approval)";
            if self.world.db.number(open) == 0 {
                break;
            }
        }
        self.set_stripe(false);
        self.auditor.observe_sending(&self.world.db, &due);
        Ok(())
    }
}
