//! Runs a seed: delivers its facts duplicated, reordered, late and through a failing database, runs the programs at
//! their times, and audits everything after each step.

mod paying;
mod settling;

use super::auditor::Auditor;
use super::books::Books;
use super::calendar::{DAY, HOUR, MINUTE, firsts, instant, mondays};
use super::facts::Sent;
use super::rng::Rng;
use super::stats::Stats;
use super::story::{StoryOptions, tell};
use super::{actions, adjustments, compare, credit_model, delivery, history, occurred, standings};
use crate::support::sqlite::Fault;
use crate::support::world::{World, now as done};
use manicule::base::time::UtcMillis;
use manicule::engine::attribution::touch::TouchHistory;
use manicule::program::document::Cadence;
use manicule::service::account::recompute;
use manicule::service::error::{AppError, ErrorKind};
use manicule::service::ledger::budget;
use manicule::service::settlement::settle;
use manicule::service::setup::{STATEMENTS_FREE, STATEMENTS_PAID};
use serde_json::json;
use std::collections::BTreeMap;

/// Deliveries until an event of Stripe's is stored, however few statements each of them has.
const DELIVERIES_MAX: u32 = 4;

#[derive(Clone, Copy, Debug)]
enum Step {
    Deliver(usize),
    Run(Cadence, i64),
    Sweep,
    SwitchOff,
    Review,
    Fund(i64),
    Pay,
    Adjust,
    Stand,
}

/// Runs one seed. A finding of the auditor is an error.
pub fn play(seed: u64) -> Result<Stats, String> {
    let mut play = Play::new(seed);
    play.plan();
    while let Some(((now, _), step)) = play.queue.pop_first() {
        play.step(now, step)
            .and_then(|()| play.audit())
            .map_err(|what| format!("at {} in {}: {what}", super::calendar::print(now), play.describe(step)))?;
    }
    play.close()?;
    play.stats.seeds = 1;
    play.stats.events = play.events.len() as u64;
    play.stats.transfers = play.books.transfers() as u64;
    play.stats.credits = play.auditor.credits() as u64;
    play.stats.vested = play.auditor.vested.len() as u64;
    play.stats.met.extend(compare::met(&play.world.db));
    play.stats.met.extend(occurred::met(&play.auditor));
    let payouts = play.auditor.payouts.met.iter().map(|(what, times)| ((*what).to_owned(), *times));
    play.stats.met.extend(payouts);
    let adjusted = play.auditor.adjustments.met.iter().map(|(what, times)| ((*what).to_owned(), *times));
    play.stats.met.extend(adjusted);
    let stood = play.auditor.register.standings.met.iter().map(|(what, times)| ((*what).to_owned(), *times));
    play.stats.met.extend(stood);
    Ok(play.stats)
}

pub(super) struct Play {
    pub(super) seed: u64,
    pub(super) rng: Rng,
    pub(super) world: World,
    pub(super) options: StoryOptions,
    events: Vec<Sent>,
    queue: BTreeMap<(i64, u64), Step>,
    queued: u64,
    pub(super) auditor: Auditor,
    books: Books,
    end: i64,
    pub(super) switched_off_at: Option<i64>,
    /// The database's change counter at the last audit.
    audited: u64,
    /// Stripe's clock.
    clock: std::rc::Rc<std::cell::Cell<i64>>,
    stripe: std::rc::Rc<std::cell::RefCell<crate::payout::stripe::Stripe>>,
    pub(super) stats: Stats,
}

impl Play {
    fn new(seed: u64) -> Play {
        let mut rng = Rng::new(seed);
        let world = delivery::world(seed);
        // Every other seed runs on Cloudflare's free plan.
        let statements_max = if seed.is_multiple_of(2) { STATEMENTS_FREE } else { STATEMENTS_PAID };
        world.statements_max.set(Some(statements_max));
        let start = match rng.next() % 4 {
            0 => instant(2024, 2, 10),
            1 => instant(2025, 1, 5),
            _ => instant(2023, rng.within(1, 13), rng.within(1, 29)),
        };
        let mut auditor = Auditor::default();
        let options = history::enrol(&world, start - 60 * DAY, &mut auditor.register);
        let favourites = ["agency-partner", "developer-affiliate", "tiered-credits", "user-referral"];
        let options = StoryOptions { start, is_long: rng.percent(25), favourite: rng.pick(&favourites), ..options };
        Play {
            seed,
            rng,
            world,
            options,
            events: Vec::new(),
            queue: BTreeMap::new(),
            queued: 0,
            auditor,
            books: Books::default(),
            end: 0,
            switched_off_at: None,
            audited: 0,
            clock: Default::default(),
            stripe: Default::default(),
            stats: Stats::default(),
        }
    }

    fn push(&mut self, at: i64, step: Step) {
        self.queued += 1;
        self.queue.insert((at, self.queued), step);
    }

