//! Statement limits per invocation: every use case and every job stops at the limit and continues in the next
//! invocation, with the same cents. The port of these tests rejects statements beyond the limit, as the Worker's does.

use crate::support::world::{World, at, now};
use manicule::base::time::UtcMillis;
use manicule::engine::settlement::RunState;
use manicule::jobs;
use manicule::program::document::Cadence;
use manicule::service::account::recompute;
use manicule::service::settlement::settle;
use manicule::service::settlement::settle::step_statements;
use manicule::service::setup::STATEMENTS_FREE;
use serde_json::json;
use std::collections::BTreeMap;

const MONTHLY: &str = "0 6 1 * *";
const WEEKLY: &str = "0 9 * * MON";
const SWEEP: &str = "*/10 * * * *";

/// A world with partners of both monthly programs, each with some clients that have paid: runs grant rewards, find
/// modifiers and caps, recompute, vest and plan.
fn busy(partners: usize, clients: usize) -> World {
    let world = World::new(12);
    for number in 0..partners {
        let program = if number % 2 == 0 { "agency-partner" } else { "developer-affiliate" };
        bring(&world, program, &format!("p{number}"), clients);
    }
    world
}

/// A partner with some clients that have paid twice.
fn bring(world: &World, program: &str, name: &str, clients: usize) {
    let (_, code) =
        world.partner(at("2026-01-01T00:00:00Z"), program, name, &format!("{name}@a.example")).expect("a partner");
    for client in 0..clients {
        let account = format!("{name}-{client}");
        let event = |n: usize, kind: &str, when: &str, rest: serde_json::Value| {
            let mut body = rest;
            body["id"] = json!(format!("{account}-{n}"));
            body["type"] = json!(kind);
            body["occurred_at"] = json!(when);
            body["account"] = json!({"id": account, "email": format!("c@{account}.example")});
            world.take(at(when).plus_days(1), &body, None).expect("it is accepted");
        };
        event(0, "account.signed_up", "2026-01-05T00:00:00Z", json!({"attribution": {"code": code}}));
        event(1, "account.active", "2026-01-06T00:00:00Z", json!({"data": {"api_calls": 5_000}}));
        for month in 1..3 {
            let when = format!("2026-0{month}-10T00:00:00Z");
            let rest = json!({"amount": {"cents": 90_000, "currency": "usd"}, "data": {"invoice_id": format!("{account}-i{month}")}});
            event(10 + month, "invoice.paid", &when, rest);
        }
    }
}

fn open_runs(world: &World) -> i64 {
    world.db.number("SELECT COUNT(*) FROM run WHERE state <> 'done'")
}

fn cron(world: &World, trigger: &str, when: UtcMillis) {
    now(jobs::run(&world.at(when), trigger, when))
        .unwrap_or_else(|why| panic!("{trigger} at {}: {why}", when.to_rfc3339()));
}

/// Runs sweeps, ten minutes apart, until `is_over`. Returns how many it took.
fn sweep_until(world: &World, from: UtcMillis, is_over: impl Fn(&World) -> bool) -> usize {
    for number in 0..400 {
        if is_over(world) {
            return number;
        }
        cron(world, SWEEP, from.plus_ms(600_000 * (number as i64 + 1)));
    }
    panic!("400 sweeps were not enough");
}

/// Balances, accruals and announced messages.
fn books(world: &World) -> Vec<String> {
    let balances = world.db.look(
        "SELECT id, cr_posted_cents - dr_posted_cents AS cents FROM ledger_account WHERE cr_posted_cents <> dr_posted_cents ORDER BY id",
    );
    let lines = world.db.look("SELECT id, state, net_cents FROM accrual ORDER BY id");
    let told = world.db.look("SELECT id, kind FROM outbox ORDER BY id");
    [balances, lines, told].concat().iter().map(|row| json!(row).to_string()).collect()
}

