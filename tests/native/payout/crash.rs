//! Every way in which the real service can be cut off: one fault, two faults, or two concurrent invocations, with time
//! passing in between. Afterwards each partner has each cent once, and the ledger agrees.

mod scene;

use super::fixture::{Call, CrashFixture, DATABASE, Fault, SERVICE};
use crate::support::world::{World, at};
use manicule::codec::operator::ResolutionRequest;
use manicule::service::payout;
use manicule::service::payout::PayoutAction;
use std::collections::BTreeMap;

pub use scene::Scene;

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// The time that may pass between two invocations.
pub const STEPS: [i64; 3] = [MINUTE, 25 * HOUR, 31 * DAY];

/// Payouts and reversals, as far as a review shows them.
const OUTBOUND: &str = "SELECT * FROM (SELECT id, state, reason, attempt FROM payout
       UNION ALL SELECT id, state, reason, attempt FROM payout_reversal)";

const START: &str = "2026-06-01T06:00:00Z";

/// What the partner with this account has earned.
fn earned_by(account: &str) -> i64 {
    500 + 7 * account.trim_start_matches("acct_").parse::<i64>().expect("a number")
}

/// The errors found in one case.
pub type Faults = Vec<String>;

pub struct Stage {
    pub fixture: CrashFixture,
}

impl Stage {
    /// A program with a run about to close, and a payable partner with money.
    pub fn new(partners: usize) -> Stage {
        let World { db, .. } = built(partners);
        Stage { fixture: CrashFixture::new(db) }
    }

    /// Runs a case from the same initial state and rolls back its changes.
    pub fn play(&self, scene: Scene, faults: &[(usize, Fault)], step: i64, seed: Option<u64>) -> (Faults, Vec<Call>) {
        self.fixture.db.execute("BEGIN");
        let found = self.case(scene, faults, step, seed);
        self.fixture.db.execute("ROLLBACK");
        found
    }

    fn case(&self, scene: Scene, faults: &[(usize, Fault)], step: i64, seed: Option<u64>) -> (Faults, Vec<Call>) {
        let b = &self.fixture;
        *b.stripe.borrow_mut() = super::stripe::Stripe { balance: 1_000_000, ..Default::default() };
        for account in b.db.sqlite.look("SELECT stripe_account_id AS id FROM payee") {
            b.stripe.borrow_mut().accounts.insert(account["id"].as_str().expect("a text").to_owned(), 0);
        }
        b.now.set(at(START).0);
        b.script.plan(&[]);
        b.script.gives_way.set(false);
        b.reseed(seed.unwrap_or(7));
        self.set_scene(scene);
        b.script.plan(faults);
        match seed {
            None => b.run(),
            Some(_) => self.interleaved(),
        }
        self.pass(scene, step);
        match seed {
            None => b.run(),
            Some(_) => self.interleaved(),
        }
        let calls = b.script.calls.borrow().clone();
        b.script.plan(&[]);
        b.script.gives_way.set(false);
        // Then everything works, for as long as anything can wait.
        for _ in 0..8 {
            self.pass(scene, step.max(13 * HOUR));
            b.run();
        }
        let mut found = self.reviewed(scene);
        found.extend(self.verdict(scene));
        (found, calls)
    }

    /// What nobody answered for a day waits for a person, with one key used and nothing at Stripe. The person looks at
    /// Stripe, finds nothing, and has it sent again.
    fn reviewed(&self, scene: Scene) -> Faults {
        let b = &self.fixture;
        let mut found = Vec::new();
        if !matches!(scene, Scene::Short | Scene::Again) {
            for row in b.db.sqlite.look(&format!("{OUTBOUND} WHERE attempt > 1")) {
                found.push(format!("{} has a new key, and nobody decided that", row["id"]));
            }
        }
        for row in b.db.sqlite.look(&format!("{OUTBOUND} WHERE state = 'review'")) {
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            let is_asked = |t: &&super::stripe::Transfer| t.group == text("id");
            let is_reversed =
                |t: &super::stripe::Transfer| t.reversals.iter().any(|r| r.metadata["reversal"] == text("id"));
            let stripe = b.stripe.borrow();
            if stripe.transfers.iter().any(|t| is_asked(&t) || is_reversed(t)) {
                found.push(format!("{} is under review, but Stripe has it", text("id")));
            }
            if !text("reason").contains(" was asked ") {
                found.push(format!("{}: the review does not say what was asked: {}", text("id"), text("reason")));
            }
            drop(stripe);
            let again = PayoutAction::Resolve(ResolutionRequest::Again);
            super::ready(payout::decide(&b.context(), &text("id").into(), &again, "Stripe has nothing"))
                .expect("resolved");
        }
        for _ in 0..2 {
            b.run();
        }
        found
    }

