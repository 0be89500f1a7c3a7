//! A credit reaches its customer's balance at Stripe once, and is clawed back once: every fault at each call to the
//! database and to Stripe (before it, after it, or failed but done), and two concurrent invocations.

use super::fixture::{Call, CrashFixture, DATABASE, Fault, SERVICE};
use super::stripe;
use crate::support::world::{World, at, now};
use manicule::codec::operator::ResolutionRequest;
use manicule::service::payout;
use manicule::service::payout::PayoutAction;
use manicule::service::setup::STATEMENTS_FREE;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const TIERED: &str = "tiered-credits";
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const STEPS: [i64; 3] = [MINUTE, 25 * HOUR, 31 * DAY];
const START: &str = "2026-06-01T06:00:00Z";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// Two credits to be planned, sent and settled.
    Plain,
    /// The credits are delivered, then clawed back because they were another partner's.
    TakenBack,
    /// The customer does not exist at first: nothing moves, and a day later everything works.
    Gone,
    /// Requests were sent but never answered. An operator has them sent again.
    Again,
}

const SCENES: [Scene; 4] = [Scene::Plain, Scene::TakenBack, Scene::Gone, Scene::Again];

/// The preset with credits delivered by Stripe, from the start of 2026 on.
fn by_stripe() -> String {
    let text = manicule::program::catalog::PRESETS.iter().find(|(id, _)| *id == TIERED).expect("the preset").1;
    let mut document: Value = serde_json::from_str(text).expect("JSON");
    document["version"] = json!(2);
    document["effective_from"] = json!("2026-01-01T00:00:00Z");
    document["settlement"]["delivery"] = json!("stripe_balance");
    document.to_string()
}

fn tell(world: &World, id: &str, kind: &str, account: &str, more: Value) {
    let mut event = json!({"id": id, "type": kind, "occurred_at": "2026-05-01T00:00:00Z", "account": {"id": account}});
    event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    world.take(at("2026-05-01T00:00:00Z"), &event, None).expect("accepted");
}

/// Two partners who are customers, `cus_owner` and `cus_other`. The first has earned $5 and $50.
fn stage() -> (CrashFixture, [String; 2]) {
    let world = World::new(7);
    let early = at("2026-01-01T00:00:00Z");
    let saved =
        now(manicule::service::program::save(&world.at(at("2025-12-01T00:00:00Z")), &TIERED.into(), &by_stripe()));
    assert!(matches!(saved, Ok((201, _))), "the document is saved");
    world.fund(early, TIERED, 100_000).expect("funded");
    let partners = ["owner", "other"].map(|who| {
        let (id, code) = world.partner(early, TIERED, who, &format!("{who}@p.example")).expect("enrolled");
        tell(
            &world,
            &format!("s_{who}"),
            "account.signed_up",
            who,
            json!({"data": {"stripe_customer": format!("cus_{who}")}}),
        );
        (id, code)
    });
    let code = &partners[0].1;
    tell(&world, "s_friend", "account.signed_up", "friend", json!({"attribution": {"code": code}}));
    tell(&world, "z_rfq", "rfq.submitted", "friend", json!({}));
    assert_eq!(world.balance(&partners[0].0, "available"), 5_500);
    (CrashFixture::new(world.db), partners.map(|(id, _)| id))
}

struct Stage {
    fixture: CrashFixture,
    partners: [String; 2],
}

impl Stage {
    fn new() -> Stage {
        let (fixture, partners) = stage();
        Stage { fixture, partners }
    }

    /// Runs a case from the same initial state and rolls back its changes.
    fn play(&self, scene: Scene, faults: &[(usize, Fault)], step: i64, seed: Option<u64>) -> (Vec<String>, Vec<Call>) {
        let b = &self.fixture;
        b.db.execute("BEGIN");
        *b.stripe.borrow_mut() = stripe::Stripe::default();
        let all: BTreeSet<String> = ["cus_owner", "cus_other"].map(str::to_owned).into();
        b.stripe.borrow_mut().customers = if scene == Scene::Gone { BTreeSet::new() } else { all.clone() };
        b.now.set(at(START).0);
        b.script.plan(&[]);
        b.script.gives_way.set(false);
        b.reseed(seed.unwrap_or(7));
        self.set_scene(scene);
        b.script.plan(faults);
        self.invoke(seed);
        b.now.set(b.now.get() + step);
        self.invoke(seed);
        let calls = b.script.calls.borrow().clone();
        b.script.plan(&[]);
        b.script.gives_way.set(false);
        b.stripe.borrow_mut().customers = all;
        for _ in 0..9 {
            b.now.set(b.now.get() + step.max(13 * HOUR));
            b.run();
        }
        let mut found = self.reviewed(scene);
        found.extend(self.verdict(scene));
        b.db.execute("ROLLBACK");
        (found, calls)
    }