#[test]
fn all_due_runs_are_created_before_the_first_advances() {
    let first = at("2026-05-01T06:00:00Z");
    let world = busy(2, 2);
    // Just enough for the insertion, as if the invocation had been cut off right after it.
    world.statements_max.set(Some(6));
    cron(&world, MONTHLY, first);
    let runs = world.db.look("SELECT program_id, as_of_ms, step FROM run ORDER BY program_id");
    let programs: Vec<&str> = runs.iter().filter_map(|run| run["program_id"].as_str()).collect();
    assert_eq!(programs, ["agency-partner", "developer-affiliate"]);
    assert!(runs.iter().all(|run| run["as_of_ms"] == json!(first.0) && run["step"] == json!(0)), "{runs:?}");
    // Sweeps do the rest, no matter what cut it off.
    world.statements_max.set(Some(STATEMENTS_FREE));
    sweep_until(&world, first, |world| open_runs(world) == 0);
    assert!(world.faults().is_empty());
}

#[test]
fn a_run_cut_off_at_any_statement_ends_in_the_same_books() {
    let first = at("2026-05-01T06:00:00Z");
    let whole = busy(2, 2);
    let ctx = whole.at(first);
    now(jobs::run(&ctx, MONTHLY, first)).expect("the trigger");
    let (all, wanted) = (1_000 - ctx.left(), books(&whole));
    assert_eq!(open_runs(&whole), 0);
    // The statements of the trigger itself. With fewer it inserts nothing and returns an error.
    const LEAST: u64 = 6;
    for cut in LEAST..=all {
        let world = busy(2, 2);
        world.statements_max.set(Some(cut));
        cron(&world, MONTHLY, first);
        assert!(world.db.most.get() <= cut.max(STATEMENTS_FREE));
        assert_eq!(world.db.number("SELECT COUNT(*) FROM run"), 2, "cut off after {cut} statements");
        world.statements_max.set(Some(STATEMENTS_FREE));
        sweep_until(&world, first, |world| open_runs(world) == 0);
        assert_eq!(books(&world), wanted, "cut off after {cut} statements");
    }
    println!("{} places", all - LEAST + 1);
}

#[test]
fn many_programs_due_at_once_all_finish() {
    use manicule::program::catalog::PRESETS;
    const PROGRAMS: usize = 24;
    let first = at("2026-05-01T06:00:00Z");
    let world = busy(0, 0);
    let (_, agency) = PRESETS.iter().find(|(id, _)| *id == "agency-partner").expect("a preset");
    for number in 0..PROGRAMS {
        let id = format!("agency-{number:02}");
        let text = agency.replace("\"agency-partner\"", &format!("\"{id}\""));
        let saved =
            now(manicule::service::program::save(&world.at(at("2026-01-01T00:00:00Z")), &id.as_str().into(), &text));
        assert!(matches!(saved, Ok((201, _))), "{id} is saved");
        bring(&world, &id, &id, 2);
    }
    world.statements_max.set(Some(STATEMENTS_FREE));
    cron(&world, MONTHLY, first);
    assert_eq!(open_runs(&world), PROGRAMS as i64 + 2, "all are there");
    let sweeps = sweep_until(&world, first, |world| open_runs(world) == 0);
    println!("{PROGRAMS} programs: {sweeps} sweeps of {STATEMENTS_FREE} statements");
    assert!(world.db.most.get() <= STATEMENTS_FREE && world.faults().is_empty());
    assert_eq!(
        world.db.number("SELECT COUNT(DISTINCT program_id) FROM accrual WHERE state = 'available'"),
        PROGRAMS as i64
    );
}

#[test]
fn a_repeated_trigger_creates_nothing_twice() {
    let monday = at("2026-05-04T09:00:00Z");
    let world = busy(1, 1);
    for _ in 0..2 {
        cron(&world, WEEKLY, monday);
    }
    assert_eq!(world.db.number("SELECT COUNT(*) FROM run WHERE cadence = 'weekly'"), 1);
    assert_eq!(world.db.number("SELECT COUNT(*) FROM outbox WHERE kind = 'report.funnel'"), 1);
}

#[test]
fn few_statements_give_the_same_cents_in_more_sweeps() {
    let first = at("2026-05-01T06:00:00Z");
    let told: Vec<_> = [Some(STATEMENTS_FREE), Some(1_000)]
        .into_iter()
        .map(|max| {
            let world = busy(8, 10);
            world.statements_max.set(max);
            cron(&world, MONTHLY, first);
            let sweeps = sweep_until(&world, first, |world| open_runs(world) == 0);
            assert!(world.faults().is_empty());
            assert!(Some(world.db.most.get()) <= max.max(Some(STATEMENTS_FREE)), "{}", world.db.most.get());
            (sweeps, books(&world))
        })
        .collect();
    println!(
        "the monthly run of 8 partners with 80 accounts: {} sweeps of 50 statements, {} of 1,000",
        told[0].0, told[1].0
    );
    assert_eq!(told[0].1, told[1].1);
    assert_eq!(told[1].0, 0, "with many statements the trigger's own invocation finishes it");
    assert!(told[0].0 <= 24, "{} sweeps", told[0].0);
}