    fn set_scene(&self, scene: Scene) {
        let b = &self.fixture;
        match scene {
            Scene::Plain => {}
            Scene::Short => b.stripe.borrow_mut().balance = 100,
            Scene::Gone => {
                let accounts: Vec<String> = b.stripe.borrow().accounts.keys().cloned().collect();
                let gone = accounts.into_iter().map(|id| (id, (400, "resource_missing"))).collect();
                b.stripe.borrow_mut().gone = gone;
            }
            Scene::RefundedLate => {}
            Scene::Refunded | Scene::Owing | Scene::Disputed | Scene::Nothing => {
                self.plan();
                if scene == Scene::Refunded {
                    b.db.execute(REFUNDS);
                }
                if matches!(scene, Scene::Owing | Scene::Nothing) {
                    b.db.execute(DEBTS);
                }
                if matches!(scene, Scene::Disputed | Scene::Nothing) {
                    b.db.execute("UPDATE accrual SET state = 'disputed'");
                }
            }
            Scene::Closed => {
                let accounts = b.stripe.borrow().accounts.keys().cloned().collect();
                b.stripe.borrow_mut().closed = accounts;
            }
            Scene::Again => {
                b.script.plan(&[]);
                let (call, runs) = self.first_send();
                b.script.plan(&[(call, Fault::FailAfter)]);
                (0..runs).for_each(|_| b.run());
                b.script.plan(&[]);
                b.db.execute("UPDATE payout SET revision = revision + 1, state = 'review' WHERE state = 'submitting'");
                let ctx = b.context();
                let again = PayoutAction::Resolve(ResolutionRequest::Again);
                for id in self.ids("payout WHERE state = 'review'") {
                    super::ready(payout::decide(&ctx, &id.as_str().into(), &again, "try again")).expect("resolved");
                }
            }
            Scene::Reversal => {
                while b.db.sqlite.number("SELECT COUNT(*) FROM payout WHERE state = 'paid'") == 0 {
                    b.run();
                }
                let ctx = b.context();
                for id in self.ids("payout") {
                    // The intent, whose first attempt fails.
                    b.script.plan(&[(3, Fault::FailBefore)]);
                    let cents = Some(manicule::base::money::Cents(200));
                    super::ready(manicule::service::payout::reverse::reverse(
                        &ctx,
                        &id.as_str().into(),
                        cents,
                        "paid too much",
                        None,
                    ))
                    .expect("intended");
                }
            }
        }
    }

    /// The part of an invocation that closes the run.
    fn plan(&self) {
        let ctx = self.fixture.context();
        super::ready(manicule::service::settlement::settle::sweep(&ctx)).expect("planned");
        assert!(self.fixture.db.sqlite.number("SELECT COUNT(*) FROM payout WHERE state = 'planned'") > 0);
    }

    fn ids(&self, table: &str) -> Vec<String> {
        let rows = self.fixture.db.sqlite.look(&format!("SELECT id FROM {table} ORDER BY id"));
        rows.iter().map(|r| r["id"].as_str().expect("a text").to_owned()).collect()
    }

