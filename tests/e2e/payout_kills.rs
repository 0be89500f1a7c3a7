//! A run pays 1,000 partners on a Worker that is killed at random moments and restarted with its stored state. Each
//! partner gets one transfer of the right amount. The Stripe stand-in keeps running.

use super::client::{now_ms, step};
use super::crowd::{self, Crowd, Size};
use super::facts::at;
use super::server::Server;
use super::stripe::Stripe;
use manicule::engine::payout::LEASE_MS;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

const MONTHLY: &str = "0 6 1 * *";
const SWEEP: &str = "*/10 * * * *";
const KILLS: usize = 10;
/// How often the test polls the stand-in for the Worker's progress.
const LOOK: Duration = Duration::from_millis(100);
/// Roughly the time for one page of payouts, so that a kill is equally likely at every point of a page.
const PAGE_MS: u64 = 900;

/// Random moments, from a seed that is printed.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

struct Story {
    stripe: Stripe,
    server: Server,
    crowd: Crowd,
}

impl Story {
    fn begin(size: &Size) -> Story {
        let (stripe, mut server) = Stripe::silent(&[("PAYOUT_APPROVAL", "automatic")]);
        let path = format!("/v1/programs/{}", crowd::PROGRAM);
        let document = crowd::document().to_string();
        server.ask("PUT", &path).body(document).operator().send().expect(201);
        let crowd = Crowd::fill(&mut server, &stripe, size);
        Story { stripe, server, crowd }
    }

    /// Fires cron triggers one after the other until `moment` returns true, then kills the Worker.
    fn live(&mut self, moment: impl Fn(&Stripe) -> bool) {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|threads| {
            let (server, is_over) = (&self.server, &is_over);
            let triggers = threads.spawn(move || {
                // A trigger that is cut off gets no response.
                while !is_over.load(Ordering::Relaxed)
                    && fire(server, MONTHLY, at(crowd::RUN))
                    && fire(server, SWEEP, now_ms())
                {}
            });
            while !moment(&self.stripe) {
                assert!(!triggers.is_finished(), "a trigger failed before its moment:\n{}", self.server.log());
                std::thread::sleep(LOOK);
            }
            is_over.store(true, Ordering::Relaxed);
            self.server.kill();
        });
    }

    /// Payouts that Stripe has made but that are still `submitting` in the database: the Worker was killed between the
    /// request and the ledger entry.
    fn unposted(&mut self) -> BTreeSet<String> {
        let database = self.server.open();
        let mut asked = database.prepare("SELECT id FROM payout WHERE state = 'submitting'").expect("a query");
        let under_way = asked.query_map([], |row| row.get(0)).expect("rows");
        let under_way: BTreeSet<String> = under_way.map(|id| id.expect("an id")).collect();
        let made =
            self.stripe.list("transfer").into_iter().filter_map(|t| t["transfer_group"].as_str().map(str::to_owned));
        made.filter(|id| under_way.contains(id)).collect()
    }

    /// Runs triggers on the restarted Worker until no payout is under way.
    fn finish(&mut self) {
        for _ in 0..20 {
            assert!(fire(&self.server, MONTHLY, at(crowd::RUN)) && fire(&self.server, SWEEP, now_ms()), "it answers");
            let open =
                |state: &str| !self.server.read(&format!("/v1/payouts?state={state}&limit=1"))["data"][0].is_null();
            if !open("planned") && !open("submitting") {
                return;
            }
            self.server.let_pass(LEASE_MS);
        }
        panic!("payouts are still on their way");
    }

    fn faults(&self) -> Vec<String> {
        self.crowd.faults(&self.stripe.list("transfer"), &self.server.transfers())
    }
}

/// Whether the trigger was answered with success.
fn fire(server: &Server, trigger: &str, time: i64) -> bool {
    server.try_cron(trigger, time).is_ok_and(|answer| answer.status == 200)
}

fn made(stripe: &Stripe) -> usize {
    stripe.list("transfer").len()
}