    /// Generates the stories and schedules deliveries and runs.
    fn plan(&mut self) {
        let mut clicks = Vec::new();
        // Most seeds cover a few full lives. Some cover many small accounts that one agency refers (enough for the
        // volume bonus, the velocity limit, or platinum), some cover colleagues, and some cover guests of the salon.
        let (lives, crowd, days, colleagues) = match self.rng.next() % 20 {
            0..=3 => (1, self.rng.within(6, 11), self.rng.pick(&[40, 80]), 0),
            4 | 5 => (1, self.rng.within(11, 14), 20, 0),
            6 => (1, self.rng.within(20, 23), 75, 0),
            7..=9 => (1, 0, 1, self.rng.within(3, 6)),
            _ => (self.rng.within(2, 5), 0, 1, 0),
        };
        for number in 0..lives as usize {
            let (mut events, mut found) = tell(&mut self.rng, &self.options, number);
            self.events.append(&mut events);
            clicks.append(&mut found);
        }
        self.events.extend(actions::crowd(&mut self.rng, &self.options, crowd, days));
        self.events.extend(actions::colleagues(&mut self.rng, &self.options, colleagues));
        let guests = if crowd + colleagues == 0 && self.rng.percent(30) { self.rng.within(3, 6) } else { 0 };
        self.events.extend(actions::guests(&mut self.rng, &self.options, guests));
        let (mut events, mut found) = actions::visitors(&mut self.rng, &self.options);
        self.events.append(&mut events);
        clicks.append(&mut found);
        history::store_clicks(&self.world, &self.auditor.register, &clicks);
        self.auditor.register.clicks = clicks;
        let last = self.events.iter().map(|e| e.at).max().unwrap_or(self.options.start);
        for index in 0..self.events.len() {
            let at = self.events[index].stripe_created() + self.delay_of(index);
            self.push(at, Step::Deliver(index));
        }
        self.end = last + 80 * DAY;
        self.plan_runs();
        self.plan_payouts();
        let off = self.options.start + self.rng.within(0, 60 * DAY);
        self.push(off, Step::SwitchOff);
        // Some operators decide everything, some nothing. Reviews that they leave stay open to the end.
        for _ in 0..self.rng.pick(&[0, 0, 2, 6, 6]) {
            let at = self.options.start + self.rng.within(10 * DAY, 130 * DAY);
            self.push(at, Step::Review);
        }
        if adjustments::happen_in(self.seed) {
            let mut rng = Rng::new(self.seed);
            for _ in 0..rng.within(4, 30) {
                let at = self.options.start + rng.within(DAY, 200 * DAY);
                self.push(at, Step::Adjust);
            }
        }
        if standings::happen_in(self.seed) {
            standings::times(self.seed, self.options.start).into_iter().for_each(|at| self.push(at, Step::Stand));
        }
        let first = self.rng.pick(&[0, 700, 1_400, 2_600, 6_000, 60_000]);
        self.push(self.options.start, Step::Fund(first));
        // In seeds about the budget, it is never empty for long and seldom full.
        for _ in 0..if guests > 0 || self.options.favourite == credit_model::PROGRAM { 10 } else { 4 } {
            let at = self.options.start + self.rng.within(0, 90 * DAY);
            let cents = self.rng.pick(&[500, 1_500, 3_000, 4_999, 6_000, 31_000]);
            self.push(at, Step::Fund(cents));
        }
    }

    /// All monthly runs, and weekly ones while they have something to find. If cron misses a week, the next run makes
    /// up for it.
    fn plan_runs(&mut self) {
        for at in mondays(self.options.start, self.end) {
            let chance = if at < self.options.start + 75 * DAY { 60 } else { 6 };
            if self.rng.percent(chance) {
                let late = self.lateness();
                self.push(at + late, Step::Run(Cadence::Weekly, at));
            }
        }
        for at in firsts(self.options.start, self.end) {
            let late = self.lateness();
            self.push(at + late, Step::Run(Cadence::Monthly, at));
        }
    }

    /// If an account signs up often, some of the sign-ups arrive very late, so that its binding comes and goes.
    fn delay_of(&mut self, index: usize) -> i64 {
        let event = &self.events[index];
        let is_sign_up = |e: &&Sent| e.kind == "account.signed_up" && e.account == event.account;
        if is_sign_up(&event) && self.events.iter().filter(is_sign_up).count() > 2 && self.rng.percent(70) {
            return self.rng.within(0, 60 * DAY);
        }
        // If a sign-up arrives late, everything that the account did is due at once.
        let is_guest = event.account.starts_with(actions::GUEST);
        let chance = if is_guest || self.options.favourite == credit_model::PROGRAM { 45 } else { 10 };
        if is_sign_up(&&self.events[index]) && self.rng.percent(chance) {
            return self.rng.within(0, 30 * DAY);
        }
        self.delay()
    }

    fn delay(&mut self) -> i64 {
        match self.rng.next() % 20 {
            0..=10 => self.rng.within(0, 2_000),
            11..=14 => self.rng.within(0, 6 * HOUR),
            15..=17 => self.rng.within(0, 4 * DAY),
            18 => self.rng.within(5 * DAY, 40 * DAY),
            _ => self.rng.within(30 * DAY, 110 * DAY),
        }
    }