    /// The number of the first call to Stripe without faults, and how many invocations it takes.
    fn first_send(&self) -> (usize, usize) {
        self.fixture.db.execute("SAVEPOINT probe");
        let has_sent = || self.fixture.script.calls.borrow().contains(&Call::Service);
        let mut runs = 0;
        while runs < 4 && !has_sent() {
            self.fixture.run();
            runs += 1;
        }
        self.fixture.db.execute("ROLLBACK TO probe");
        self.fixture.db.execute("RELEASE probe");
        let calls = self.fixture.script.calls.borrow();
        let first = calls.iter().position(|c| *c == Call::Service).expect("something is sent");
        let mut stripe = self.fixture.stripe.borrow_mut();
        let accounts = stripe.accounts.keys().map(|id| (id.clone(), 0)).collect();
        *stripe = super::stripe::Stripe { balance: 1_000_000, accounts, ..Default::default() };
        (first, runs)
    }

    /// Time passes, and the platform receives its money meanwhile.
    fn pass(&self, scene: Scene, step: i64) {
        self.fixture.now.set(self.fixture.now.get() + step);
        if scene == Scene::Short {
            self.fixture.stripe.borrow_mut().balance = 1_000_000;
        }
        if scene == Scene::RefundedLate
            && self.fixture.db.sqlite.number("SELECT COUNT(*) FROM transfer WHERE code = 'reverse'") == 0
        {
            self.fixture.db.execute(REFUNDS);
        }
        if scene == Scene::Reversal {
            // Stripe's own report may arrive before the response is known.
            let made = self.fixture.stripe.borrow().transfers.clone();
            for transfer in made.iter().filter(|t| !t.reversals.is_empty()) {
                self.fixture.script.undisturbed(|| {
                    let ctx = self.fixture.context();
                    let told = manicule::service::payout::reverse::refresh_reversed(&ctx, &transfer.id);
                    assert_eq!(super::ready(told), Ok(1));
                });
            }
        }
    }

    /// Two concurrent invocations, one step at a time. The seed decides whose turn it is.
    fn interleaved(&self) {
        let b = &self.fixture;
        b.script.gives_way.set(true);
        let mut jobs = vec![b.job(), b.job()];
        while !jobs.is_empty() {
            let turn = (b.next() % jobs.len() as u64) as usize;
            if b.poll(&mut jobs[turn]) {
                drop(jobs.remove(turn));
            }
        }
    }

    /// Everything that is wrong at the end.
    pub fn verdict(&self, scene: Scene) -> Faults {
        let b = &self.fixture;
        let mut found: Faults = Vec::new();
        for row in b.db.sqlite.look("SELECT what FROM ledger_check UNION ALL SELECT what FROM payout_check") {
            found.push(row["what"].to_string());
        }
        let stripe = b.stripe.borrow();
        let mut transfers: BTreeMap<&str, Vec<&super::stripe::Transfer>> = BTreeMap::new();
        for t in &stripe.transfers {
            transfers.entry(&t.group).or_default().push(t);
        }
        let payouts = b.db.sqlite.look(
            "SELECT p.id, p.state, p.amount_cents, p.destination, p.transfer_id, a.cr_posted_cents - a.dr_posted_cents AS available,
               a.dr_pending_cents AS pending, (SELECT COUNT(*) FROM outbox o WHERE o.id = 'payout.sent:' || p.id) AS told
             FROM payout p JOIN ledger_account a ON a.partner_id = p.partner_id AND a.kind = 'available' ORDER BY p.id",
        );
        let is_paid = scene.ends() == "paid";
        let (lost, frozen, may_be_whole) = scene.changes();
        let count = |what: &str| b.db.sqlite.number(&format!("SELECT COUNT(*) FROM {what}"));
        if scene == Scene::Gone && count("payee WHERE transfers_active = 1") > 0 {
            found.push("an account that is gone is still used".to_owned());
        }
        for p in &payouts {
            let text = |name: &str| p[name].as_str().unwrap_or_default();
            let number = |name: &str| p[name].as_i64().expect("a number");
            let (id, amount) = (text("id"), number("amount_cents"));
            let made = transfers.remove(id).unwrap_or_default();
            let back = if scene == Scene::Reversal { 200 } else { 0 };
            let wanted = scene.ends();
            let earned = earned_by(text("destination"));
            if amount != earned - lost - frozen && !(may_be_whole && amount == earned) {
                found.push(format!("{id} of {earned} is sent with {amount}"));
            }
            if text("state") != wanted {
                found.push(format!("{id} is {}", text("state")));
            }
            if made.len() != usize::from(is_paid) {
                found.push(format!("{id} left {} times", made.len()));
            }
            let net = if is_paid { amount - back } else { 0 };
            if stripe.paid(text("destination")) != net {
                found.push(format!("{id}: the partner has {}", stripe.paid(text("destination"))));
            }
            let available = if is_paid { back + earned - lost - amount } else { earned - lost };
            if (number("available"), number("pending")) != (available, 0) {
                found.push(format!("{id}: {} available, {} pending", number("available"), number("pending")));
            }
            if is_paid && made.first().map(|t| t.id.as_str()) != Some(text("transfer_id")) {
                found.push(format!("{id} has transfer {}", text("transfer_id")));
            }
            if number("told") != i64::from(is_paid) {
                found.push(format!("{id}: the partner was told {} times", number("told")));
            }
        }
        if payouts.len() as i64 != count("payee") + count("payee_closed") || !transfers.is_empty() {
            found.push(format!("{} payouts, and {} transfers of nobody", payouts.len(), transfers.len()));
        }
        let booked = b.db.sqlite.number(
            "SELECT COALESCE(SUM(cr_posted_cents - dr_posted_cents), 0) FROM ledger_account WHERE kind = 'cash'",
        );
        let left: i64 = stripe.transfers.iter().map(|t| t.amount - t.reversed()).sum();
        if booked != left {
            found.push(format!("the ledger says that {booked} left, Stripe {left}"));
        }
        found
    }
}

