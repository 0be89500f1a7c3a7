//! The preview of a run: the run then does exactly what the preview shows.

use crate::support::world::{World, at};
use manicule::engine::settlement::schedule;
use manicule::program::document::Cadence;
use manicule::service::settlement::settle::Due;
use serde_json::{Value, json};

const AGENCY: &str = "agency-partner";

fn event(id: &str, kind: &str, when: &str, account: &str, more: Value) -> Value {
    let mut event = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

fn paid(world: &World, account: &str, invoice: &str, when: &str, cents: i64) {
    let more = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}});
    world.take(at(when), &event(invoice, "invoice.paid", when, account, more), None).unwrap();
}

fn signed_up(world: &World, account: &str, code: &str, when: &str) {
    let more = json!({"attribution": {"code": code}});
    world.take(at(when), &event(&format!("s_{account}"), "account.signed_up", when, account, more), None).unwrap();
}

fn shown(world: &World, program: &str, cadence: Cadence, scheduled: &str) -> Value {
    let as_of = at(scheduled);
    let due = Due { program: program.into(), cadence, period: schedule::period_before(cadence, as_of), as_of };
    let before = world.db.look("SELECT (SELECT COUNT(*) FROM transfer) AS n, (SELECT COUNT(*) FROM run) AS r");
    let shown = world.previewed(as_of, &due);
    let after = world.db.look("SELECT (SELECT COUNT(*) FROM transfer) AS n, (SELECT COUNT(*) FROM run) AS r");
    assert_eq!(before, after, "a preview writes nothing");
    assert_eq!(shown["complete"], true);
    shown
}

fn cents(rows: &Value, name: &str) -> i64 {
    rows.as_array().unwrap().iter().map(|row| row[name].as_i64().unwrap()).sum()
}

/// Previews a run, performs it, and compares grants, vested amounts, and changes to accruals by modifiers and caps.
fn holds(world: &World, program: &str, cadence: Cadence, scheduled: &str) -> Value {
    let accrued =
        || world.db.number(&format!("SELECT COALESCE(SUM(net_cents), 0) FROM accrual WHERE program_id = '{program}'"));
    let before = accrued();
    let shown = shown(world, program, cadence, scheduled);
    world.run(cadence, at(scheduled)).unwrap();
    let done = |kind: &str| {
        world.db.number(&format!(
            "SELECT COALESCE(SUM(posted_cents), 0) FROM run_item i JOIN run r ON r.id = i.run_id
             WHERE kind = '{kind}' AND r.program_id = '{program}' AND r.as_of_ms = {}",
            at(scheduled).0
        ))
    };
    assert_eq!(cents(&shown["grants"], "cents"), done("grant"), "grants at {scheduled}: {shown}");
    assert_eq!(cents(&shown["vests"], "cents"), done("vest"), "vesting at {scheduled}: {shown}");
    let changed = cents(&shown["terms"], "difference_cents");
    assert_eq!(changed, accrued() - before - done("grant"), "terms at {scheduled}: {shown}");
    shown
}

/// Five clients at $500 in April: 20% and 5% each.
fn an_agency_with_five() -> World {
    let world = World::new(1);
    let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), AGENCY, "agency", "agency@agency.example").unwrap();
    for n in 0..5 {
        let account = format!("acct_{n}");
        signed_up(&world, &account, &code, &format!("2026-04-0{}T00:00:00Z", n + 1));
        paid(&world, &account, &format!("in_{n}"), &format!("2026-04-1{n}T00:00:00Z"), 50_000);
    }
    world
}

#[test]
fn a_volume_bonus_vests_as_previewed() {
    let world = an_agency_with_five();
    let may = holds(&world, AGENCY, Cadence::Monthly, "2026-05-01T06:00:00Z");
    assert_eq!(cents(&may["terms"], "difference_cents"), 5 * 2_500, "{may}");
    assert_eq!(may["vests"], json!([]));
    let june = holds(&world, AGENCY, Cadence::Monthly, "2026-06-01T06:00:00Z");
    assert_eq!((june["terms"].clone(), june["vests"].clone()), (json!([]), json!([])));
    // 60 days after April 10 to 14: everything vests, including the bonus.
    let july = holds(&world, AGENCY, Cadence::Monthly, "2026-07-01T06:00:00Z");
    assert_eq!(cents(&july["vests"], "cents"), 5 * 12_500, "{july}");
    assert_eq!(cents(&july["vests"], "accruals"), 10, "{july}");
}

#[test]
fn a_bonus_found_late_vests_in_the_run_that_finds_it() {
    let world = an_agency_with_five();
    // There was no run in May and June: July's finds the bonus and vests it.
    let july = holds(&world, AGENCY, Cadence::Monthly, "2026-07-01T06:00:00Z");
    assert_eq!(cents(&july["terms"], "difference_cents"), 5 * 2_500, "{july}");
    assert_eq!(cents(&july["vests"], "cents"), 5 * 12_500, "{july}");
}

#[test]
fn caps_are_previewed_as_they_apply() {
    let program = "developer-affiliate";
    let world = World::new(2);
    let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), program, "dev", "dev@dev.example").unwrap();
    for n in 0..3 {
        let account = format!("acct_{n}");
        signed_up(&world, &account, &code, "2026-04-01T00:00:00Z");
        paid(&world, &account, &format!("in_{n}"), &format!("2026-04-1{n}T00:00:00Z"), 600_000);
    }
    let may = holds(&world, program, Cadence::Monthly, "2026-05-01T06:00:00Z");
    assert_eq!(cents(&may["terms"], "difference_cents"), 200_000 - 270_000, "{may}");
    for scheduled in ["2026-06-01T06:00:00Z", "2026-07-01T06:00:00Z", "2026-08-01T06:00:00Z"] {
        holds(&world, program, Cadence::Monthly, scheduled);
    }
}

#[test]
fn weekly_grants_are_previewed() {
    let program = "user-referral";
    let world = World::new(3);
    let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), program, "bob", "bob@bob.example").unwrap();
    signed_up(&world, "acct_1", &code, "2026-05-10T00:00:00Z");
    paid(&world, "acct_1", "in_1", "2026-05-11T00:00:00Z", 2_900);
    let early = holds(&world, program, Cadence::Weekly, "2026-06-08T09:00:00Z");
    assert_eq!(early["grants"], json!([]));
    let due = holds(&world, program, Cadence::Weekly, "2026-06-15T09:00:00Z");
    assert_eq!(cents(&due["grants"], "cents"), 5_000, "{due}");
}

#[test]
fn a_preview_covers_only_its_own_program() {
    let world = an_agency_with_five();
    let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), "developer-affiliate", "dev", "dev@dev.example").unwrap();
    signed_up(&world, "acct_dev", &code, "2026-04-01T00:00:00Z");
    paid(&world, "acct_dev", "in_dev1", "2026-04-10T00:00:00Z", 1_000_000);
    paid(&world, "acct_dev", "in_dev2", "2026-04-11T00:00:00Z", 1_000_000);
    world.run(Cadence::Monthly, at("2026-05-01T06:00:00Z")).unwrap();
    for program in [AGENCY, "developer-affiliate"] {
        let june = shown(&world, program, Cadence::Monthly, "2026-06-01T06:00:00Z");
        assert_eq!(june["terms"], json!([]), "{program}");
        assert_eq!(june["grants"], json!([]), "{program}");
    }
}