#[test]
fn a_thousand_partners_are_paid_once_however_often_the_worker_is_killed() {
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    let mut rng = Rng(seed);
    let size = Size { payable: 1_000, small: 40, owing: 20, not_onboarded: 40 };
    let mut story = Story::begin(&size);
    assert_eq!((story.crowd.payable(), story.crowd.wants.len()), (size.payable, 1_100));
    let before = made(&story.stripe);

    // The first kill is while the run settles, or soon after. The others are at random intervals.
    let mut marks: Vec<usize> = (1..KILLS).map(|_| rng.below(size.payable as u64) as usize).collect();
    marks.sort_unstable();
    step(&format!("seed {seed}: killed after {marks:?} transfers"));
    let mut unposted = BTreeSet::new();
    let (mut kills, mut hits) = (0, 0);
    let settling = SystemTime::now() + Duration::from_millis(rng.below(PAGE_MS));
    story.live(|_| SystemTime::now() >= settling);
    for mark in std::iter::once(None).chain(marks.into_iter().map(Some)) {
        if let Some(mark) = mark {
            story.server.let_pass(LEASE_MS);
            let pause = Duration::from_millis(rng.below(PAGE_MS));
            story.live(|stripe| {
                let is_due = made(stripe) - before >= mark;
                if is_due {
                    std::thread::sleep(pause);
                }
                is_due
            });
        }
        kills += 1;
        let found = story.unposted();
        hits += usize::from(!found.is_empty());
        unposted.extend(found);
    }
    step(&format!("{hits} of {kills} kills were between request and ledger entry, of {} payouts", unposted.len()));
    assert_eq!(kills, KILLS);
    assert!(hits >= 1, "no kill was where it matters");
    story.server.let_pass(LEASE_MS);
    story.finish();

    step("exactly one transfer each, of the right cents, and the ledger says the same");
    assert_eq!(story.faults(), Vec::<String>::new());
    assert_eq!(made(&story.stripe) - before, size.payable);
    let report = story.server.read(&format!("/v1/runs/{}/report", run(&story.server)));
    let sent: i64 = story.crowd.wants.values().map(|w| w.paid_cents).sum();
    let paid = json!([{"state": "paid", "currency": "usd", "payouts": size.payable, "amount_cents": sent}]);
    assert_eq!(report["payouts"], paid);
    let carried: BTreeMap<&str, i64> = report["carried_forward"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| (c["why"].as_str().expect("a text"), c["partners"].as_i64().expect("a number")))
        .collect();
    assert_eq!(carried, BTreeMap::from([("negative", 20), ("not_onboarded", 40), ("not_payable", 40)]));
    story.server.audit();

    step("requests that a kill cut off were retried with the same key");
    let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in story.stripe.look("requests").as_array().expect("requests") {
        if request["method"] == "POST" && request["path"] == "/v1/transfers" {
            let group = request["params"]["transfer_group"].as_str().expect("a group").to_owned();
            asked.entry(group).or_default().push(request["key"].as_str().expect("a key").to_owned());
        }
    }
    for id in &unposted {
        let keys = &asked[id];
        assert!(keys.len() > 1 && keys.iter().all(|key| *key == keys[0]), "{id}: {keys:?}");
    }
}

#[test]
fn a_worker_that_took_a_fresh_key_after_a_kill_would_be_noticed() {
    let mut story = Story::begin(&Size { payable: 5, small: 0, owing: 1, not_onboarded: 1 });
    // Stripe makes the transfers, but does not answer until the Worker is gone.
    let slow = json!({"path": "/v1/transfers", "kind": "delay", "times": 5, "ms": 600_000});
    story.stripe.control("faults", &slow);
    story.live(|stripe| made(stripe) == 6);
    let unposted = story.unposted();
    assert_eq!(unposted.len(), 5);
    let database = story.server.open();
    let broken = "UPDATE payout SET attempt = attempt + 1, revision = revision + 1 WHERE state = 'submitting'";
    assert_eq!(database.execute(broken, []).expect("broken"), 5);
    database.close().expect("written");
    story.server.let_pass(LEASE_MS);
    story.finish();
    let faults = story.faults();
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert!(faults.iter().all(|fault| fault.contains("Stripe has 2 transfers")), "{faults:?}");
}

/// The run's id.
fn run(server: &Server) -> String {
    let runs = server.read("/v1/runs?limit=200");
    let is_it = |r: &&Value| r["program"] == crowd::PROGRAM && r["period"] == "2025-03";
    let found = runs["data"].as_array().expect("runs").iter().find(is_it).expect("the run");
    found["id"].as_str().expect("an id").to_owned()
}
