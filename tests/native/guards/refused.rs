//! Refusals in every caller: events, recomputing, runs and sweeps.

use super::*;

/// A trigger that a test adds: it refuses one write for as long as it stands.
fn refuse(world: &World, name: &str, on: &str, guard: &str) {
    let sql = format!("CREATE TEMP TRIGGER {name} BEFORE {on} BEGIN SELECT RAISE(ABORT, '{guard}'); END");
    world.db.connection.borrow().execute_batch(&sql).expect("a trigger");
}

fn mend(world: &World, name: &str) {
    world.db.connection.borrow().execute_batch(&format!("DROP TRIGGER temp.{name}")).expect("it stands");
}

fn take(world: &World, id: &str, kind: &str, when: &str, account: &str, rest: Value) -> Result<Value, AppError> {
    let mut body = rest;
    body["id"] = json!(id);
    body["type"] = json!(kind);
    body["occurred_at"] = json!(when);
    body["account"] = json!({"id": account});
    world.take(at(when).plus_ms(1), &body, None).map(|taken| taken.outcome)
}

fn paid(world: &World, account: &str, when: &str) -> Result<Value, AppError> {
    let invoice = format!("in_{account}_{when}");
    let rest = json!({"amount": {"cents": 10_000, "currency": "usd"}, "data": {"invoice_id": invoice}});
    take(world, &format!("pay_{account}_{when}"), "invoice.paid", when, account, rest)
}

/// An agency with `count` clients, `c0` and so on, that signed up in January.
fn clients(count: usize) -> World {
    let world = World::new(8);
    let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), AGENCY, "a", "a@a.example").unwrap();
    for n in 0..count {
        let more = json!({"attribution": {"code": code}});
        let when = format!("2026-01-{:02}T00:00:00Z", 2 + n % 20);
        take(&world, &format!("s{n}"), "account.signed_up", &when, &format!("c{n}"), more).unwrap();
    }
    world
}

fn mark(world: &World) {
    world
        .db
        .connection
        .borrow()
        .execute_batch("UPDATE account SET revision = revision + 1, needs_recompute_since_ms = 1, written = NULL")
        .unwrap();
}

/// (waiting, refused, refused alone)
fn undecided(world: &World) -> (i64, i64, i64) {
    let count = |what: &str| world.db.number(&format!("SELECT COUNT(*) FROM account WHERE {what}"));
    (count("needs_recompute_since_ms IS NOT NULL"), count("refused_by IS NOT NULL"), count("refused_at_ms IS NOT NULL"))
}

fn books(world: &World) -> Vec<String> {
    let rows = world.db.look("SELECT id, state, net_cents FROM accrual ORDER BY id");
    rows.iter().map(|row| json!(row).to_string()).collect()
}

#[test]
fn a_race_that_is_always_lost_ends_below_the_invocations_statements() {
    for (max, on, guard) in [
        (1_000, "UPDATE OF revision ON account", "guard:account_stale"),
        (1_000, "INSERT ON event", "UNIQUE constraint failed: event.id"),
        (50, "UPDATE OF revision ON account", "guard:account_stale"),
    ] {
        let world = clients(1);
        refuse(&world, "always", on, guard);
        world.statements_max.set(Some(max));
        world.db.most.set(0);
        let error = paid(&world, "c0", "2026-02-01T00:00:00Z").expect_err("it is never written");
        assert_eq!(error.kind, ErrorKind::Transient, "the sender tries again: {error}");
        assert!(world.db.most.get() <= max, "{} of {max}", world.db.most.get());
        assert!(error.violation().is_none());
        // The sender's next try finds nothing that was written halfway.
        mend(&world, "always");
        assert_eq!(paid(&world, "c0", "2026-02-01T00:00:00Z").unwrap()["outcome"], "applied");
    }
}

