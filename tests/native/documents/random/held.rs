//! Holds the ways of calculating to each other: a run to its preview, what is stored to a full decision and to the dry
//! run of the document in force.

use super::naive::{Story, text};
use crate::simulation::calendar::instant;
use crate::support::world::World;
use manicule::base::time::UtcMillis;
use manicule::codec::operator::DryRunRequest;
use manicule::engine::settlement::schedule;
use manicule::program::document::Cadence;
use manicule::service::settlement::settle::Due;
use serde_json::Value;

fn sum(rows: &Value, name: &str) -> i64 {
    rows.as_array().expect("rows").iter().map(|row| row[name].as_i64().expect("cents")).sum()
}

/// Previews the runs of a cadence, performs them, and compares what they granted, changed and vested.
pub fn run(world: &World, story: &Story, cadence: Cadence, as_of: UtcMillis, said: &str) {
    let programs: Vec<String> = (0..story.programs.len())
        .filter(|p| story.cadence(*p) == cadence.name())
        .map(|p| text(&story.programs[p][0]["id"]))
        .collect();
    let accrued = |program: &str| {
        world.db.number(&format!("SELECT COALESCE(SUM(net_cents), 0) FROM accrual WHERE program_id = '{program}'"))
    };
    let mut expected = Vec::new();
    for program in &programs {
        let period = schedule::period_before(cadence, as_of);
        let due = Due { program: program.as_str().into(), cadence, period, as_of };
        let shown = world.previewed(as_of, &due);
        expected.push((accrued(program), shown));
    }
    world.run(cadence, as_of).unwrap_or_else(|e| panic!("{said}: {e}"));
    for (program, (before, shown)) in programs.iter().zip(expected) {
        let done = |kind: &str| {
            world.db.number(&format!(
                "SELECT COALESCE(SUM(posted_cents), 0) FROM run_item i JOIN run r ON r.id = i.run_id
                 WHERE kind = '{kind}' AND r.program_id = '{program}' AND r.as_of_ms = {}",
                as_of.0
            ))
        };
        let at = as_of.to_rfc3339();
        assert_eq!(sum(&shown["grants"], "cents"), done("grant"), "{said}: grants at {at}: {shown}");
        assert_eq!(sum(&shown["vests"], "cents"), done("vest"), "{said}: vesting at {at}: {shown}");
        let changed = sum(&shown["terms"], "difference_cents");
        assert_eq!(changed, accrued(program) - before - done("grant"), "{said}: terms at {at}: {shown}");
    }
}

/// What runs added one by one is what a full decision about each account gives. A program that settles instantly may
/// have more to grant: a state that was reached by time alone is judged when something is received.
pub fn recomputed(world: &World, said: &str) {
    let books = || {
        world.db.look(
            "SELECT id, gross_cents, cap_reduction_cents, net_cents, balance, state, vests_at_ms, unit LIKE 'credit:%' AS is_instant
             FROM accrual ORDER BY id",
        )
    };
    let stored = books();
    let when = UtcMillis(instant(2027, 1, 1));
    let mark = "UPDATE account SET needs_recompute_since_ms = 1";
    world.db.connection.borrow().execute(mark, []).expect("accounts are marked");
    world.catch_up(when);
    let mut decided = books();
    decided.retain(|row| row["is_instant"] == 0 || stored.iter().any(|old| old["id"] == row["id"]));
    assert_eq!(decided, stored, "{said}: a full decision changes what is stored");
}

/// Where a program has one version, its dry run over everything gives what is stored. A dry run has all runs, but a
/// story leaves out weekly ones, which matters for states.
pub fn dry_runs(world: &World, story: &Story, said: &str) {
    let is_whole = |versions: &&Vec<Value>| {
        let of_states =
            versions[0]["rewards"].as_array().expect("rewards").iter().any(|r| r["on"]["state"].is_string());
        versions.len() == 1 && (versions[0]["settlement"]["cadence"] != "weekly" || !of_states)
    };
    for versions in story.programs.iter().filter(is_whole) {
        let asked = DryRunRequest {
            document: None,
            from: UtcMillis(instant(2026, 1, 1)),
            to: UtcMillis(instant(2026, 12, 31)),
        };
        let id = text(&versions[0]["id"]);
        let Ok(answer) = world.tried(UtcMillis(instant(2027, 1, 2)), &id, &asked) else {
            panic!("{said}: the dry run is refused")
        };
        let rows = answer["rows"].as_array().expect("rows");
        let other: Vec<&Value> = rows.iter().filter(|row| row["difference_cents"] != 0).collect();
        assert!(other.is_empty(), "{said}: {other:?}");
    }
}