/// The faults that a call can have.
pub fn faults_of(call: Call) -> &'static [Fault] {
    match call {
        Call::Database => DATABASE,
        Call::Service => SERVICE,
    }
}

/// What happens to every partner's accrual, and to their balances.
const REFUNDS: &str =
    "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
       SELECT a.id || '.2', a.id, 'reverse', 'single', t.credit, t.debit, 100, a.program_id, 'refunded', 0
       FROM accrual a JOIN transfer t ON t.id = a.id || '.1';
     UPDATE accrual SET net_cents = 200, postings = 2;";
const DEBTS: &str = "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
     SELECT 'debt_' || t.id, 'adjust', 'single', t.credit, t.debit, 250, t.program_id, 'owed', 0 FROM transfer t WHERE t.code = 'adjust';";

fn built(partners: usize) -> World {
    let world = World::new(7);
    let sql = |text: &str| world.db.connection.borrow().execute_batch(text).expect("a statement of the test");
    sql("INSERT INTO run (id, program_id, cadence, period, as_of_ms, program_version, state, step, cursor, items, executed, actor, started_at_ms)
         VALUES ('run_1', 'agency-partner', 'monthly', '2026-05', 1780293600000, 1, 'closing', 1, '', 0, 0, 'cron', 1780293600000);
         INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES ('agency-partner/cash:usd/expense', 'agency-partner', 'cash:usd', 'expense', '');");
    for number in 1..=partners {
        let (id, _) = world
            .partner(at("2026-01-01T00:00:00Z"), "agency-partner", &format!("p{number}"), "p@p.example")
            .expect("enrolled");
        let account = format!("agency-partner/cash:usd/available/{id}");
        sql(&format!(
            "INSERT INTO payee VALUES ('{id}', 'acct_{number}', 'US', 'usd', 1, 1, '[]', NULL, 0);
             INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES ('{account}', 'agency-partner', 'cash:usd', 'available', '{id}');
             INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
             VALUES ('adj_{number}', 'adjust', 'single', 'agency-partner/cash:usd/expense', '{account}', {}, 'agency-partner', 'earned', 0);
             INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit,
               gross_cents, cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings)
             VALUES ('acr_{number}', 'agency-partner', 1, 'first-year', '{id}', 'a{number}', 'e{number}', 'invoice:in_{number}', 0, '2026-05', 'cash:usd',
               300, 0, 300, 'available', 'expense', 'available', 0, 'earned', 1);
             INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
             VALUES ('acr_{number}.1', 'acr_{number}', 'accrue', 'single', 'agency-partner/cash:usd/expense', '{account}', 300, 'agency-partner', 'earned', 0)",
            200 + 7 * number
        ));
    }
    world
}