    /// What nobody answered for a day waits for a person, and nothing of it is at Stripe. The person has it sent again.
    fn reviewed(&self, scene: Scene) -> Vec<String> {
        let b = &self.fixture;
        let mut found = Vec::new();
        if scene != Scene::Again {
            for row in b.db.sqlite.look("SELECT id FROM credit_transfer WHERE attempt > 1") {
                found.push(format!("{} has a new key, and nobody decided that", row["id"]));
            }
        }
        // A debit is planned once its credit is delivered, and can be unanswered itself.
        for _ in 0..2 {
            for row in b.db.sqlite.look("SELECT id, reason FROM credit_transfer WHERE state = 'review'") {
                let text = |name: &str| row[name].as_str().unwrap_or_default();
                if b.stripe.borrow().moved.iter().any(|m| m.metadata["credit"] == text("id")) {
                    found.push(format!("{} is under review, but Stripe has it", text("id")));
                }
                if !text("reason").contains(" was asked ") {
                    found.push(format!("{}: the review does not say what was asked", text("id")));
                }
                let again = PayoutAction::Resolve(ResolutionRequest::Again);
                now(payout::decide(&b.context(), &text("id").into(), &again, "Stripe has nothing")).expect("resolved");
            }
            b.run();
            b.now.set(b.now.get() + 25 * HOUR);
            b.run();
        }
        found
    }

    fn invoke(&self, seed: Option<u64>) {
        let b = &self.fixture;
        if seed.is_none() {
            return b.run();
        }
        b.script.gives_way.set(true);
        let mut jobs = vec![b.job(), b.job()];
        while !jobs.is_empty() {
            let turn = (b.next() % jobs.len() as u64) as usize;
            if b.poll(&mut jobs[turn]) {
                drop(jobs.remove(turn));
            }
        }
    }

    fn set_scene(&self, scene: Scene) {
        let b = &self.fixture;
        match scene {
            Scene::Plain | Scene::Gone => {}
            Scene::TakenBack => {
                b.run();
                let moved = manicule::codec::operator::ReassignRequest {
                    program: TIERED.into(),
                    partner: Some(self.partners[1].clone().into()),
                    reason: "it was the other's".to_owned(),
                };
                let ctx = b.context();
                let account = "friend".into();
                let told = manicule::service::attribution::reassign::reassign(
                    &ctx,
                    &account,
                    &moved,
                    "reb".into(),
                    "x".to_owned(),
                );
                now(told).expect("moved");
            }
            Scene::Again => {
                // The leases are stored, and the responses are lost.
                b.script.plan(&[]);
                b.db.execute("SAVEPOINT probe");
                b.run();
                b.db.execute("ROLLBACK TO probe");
                b.db.execute("RELEASE probe");
                let first =
                    b.script.calls.borrow().iter().position(|c| *c == Call::Service).expect("something is sent");
                let customers = b.stripe.borrow().customers.clone();
                *b.stripe.borrow_mut() = stripe::Stripe { customers, ..Default::default() };
                b.script.plan(&[(first, Fault::FailAfter), (first + 1, Fault::FailBefore)]);
                b.run();
                b.script.plan(&[]);
                let open =
                    "UPDATE credit_transfer SET revision = revision + 1, state = 'review' WHERE state = 'submitting'";
                b.db.execute(open);
                for row in b.db.sqlite.look("SELECT id FROM credit_transfer WHERE state = 'review' ORDER BY id") {
                    let id = row["id"].as_str().expect("a text");
                    let again = PayoutAction::Resolve(ResolutionRequest::Again);
                    now(payout::decide(&b.context(), &id.into(), &again, "try again")).expect("resolved");
                }
            }
        }
    }