#[test]
fn a_step_stays_within_its_declared_statements() {
    let first = at("2026-05-01T06:00:00Z");
    let world = busy(8, 10);
    let mut most: BTreeMap<RunState, u64> = BTreeMap::new();
    let due = now(settle::begin(&world.at(first), Cadence::Monthly, first, |_| Vec::new())).expect("runs");
    for run in due {
        for _ in 0..200 {
            let ctx = world.at(first);
            let expected_cents = now(settle::load(&ctx, &run.id)).expect("a run");
            if expected_cents.state == RunState::Done {
                break;
            }
            let ctx = world.at(first);
            now(settle::step(&ctx, &expected_cents)).expect("a step");
            now(settle::load(&ctx, &run.id)).expect("a run");
            let sent = 1_000 - ctx.left();
            let known = most.entry(expected_cents.state).or_default();
            *known = (*known).max(sent);
        }
        assert_eq!(now(settle::load(&world.at(first), &run.id)).expect("a run").state, RunState::Done);
    }
    println!("{most:?}");
    assert_eq!(most.len(), 8, "every kind of step was taken: {most:?}");
    for (&state, sent) in &most {
        let says = step_statements(state);
        assert!(*sent <= says, "{state} sent {sent} and says {says}");
        assert!(says < STATEMENTS_FREE, "{state} never fits into an invocation of the free plan");
    }
}

#[test]
fn a_page_of_decisions_stays_within_its_declared_statements() {
    let world = busy(12, 12);
    // Changes inputs so that every decision writes something: bindings, accruals, transfers.
    for sql in [
        "UPDATE account SET revision = revision + 1, needs_recompute_since_ms = 1, written = NULL",
        "UPDATE event SET payload = replace(payload, '90000', '80000')",
    ] {
        world.db.connection.borrow().execute_batch(sql).expect("marks");
    }
    let ctx = world.at(at("2026-03-01T00:00:00Z"));
    assert!(now(recompute::page(&ctx)).expect("a page"));
    let sent = 1_000 - ctx.left();
    println!("a page of decisions: {sent} statements");
    assert!((15..=recompute::PAGE_STATEMENTS).contains(&sent), "{sent}");
    assert!(world.faults().is_empty());
}

#[test]
fn a_stuck_run_does_not_block_other_runs() {
    let first = at("2026-05-01T06:00:00Z");
    for broken in ["agency-partner", "developer-affiliate"] {
        let world = busy(2, 2);
        let trigger = format!(
            "CREATE TEMP TRIGGER broken BEFORE UPDATE OF step ON run WHEN NEW.program_id = '{broken}' BEGIN SELECT json('{{'); END"
        );
        world.db.connection.borrow().execute_batch(&trigger).expect("a trigger");
        let told = now(jobs::run(&world.at(first), MONTHLY, first)).expect_err("it is reported");
        assert!(told.to_string().contains("malformed JSON"), "{told}");
        let open = "SELECT GROUP_CONCAT(program_id) AS open FROM run WHERE state <> 'done'";
        assert_eq!(world.db.look(open)[0]["open"], json!(broken));
        world.db.connection.borrow().execute_batch("DROP TRIGGER broken").expect("a trigger");
        sweep_until(&world, first, |world| open_runs(world) == 0);
    }
}

#[test]
fn with_few_statements_every_part_of_the_sweep_gets_its_turn() {
    let first = at("2026-05-01T06:00:00Z");
    let world = busy(12, 12);
    world.statements_max.set(Some(STATEMENTS_FREE));
    cron(&world, MONTHLY, first);
    // Marks every account for recomputation, which alone takes many sweeps.
    world
        .db
        .connection
        .borrow()
        .execute_batch("UPDATE account SET revision = revision + 1, needs_recompute_since_ms = 1")
        .expect("marks");
    let waiting = "SELECT COUNT(*) FROM outbox WHERE addressed_at_ms IS NULL";
    assert!(world.db.number(waiting) > 0);
    let sweeps = sweep_until(&world, first, |world| world.db.number(waiting) == 0);
    assert!(sweeps <= 8, "messages waited for {sweeps} sweeps");
    sweep_until(&world, first, |world| {
        open_runs(world) == 0
            && world.db.number("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL") == 0
    });
    // The heartbeat was written despite all the other work.
    assert_eq!(world.db.number("SELECT COUNT(*) FROM heartbeat WHERE job IN ('monthly', 'sweep')"), 2);
}