#[test]
fn an_event_whose_effect_is_refused_is_stored_and_applied_once_the_cause_is_gone() {
    let whole = clients(2);
    paid(&whole, "c0", "2026-02-01T00:00:00Z").unwrap();
    paid(&whole, "c0", "2026-03-01T00:00:00Z").unwrap();
    for guard in [
        "guard:ledger_id_reused",
        "CHECK constraint failed: net_cents >= 0",
        "FOREIGN KEY constraint failed",
        "guard:of_another_build",
    ] {
        let world = clients(2);
        refuse(&world, "rule", "INSERT ON accrual WHEN NEW.account_id = 'c0'", guard);
        world.db.most.set(0);
        let told = paid(&world, "c0", "2026-02-01T00:00:00Z").expect("it is accepted");
        assert_eq!((told["outcome"].as_str(), undecided(&world)), (Some("waiting"), (1, 1, 1)), "{guard}");
        assert!(world.db.most.get() < 80, "it is tried once: {}", world.db.most.get());
        // A repeat gets the same answer, and another event of the account waits with it.
        assert_eq!(paid(&world, "c0", "2026-02-01T00:00:00Z").unwrap()["outcome"], "waiting");
        assert_eq!(paid(&world, "c0", "2026-03-01T00:00:00Z").unwrap()["outcome"], "waiting");
        assert_eq!(paid(&world, "c1", "2026-02-01T00:00:00Z").unwrap()["outcome"], "applied", "others go on");
        // Within the hour it is left alone; after it, and with the cause gone, it is decided.
        mend(&world, "rule");
        now(recompute::process_marked(&world.at(at("2026-03-01T00:10:00Z")), 5)).unwrap();
        assert_eq!(undecided(&world), (1, 1, 1));
        now(recompute::process_marked(&world.at(at("2026-03-01T01:10:00Z")), 5)).unwrap();
        assert_eq!(undecided(&world), (0, 0, 0));
        let of_c0 = |world: &World| books(world).into_iter().filter(|row| !row.contains("c1")).count();
        assert_eq!(of_c0(&world), books(&whole).len() + 1, "{guard}: with the one of c1");
        assert!(world.faults().is_empty());
    }
}

#[test]
fn an_event_that_is_itself_refused_is_an_error_that_names_the_rule() {
    let world = clients(1);
    refuse(&world, "rule", "INSERT ON event", "NOT NULL constraint failed: event.type");
    let error = paid(&world, "c0", "2026-02-01T00:00:00Z").expect_err("it can't be stored");
    assert_eq!((error.kind, error.violation()), (ErrorKind::Fault, Some("not_null:event.type")));
}

#[test]
fn one_account_that_is_refused_does_not_stop_the_others() {
    for max in [1_000, 50] {
        let world = clients(30);
        refuse(
            &world,
            "rule",
            "UPDATE OF revision ON account WHEN NEW.id = 'c17' AND NEW.needs_recompute_since_ms IS NULL",
            "guard:ledger_above_accrual",
        );
        mark(&world);
        world.statements_max.set(Some(max));
        world.db.most.set(0);
        let mut sweeps = 0;
        while undecided(&world) != (1, 1, 1) {
            sweeps += 1;
            assert!(sweeps < 60, "{max}: {:?}", undecided(&world));
            now(recompute::process_marked(&world.at(at("2026-02-01T00:00:00Z")), 10)).unwrap();
        }
        assert!(world.db.most.get() <= max, "{} of {max}", world.db.most.get());
        assert_eq!(
            world
                .db
                .number("SELECT COUNT(*) FROM account WHERE id = 'c17' AND refused_by = 'guard:ledger_above_accrual'"),
            1
        );
        println!("{max} statements: {sweeps} sweeps");
    }
}

#[test]
fn a_run_goes_around_an_account_that_is_refused() {
    let world = clients(3);
    for account in ["c0", "c1", "c2"] {
        paid(&world, account, "2026-02-01T00:00:00Z").unwrap();
    }
    refuse(
        &world,
        "rule",
        "UPDATE OF revision ON account WHEN NEW.id = 'c1' AND NEW.needs_recompute_since_ms IS NULL",
        "guard:ledger_above_accrual",
    );
    mark(&world);
    let vested = |world: &World| world.db.number("SELECT COUNT(*) FROM accrual WHERE state = 'available'");
    world.run(Cadence::Monthly, at("2026-06-01T06:00:00Z")).unwrap();
    assert_eq!((vested(&world), undecided(&world)), (2, (1, 1, 1)), "what it earned is not known");
    mend(&world, "rule");
    now(recompute::process_marked(&world.at(at("2026-06-02T06:00:00Z")), 5)).unwrap();
    world.run(Cadence::Monthly, at("2026-07-01T06:00:00Z")).unwrap();
    assert_eq!((vested(&world), undecided(&world)), (3, (0, 0, 0)));
    assert!(world.faults().is_empty());
}