    /// Everything that is wrong at the end.
    fn verdict(&self, scene: Scene) -> Vec<String> {
        let b = &self.fixture;
        let mut found = Vec::new();
        for row in b.db.sqlite.look("SELECT what FROM ledger_check UNION ALL SELECT what FROM credit_check") {
            found.push(row["what"].to_string());
        }
        let stripe = b.stripe.borrow();
        let mut each: BTreeMap<&str, u32> = BTreeMap::new();
        for moved in &stripe.moved {
            *each.entry(moved.metadata["credit"].as_str()).or_default() += 1;
        }
        found.extend(each.iter().filter(|(_, n)| **n != 1).map(|(id, n)| format!("{id} moved {n} times")));
        let wanted = if scene == Scene::TakenBack { [0, 5_500] } else { [5_500, 0] };
        for ((partner, who), cents) in self.partners.iter().zip(["cus_owner", "cus_other"]).zip(wanted) {
            if stripe.owed(who) != -cents {
                found.push(format!("{who} has {}", -stripe.owed(who)));
            }
            let expected_cents = |kind: &str| {
                b.db.sqlite.number(&format!(
                    "SELECT COALESCE(SUM(cr_posted_cents - dr_posted_cents + cr_pending_cents + dr_pending_cents), 0) FROM ledger_account
                     WHERE partner_id = '{partner}' AND kind = '{kind}'"
                ))
            };
            if (expected_cents("available"), expected_cents("redeemed")) != (0, cents) {
                found.push(format!(
                    "{who}: {} available, {} delivered",
                    expected_cents("available"),
                    expected_cents("redeemed")
                ));
            }
        }
        let credits = stripe.moved.iter().filter(|m| m.amount < 0).count();
        let expected = if scene == Scene::TakenBack { (4, 2) } else { (2, 0) };
        if (credits, stripe.moved.len() - credits) != expected {
            found.push(format!("{credits} credits, {} taken back", stripe.moved.len() - credits));
        }
        let booked = b.db.sqlite.number("SELECT COUNT(*) FROM credit_transfer WHERE state = 'paid'");
        if booked as usize != stripe.moved.len() {
            found.push(format!("{booked} are delivered here, {} at Stripe", stripe.moved.len()));
        }
        found
    }
}

#[derive(Default)]
struct Report {
    cases: u64,
    first: Option<String>,
}

impl Report {
    fn note(&mut self, what: impl FnOnce() -> String, found: Vec<String>) {
        self.cases += 1;
        if !found.is_empty() {
            self.first.get_or_insert_with(|| format!("{}: {}", what(), found.join("; ")));
        }
    }
}

fn singles(stage: &Stage, scene: Scene, report: &mut Report) {
    for step in STEPS {
        let (found, calls) = stage.play(scene, &[], step, None);
        report.note(|| format!("{scene:?} {step} undisturbed"), found);
        for (place, call) in calls.iter().enumerate() {
            for fault in if *call == Call::Database { DATABASE } else { SERVICE } {
                let (found, _) = stage.play(scene, &[(place, *fault)], step, None);
                report.note(|| format!("{scene:?} {step} {fault:?} at {place} ({call:?})"), found);
            }
        }
    }
}

#[test]
fn one_fault_anywhere_delivers_each_credit_once() {
    let (stage, mut report) = (Stage::new(), Report::default());
    for scene in SCENES {
        singles(&stage, scene, &mut report);
    }
    println!("single faults: {} cases", report.cases);
    assert_eq!(report.first, None);
}

/// The same if an invocation may send only few statements, which cuts it off in other places.
#[test]
fn one_fault_anywhere_delivers_each_credit_once_with_few_statements() {
    let (stage, mut report) = (Stage::new(), Report::default());
    stage.fixture.statements_max.set(Some(STATEMENTS_FREE));
    for scene in SCENES {
        singles(&stage, scene, &mut report);
    }
    println!("single faults, {STATEMENTS_FREE} statements: {} cases", report.cases);
    assert_eq!(report.first, None);
}

#[test]
fn two_faults_anywhere_deliver_each_credit_once() {
    let (stage, mut report) = (Stage::new(), Report::default());
    let scene = Scene::Plain;
    let (_, calls) = stage.play(scene, &[], 25 * HOUR, None);
    let of = |call: &Call| if *call == Call::Database { &DATABASE[..4] } else { SERVICE };
    for (i, call) in calls.iter().enumerate() {
        for first in of(call) {
            let (_, then) = stage.play(scene, &[(i, *first)], 25 * HOUR, None);
            for (j, call) in then.iter().enumerate().skip(i + 1) {
                for second in of(call) {
                    let (found, _) = stage.play(scene, &[(i, *first), (j, *second)], 25 * HOUR, None);
                    report.note(|| format!("{first:?} at {i}, {second:?} at {j}"), found);
                }
            }
        }
    }
    println!("pairs of faults: {} cases", report.cases);
    assert_eq!(report.first, None);
}

#[test]
fn concurrent_invocations_deliver_each_credit_once() {
    let (stage, mut report) = (Stage::new(), Report::default());
    for seed in 0..400u64 {
        let (scene, step) = (SCENES[(seed % 4) as usize], STEPS[(seed / 4 % 3) as usize]);
        let fault = SERVICE[(seed / 12) as usize % SERVICE.len()];
        let faults = if seed % 5 == 0 { vec![] } else { vec![((seed * 7 % 30) as usize, fault)] };
        let (found, _) = stage.play(scene, &faults, step, Some(seed + 1));
        report.note(|| format!("{seed}: {scene:?} {step} {faults:?}"), found);
    }
    println!("interleaved: {} cases", report.cases);
    assert_eq!(report.first, None);
}