#[test]
fn a_sweep_with_nothing_to_do_sends_little() {
    let world = World::new(3);
    world.statements_max.set(Some(STATEMENTS_FREE));
    let when = at("2026-05-01T06:10:00Z");
    let ctx = world.at(when);
    now(jobs::run(&ctx, SWEEP, when)).expect("a sweep");
    let sent = STATEMENTS_FREE - ctx.left();
    println!("an idle sweep: {sent} statements");
    assert!(sent <= 25, "{sent}");
}

#[test]
fn an_overdue_cadence_is_detected() {
    use manicule::service::overdue;
    let world = busy(2, 1);
    let standing = |when: &str| {
        let ctx = world.at(at(when));
        let rows = now(ctx.read(overdue::reads())).expect("rows");
        let standing = overdue::standing(rows, ctx.now);
        let late: Vec<String> = standing.overdue.iter().map(|o| format!("{} {}", o.program, o.period)).collect();
        (standing.is_late(ctx.now), late.join(", "), standing.open.open)
    };
    // The programs were saved in 2020, so everything due since then is missed, except during the hour that cron has. The
    // oldest are named first, and all that are counted.
    let (is_late, named, _) = standing("2026-05-01T06:59:00Z");
    assert!(
        is_late && named.starts_with("agency-partner 2021-04, developer-affiliate 2021-04, agency-partner 2021-05, "),
        "{named}"
    );
    assert_eq!(named.split(", ").count(), overdue::OVERDUE_MAX);
    let ctx = world.at(at("2026-05-01T06:59:00Z"));
    let rows = now(ctx.read(overdue::reads())).expect("rows");
    assert_eq!(overdue::standing(rows, ctx.now).overdue_count, 3 * overdue::PERIODS_MAX);
    cron(&world, MONTHLY, at("2026-04-01T06:00:00Z"));
    cron(&world, WEEKLY, at("2026-04-27T09:00:00Z"));
    assert_eq!(standing("2026-05-01T06:59:00Z"), (false, String::new(), 0));
    // A later run makes up for an earlier one.
    assert_eq!(standing("2026-04-06T10:00:00Z"), (false, String::new(), 0));
    let late = "agency-partner 2026-04, developer-affiliate 2026-04";
    assert_eq!(standing("2026-05-01T07:00:00Z"), (true, late.to_owned(), 0));
    // All that are missing are named, the oldest first.
    let all = "agency-partner 2026-04, developer-affiliate 2026-04, user-referral 2026-W18, user-referral 2026-W19, \
               user-referral 2026-W20, user-referral 2026-W21, agency-partner 2026-05, developer-affiliate 2026-05, user-referral 2026-W22";
    assert_eq!(standing("2026-06-01T10:00:00Z"), (true, all.to_owned(), 0));
    // A run that has begun has a day.
    world.statements_max.set(Some(6));
    cron(&world, MONTHLY, at("2026-05-01T06:00:00Z"));
    world.statements_max.set(Some(1_000));
    assert_eq!(standing("2026-05-01T07:00:00Z"), (false, String::new(), 2));
    assert_eq!(standing("2026-05-02T06:00:00Z"), (true, String::new(), 2));
    // A program that is saved after an instant was not due then.
    let fresh = World::new(4);
    fresh
        .db
        .connection
        .borrow()
        .execute_batch(&format!(
            "DROP TRIGGER IF EXISTS program_version_fixed; UPDATE program_version SET created_at_ms = {}",
            at("2026-05-01T06:30:00Z").0
        ))
        .expect("a later date");
    let ctx = fresh.at(at("2026-05-01T08:00:00Z"));
    let rows = now(ctx.read(overdue::reads())).expect("rows");
    assert!(!overdue::standing(rows, ctx.now).is_late(ctx.now));
}