    fn lateness(&mut self) -> i64 {
        if self.rng.percent(85) { self.rng.within(0, 2_000) } else { self.rng.within(0, 3 * DAY) }
    }

    fn describe(&self, step: Step) -> String {
        match step {
            Step::Deliver(index) => {
                let event = &self.events[index];
                format!("{} touches {:?}", event.stripe.as_ref().unwrap_or(&event.body), event.touches)
            }
            other => format!("{other:?}"),
        }
    }

    fn step(&mut self, now: i64, step: Step) -> Result<(), String> {
        match step {
            Step::Deliver(index) => self.deliver(now, index),
            Step::Run(cadence, scheduled) => self.run(now, cadence, scheduled),
            Step::Sweep => self.sweep(now),
            Step::SwitchOff => self.switch_off(now),
            Step::Review => self.review(now),
            Step::Fund(cents) => self.fund(now, cents),
            Step::Pay => self.pay(now),
            Step::Adjust => self.adjust(now),
            Step::Stand => self.stand(now),
        }
    }

    fn audit(&mut self) -> Result<(), String> {
        // A step without changes needs no new audit.
        let changes = self.changes();
        if std::mem::replace(&mut self.audited, changes) == changes {
            return Ok(());
        }
        self.books.check(&self.world.db)?;
        compare::compare(&self.auditor, &self.world.db)
    }

    /// With a chance of `percent`, sets a fault for one of the next `calls` calls of the database.
    pub(super) fn maybe_fault(&mut self, percent: u64, calls: i64) -> bool {
        let is_faulty = self.rng.percent(percent);
        let fault = is_faulty.then(|| {
            let kind = self.rng.pick(&[Fault::Before, Fault::AfterCommit]);
            (self.world.db.calls.get() + self.rng.within(0, calls) as u64, kind)
        });
        self.world.db.fault.set(fault);
        is_faulty
    }

    /// Whether an error is the fault that was injected; any other error is a finding.
    pub(super) fn was_injected(&mut self, error: &AppError) -> Result<(), String> {
        self.world.db.fault.set(None);
        if error.kind == ErrorKind::Transient && error.cause.as_deref().is_some_and(|why| why.starts_with("injected")) {
            self.stats.faults += 1;
            return Ok(());
        }
        Err(format!("an error that nobody injected: {error}"))
    }

    fn deliver(&mut self, now: i64, index: usize) -> Result<(), String> {
        let event = self.events[index].clone();
        let is_known = self.auditor.knows(&event.id);
        let changes = self.changes();
        self.maybe_fault(12, 3);
        let taken = delivery::send(&self.world, now, &event, &self.auditor.register);
        self.world.db.fault.set(None);
        self.stats.deliveries += 1;
        match taken {
            Ok(first) if first == is_known => return Err(format!("a delivery answers first: {first}")),
            Ok(_) => {}
            Err(error) if event.stripe.is_some() => self.again(now, &event, error)?,
            Err(error) => {
                self.was_injected(&error)?;
                let again = now + self.rng.pick(&[1_000, HOUR, 3 * DAY]);
                self.push(again, Step::Deliver(index));
            }
        }
        delivery::catch_up(&self.world, now)?;
        let is_stored = delivery::is_stored(&self.world, &event);
        if is_stored && !is_known {
            self.auditor.learn(&event);
        }
        if is_known && self.changes() != changes {
            return Err("a repeat changed something".to_owned());
        }
        if self.rng.percent(10) {
            let again = now + self.rng.pick(&[0, MINUTE, 2 * DAY, 40 * DAY]);
            self.push(again, Step::Deliver(index));
        }
        if is_stored && event.stripe.is_none() && self.rng.percent(4) { self.contradict(now, &event) } else { Ok(()) }
    }

    /// The same event id with another body is refused and changes nothing.
    fn contradict(&mut self, now: i64, event: &Sent) -> Result<(), String> {
        let changes = self.changes();
        let mut body = event.body.clone();
        body["data"]["note"] = json!("another");
        body["amount"] = json!({"cents": 1, "currency": "usd"});
        match self.world.take(UtcMillis(now), &body, self.touchpoints(event)) {
            Err(error) if error.code == "event_id_reused" && self.changes() == changes => Ok(()),
            other => Err(format!("the same event id with another body: {other:?}")),
        }
    }

    /// Stripe's event was stored in part, or not at all: Stripe sends it again until it is taken in.
    fn again(&mut self, now: i64, event: &Sent, mut error: AppError) -> Result<(), String> {
        for _ in 0..DELIVERIES_MAX {
            if error.code != "statements_used_up" {
                self.was_injected(&error)?;
            }
            match delivery::send(&self.world, now, event, &self.auditor.register) {
                Ok(_) => return Ok(()),
                Err(other) => error = other,
            }
        }
        Err(format!("{} is never taken in: {error}", event.id))
    }

    fn changes(&self) -> u64 {
        self.world.db.connection.borrow().total_changes()
    }

    fn touchpoints(&self, event: &Sent) -> Option<TouchHistory> {
        history::touchpoints(&self.auditor.register, event)
    }
}