#[test]
fn a_refused_run_stops_at_once_and_says_in_which_stage() {
    use manicule::service::overdue;
    let first = at("2026-06-01T06:00:00Z");
    for (on, stage) in
        [("INSERT ON run_item", "vesting"), ("INSERT ON transfer", "executing"), ("INSERT ON run_partner", "closing")]
    {
        for (guard, is_race) in [("guard:ledger_id_reused", false), ("guard:ledger_above_balance", true)] {
            let world = clients(2);
            paid(&world, "c0", "2026-02-01T00:00:00Z").unwrap();
            refuse(&world, "rule", on, guard);
            let ctx = world.at(first);
            let due = now(settle::begin(&ctx, Cadence::Monthly, first, |_| Vec::new())).unwrap();
            let error = now(settle::take_further(&ctx, due)).expect_err("it is refused");
            assert_eq!(error.violation(), (!is_race).then_some(guard));
            let sql = format!(
                "SELECT COUNT(*) FROM run WHERE program_id = '{AGENCY}' AND state = '{stage}' AND refused_by = '{guard}'"
            );
            assert_eq!(world.db.number(&sql), 1, "{stage}");
            assert!(world.db.most.get() < 320, "{stage}: {}", world.db.most.get());
            // The next sweep tries once more.
            let before = world.db.statements.get();
            assert!(world.sweep(first.plus_ms(600_000)).is_err());
            assert!(world.db.statements.get() - before < if is_race { 240 } else { 40 }, "{stage}");
            let ctx = world.at(first.plus_ms(600_000));
            let standing = overdue::standing(now(ctx.read(overdue::reads())).unwrap(), ctx.now);
            assert!(standing.is_late(ctx.now) && standing.open.refused == 1);
            mend(&world, "rule");
            world.sweep(first.plus_ms(1_200_000)).unwrap();
            assert_eq!(world.db.number("SELECT COUNT(*) FROM run WHERE state <> 'done' OR refused_by IS NOT NULL"), 0);
            assert!(world.faults().is_empty());
        }
    }
}

#[test]
fn a_sweep_names_the_part_that_is_refused_and_does_the_others() {
    let world = clients(1);
    world.fund(at("2026-01-01T00:00:00Z"), "tiered-credits", 100).unwrap();
    refuse(&world, "rule", "DELETE ON session", "FOREIGN KEY constraint failed");
    refuse(&world, "link", "DELETE ON magic_link", "FOREIGN KEY constraint failed");
    world.db.connection.borrow().execute_batch(
        "INSERT INTO magic_link (token_sha256, purpose, email, requested_by, is_live, detail, created_at_ms, expires_at_ms)
         VALUES ('t', 'sign_in', 'a@a.example', '', 1, '{}', 0, 1)").unwrap();
    let when = at("2026-02-01T00:00:00Z");
    let beat =
        |world: &World| world.db.look("SELECT refused_by FROM heartbeat WHERE job = 'sweep'")[0]["refused_by"].clone();
    let swept = |when: UtcMillis| now(jobs::run(&world.at(when), SWEEP, when));
    assert!(swept(when).expect_err("a part is refused").violation().is_some());
    assert_eq!(beat(&world), json!("retention: foreign_key"));
    mend(&world, "rule");
    mend(&world, "link");
    swept(when.plus_ms(600_000)).unwrap();
    assert_eq!(beat(&world), Value::Null);
}

#[test]
fn accounts_may_wait_for_a_while() {
    let hour = 3_600_000;
    let at = UtcMillis(100 * hour);
    let waiting = |many: i64, hours: i64, refused: i64| {
        let accounts =
            WaitingAccounts { waiting: many, oldest_ms: (many > 0).then(|| at.plus_ms(-hours * hour)), refused };
        is_undecided(&accounts, at)
    };
    assert!(!waiting(0, 0, 0) && !waiting(WAITING_MAX - 1, 23, 0) && !waiting(WAITING_MAX, 0, 0));
    assert!(waiting(1, 24, 0) && waiting(WAITING_MAX, 1, 0) && waiting(1, 0, 1));
}
