//! Money leaves exactly once: single crash points, pairs of them and interleavings, with the real service on SQLite and
//! a model of Stripe.

mod crash;
mod credit_crash;
mod fixture;
mod promotion;
mod redeem_at_once;
pub mod stripe;

use crash::{STEPS, Scene, Stage, faults_of};
use fixture::Fault;
use manicule::service::setup::STATEMENTS_FREE;

/// Runs a future that is ready immediately.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    crate::support::world::now(future)
}

/// The work and the findings of a campaign.
#[derive(Default)]
struct Report {
    cases: u64,
    failures: u64,
    first: Option<String>,
}

impl Report {
    fn note(&mut self, what: &str, found: Vec<String>) {
        self.cases += 1;
        if !found.is_empty() {
            self.failures += 1;
            self.first.get_or_insert_with(|| format!("{what}: {}", found.join("; ")));
        }
    }

    fn print(&self, name: &str) {
        println!("{name}: {} cases, {} failures, first: {:?}", self.cases, self.failures, self.first);
    }
}

const SCENES: [Scene; 11] = [
    Scene::Plain,
    Scene::Short,
    Scene::Closed,
    Scene::Gone,
    Scene::Again,
    Scene::Reversal,
    Scene::Refunded,
    Scene::RefundedLate,
    Scene::Owing,
    Scene::Disputed,
    Scene::Nothing,
];

/// Every single fault, at every call of two invocations, in every scene.
fn singles(stage: &Stage, scenes: &[Scene], report: &mut Report) {
    for scene in scenes {
        for step in STEPS {
            let (found, calls) = stage.play(*scene, &[], step, None);
            report.note(&format!("{scene:?} {step} undisturbed"), found);
            for (at, call) in calls.iter().enumerate() {
                for fault in faults_of(*call) {
                    let (found, _) = stage.play(*scene, &[(at, *fault)], step, None);
                    report.note(&format!("{scene:?} {step} {fault:?} at {at} ({call:?})"), found);
                }
            }
        }
    }
}

/// Every pair of faults: the second one wherever the first one leads.
fn pairs(stage: &Stage, scene: Scene, step: i64, report: &mut Report) {
    let (_, calls) = stage.play(scene, &[], step, None);
    for (i, call) in calls.iter().enumerate() {
        for first in faults_of(*call) {
            let (_, then) = stage.play(scene, &[(i, *first)], step, None);
            for (j, call) in then.iter().enumerate().skip(i + 1) {
                for second in faults_of(*call) {
                    let (found, _) = stage.play(scene, &[(i, *first), (j, *second)], step, None);
                    report.note(&format!("{scene:?} {step} {first:?} at {i}, {second:?} at {j}"), found);
                }
            }
        }
    }
}

/// Two concurrent invocations with up to three faults, drawn by seed.
fn interleaved(stage: &Stage, seeds: std::ops::Range<u64>, report: &mut Report) {
    for seed in seeds {
        let mut draw = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |bound: u64| {
            draw ^= draw << 13;
            draw ^= draw >> 7;
            draw ^= draw << 17;
            draw % bound
        };
        let scene = SCENES[below(11) as usize];
        let step = STEPS[below(3) as usize];
        let faults: Vec<(usize, Fault)> = (0..below(4))
            .map(|_| {
                let at = below(30) as usize;
                (at, fixture::SERVICE[below(fixture::SERVICE.len() as u64) as usize])
            })
            .collect();
        let (found, _) = stage.play(scene, &faults, step, Some(seed + 1));
        report.note(&format!("interleaved {seed}: {scene:?} {step} {faults:?}"), found);
    }
}

#[test]
fn one_fault_anywhere_moves_each_cent_once() {
    let mut report = Report::default();
    singles(&Stage::new(2), &SCENES, &mut report);
    report.print("single faults");
    assert_eq!(report.failures, 0, "{:?}", report.first);
}

/// The same if an invocation may send only few statements, which cuts it off in other places.
#[test]
fn one_fault_anywhere_moves_each_cent_once_with_few_statements() {
    for statements_max in [STATEMENTS_FREE, STATEMENTS_FREE / 2] {
        let stage = Stage::new(2);
        stage.fixture.statements_max.set(Some(statements_max));
        let mut report = Report::default();
        singles(&stage, &SCENES, &mut report);
        report.print(&format!("single faults, {statements_max} statements"));
        assert_eq!(report.failures, 0, "{:?}", report.first);
        assert!(stage.fixture.db.sqlite.most.get() <= statements_max);
    }
}

#[test]
fn two_faults_anywhere_move_each_cent_once() {
    let stage = Stage::new(1);
    let mut report = Report::default();
    for step in STEPS {
        pairs(&stage, Scene::Plain, step, &mut report);
    }
    report.print("pairs of faults");
    assert_eq!(report.failures, 0, "{:?}", report.first);
}

#[test]
fn concurrent_invocations_move_each_cent_once() {
    let mut report = Report::default();
    interleaved(&Stage::new(2), 0..1_500, &mut report);
    report.print("interleaved");
    assert_eq!(report.failures, 0, "{:?}", report.first);
}
