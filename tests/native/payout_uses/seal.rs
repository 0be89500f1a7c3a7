//! The ledger's seal: sweeps seal what was written before them, and verification finds what was changed past the triggers.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, earned};
use crate::support::sqlite::Fault;
use crate::support::world::{World, at, now};
use manicule::jobs;
use manicule::service::ledger::seal;
use manicule::service::setup::{PayoutApproval, STATEMENTS_FREE};
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Instant;

const SWEEP: &str = "*/10 * * * *";
const MONTHLY: &str = "0 6 1 * *";
const NEXT: &str = "2026-04-01T06:10:00Z";
const LATER: &str = "2026-04-01T08:00:00Z";

/// A fixture whose ledger has some rows of everything, and then `more`.
fn written(more: i64) -> (PayoutFixture, String) {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    add(&fixture, &partner, more);
    (fixture, partner)
}

/// Adds rows to the ledger.
fn add(fixture: &PayoutFixture, partner: &str, more: i64) {
    let first = fixture.world.db.number("SELECT MAX(seq) FROM transfer");
    let unit = format!("{AGENCY}/cash:usd");
    fixture.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {more})
         INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
         SELECT 'adj_more_' || ({first} + i), 'adjust', 'single', '{unit}/expense', '{unit}/available/{partner}', i, '{AGENCY}', 'typed \"so\"', 0
         FROM n WHERE {more} > 0"
    ));
}

fn seal(world: &World, when: &str) {
    now(seal::sweep(&world.at(at(when)))).expect("sealed");
}

/// All pages of a verification: the rows that were verified, and the last page.
fn verified(fixture: &PayoutFixture, heads: &str) -> (i64, Value) {
    let (mut rows, mut cursor) = (0, String::new());
    loop {
        let page = fixture.get(LATER, &format!("/v1/ledger/verify?head={heads}&cursor={cursor}"));
        rows += page["verified"]["rows"].as_i64().unwrap_or(0);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return (rows, page),
        }
    }
}

fn difference(fixture: &PayoutFixture, heads: &str) -> Value {
    verified(fixture, heads).1["first_difference"].clone()
}

/// Takes the triggers away that keep the ledger as it is, as somebody who can write to the database may.
fn unguard(fixture: &PayoutFixture) {
    for trigger in [
        "transfer_no_update",
        "transfer_no_move",
        "transfer_at_end",
        "transfer_no_delete",
        "ledger_block_no_update",
        "ledger_block_no_delete",
    ] {
        fixture.sql(&format!("DROP TRIGGER {trigger}"));
    }
}

#[test]
fn a_sweep_seals_what_was_written_before_it() {
    let (fixture, partner) = written(0);
    let rows = fixture.world.db.number("SELECT COUNT(*) FROM transfer");
    let before = fixture.get(APRIL, "/v1/ledger/verify");
    assert_eq!((&before["sealed"], before["unsealed"]["rows"].as_i64()), (&Value::Null, Some(rows)), "{before}");
    assert!(before["verified"].is_null() && before["first_difference"].is_null(), "{before}");
    now(jobs::run(&fixture.world.at(at(NEXT)), SWEEP, at(NEXT))).expect("a sweep");
    let (checked, after) = verified(&fixture, "");
    assert_eq!((checked, &after["unsealed"]["rows"]), (rows, &json!(0)), "{after}");
    assert_eq!((&after["sealed"]["block"], &after["sealed"]["sealed_at"]), (&json!(1), &json!(NEXT)), "{after}");

    add(&fixture, &partner, 2_500);
    seal(&fixture.world, LATER);
    let (checked, after) = verified(&fixture, "");
    assert_eq!((checked, &after["sealed"]["block"]), (rows + 2_500, &json!(4)), "three blocks at once: {after}");
    seal(&fixture.world, LATER);
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM ledger_block"), 4, "nothing is left to seal");
    let sizes = fixture.world.db.look("SELECT row_count FROM ledger_block ORDER BY number");
    let sizes: Vec<i64> = sizes.iter().map(|row| row["row_count"].as_i64().expect("a number")).collect();
    assert_eq!(sizes, [rows, 1_000, 1_000, 500]);
}

#[test]
fn rows_that_nobody_seals_are_shown() {
    let (fixture, partner) = written(0);
    let unhealthy = |when: &str| fixture.health(when).1["ledger"].clone();
    assert_eq!(unhealthy(APRIL)["sealed"], Value::Null);
    let page = unhealthy("2026-04-01T07:30:00Z");
    assert!(page["unsealed"]["oldest_at"].is_string() && fixture.health("2026-04-01T07:30:00Z").0 == 503, "{page}");
    seal(&fixture.world, NEXT);
    assert_eq!(unhealthy(NEXT)["unsealed"], json!({"rows": 0, "oldest_at": null}));
    add(&fixture, &partner, 3);
    assert_eq!(unhealthy(NEXT)["unsealed"]["rows"], json!(3));
}

/// What somebody does to the rows of the second block, and how verification says so.
const TAMPERED: [(&str, &str, &str); 6] = [
    ("one row changed", "UPDATE transfer SET amount_cents = amount_cents + 1 WHERE id = 'adj_more_{row}'", "rows_changed"),
    ("one row given to another", "UPDATE transfer SET actor = 'ada' WHERE id = 'adj_more_{row}'", "rows_changed"),
    ("one row removed", "DELETE FROM transfer WHERE id = 'adj_more_{row}'", "rows_missing"),
    (
        "two rows in another order",
        "UPDATE transfer SET seq = -1 WHERE seq = {row}; UPDATE transfer SET seq = {row} WHERE seq = {row} + 1; UPDATE transfer SET seq = {row} + 1 WHERE seq = -1",
        "rows_changed",
    ),
    (
        "one row in the place of another",
        "DELETE FROM transfer WHERE seq = {row};
         INSERT INTO transfer (seq, id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
           SELECT {row}, 'adj_new', code, phase, debit, credit, 1, program_id, '', 0 FROM transfer WHERE seq = {row} + 1",
        "rows_changed",
    ),
    ("one row moved to the end", "UPDATE transfer SET seq = 1000000 WHERE seq = {row}", "rows_missing"),
];

#[test]
fn one_row_that_is_changed_removed_or_moved_past_the_triggers_is_found() {
    for (what, sql, fault) in TAMPERED {
        let (fixture, _) = written(3_000);
        seal(&fixture.world, NEXT);
        assert_eq!(difference(&fixture, ""), Value::Null);
        unguard(&fixture);
        fixture.sql(&sql.replace("{row}", "1500"));
        assert_eq!(difference(&fixture, ""), json!({"block": 2, "fault": fault}), "{what}");
    }
}

#[test]
fn blocks_that_are_changed_or_removed_are_found() {
    for (sql, block, fault) in [
        ("UPDATE ledger_block SET hash = previous_hash WHERE number = 2", 2, "rows_changed"),
        ("UPDATE ledger_block SET sealed_at_ms = 0 WHERE number = 3", 3, "rows_changed"),
        ("UPDATE ledger_block SET previous_hash = '' WHERE number = 3", 3, "chain_broken"),
        ("UPDATE ledger_block SET row_count = 9000000000 WHERE number = 2", 2, "rows_missing"),
        ("UPDATE ledger_block SET last_seq = last_seq + 1 WHERE number = 2", 2, "rows_added"),
        ("DELETE FROM ledger_block WHERE number = 2", 2, "block_missing"),
        ("DELETE FROM ledger_block WHERE number = 1", 1, "block_missing"),
    ] {
        let (fixture, _) = written(3_000);
        seal(&fixture.world, NEXT);
        unguard(&fixture);
        fixture.sql(sql);
        assert_eq!(difference(&fixture, ""), json!({"block": block, "fault": fault}), "{sql}");
    }
    let (fixture, _) = written(3_000);
    seal(&fixture.world, NEXT);
    unguard(&fixture);
    fixture.sql("DELETE FROM ledger_block WHERE number = 2");
    let page = fixture.get(LATER, "/v1/ledger/verify?cursor=2");
    assert_eq!(page["first_difference"], json!({"block": 2, "fault": "block_missing"}), "{page}");
}

#[test]
fn who_seals_everything_again_is_found_by_the_emailed_seal_alone() {
    let (fixture, partner) = written(3_000);
    seal(&fixture.world, NEXT);
    let head = |fixture: &PayoutFixture| verified(fixture, "").1["sealed"]["head"].as_str().expect("a head").to_owned();
    let first = head(&fixture);
    add(&fixture, &partner, 10);
    now(jobs::run(&fixture.world.at(at(LATER)), SWEEP, at(LATER))).expect("a sweep");
    let may = at("2026-05-01T06:00:00Z");
    now(jobs::run(&fixture.world.at(may), MONTHLY, may)).expect("the monthly trigger");
    now(jobs::run(&fixture.world.at(may), MONTHLY, may)).expect("the monthly trigger, again");
    let mailed = fixture.world.db.look("SELECT payload FROM outbox WHERE kind = 'report.ledger'");
    assert_eq!(mailed.len(), 1, "once a month");
    let payload: Value = serde_json::from_str(mailed[0]["payload"].as_str().expect("JSON")).expect("JSON");
    let emailed = payload["head"].as_str().expect("a head").to_owned();
    assert_eq!((&payload["month"], emailed == head(&fixture)), (&json!("2026-04"), true), "{payload}");
    add(&fixture, &partner, 10);
    seal(&fixture.world, LATER);
    assert_eq!(difference(&fixture, &emailed), Value::Null, "the ledger has grown since");

    unguard(&fixture);
    fixture.sql("UPDATE transfer SET amount_cents = amount_cents + 1 WHERE seq = 1500; DELETE FROM ledger_block WHERE number >= 2");
    seal(&fixture.world, LATER);
    assert_eq!(difference(&fixture, ""), Value::Null, "the chain alone is consistent");
    let block = emailed.split(':').next().expect("a number").parse::<i64>().expect("a number");
    assert_eq!(difference(&fixture, &emailed), json!({"block": block, "fault": "head_differs"}));
    // Two seals enclose what was changed.
    let (_, page) = verified(&fixture, &format!("{emailed},{first}"));
    assert_eq!(page["first_difference"], json!({"block": 4, "fault": "head_differs"}), "{page}");
    assert_eq!(page["unchanged_to"], Value::Null);
    fixture.sql("DELETE FROM ledger_block WHERE number >= 4");
    assert_eq!(difference(&fixture, &emailed), json!({"block": block, "fault": "head_differs"}), "the block is gone");
}

#[test]
fn a_seal_says_up_to_where_nothing_was_changed() {
    let (fixture, partner) = written(0);
    seal(&fixture.world, NEXT);
    let first = verified(&fixture, "").1["sealed"]["head"].as_str().expect("a head").to_owned();
    add(&fixture, &partner, 1);
    seal(&fixture.world, NEXT);
    let second = verified(&fixture, "").1["sealed"]["head"].as_str().expect("a head").to_owned();
    unguard(&fixture);
    fixture.sql(
        "UPDATE transfer SET amount_cents = 77 WHERE id GLOB 'adj_more_*'; DELETE FROM ledger_block WHERE number = 2",
    );
    seal(&fixture.world, LATER);
    let (_, page) = verified(&fixture, &format!("{first},{second}"));
    assert_eq!((&page["unchanged_to"], &page["first_difference"]["block"]), (&json!(1), &json!(2)), "{page}");
    for malformed in ["x", "1", "1:ab", &format!("0{}", &first[1..])] {
        assert_eq!(fixture.status(LATER, &format!("/v1/ledger/verify?head={malformed}")), 400, "{malformed}");
    }
    let many = vec![first.as_str(); 21].join(",");
    assert_eq!(fixture.status(LATER, &format!("/v1/ledger/verify?head={many}")), 400);
    assert_eq!(fixture.status(LATER, "/v1/ledger/verify?cursor=x"), 400);
}

#[test]
fn a_seal_is_compared_by_number_and_hash_and_says_nothing_of_rows_that_were_not_recomputed() {
    let (fixture, _) = written(3_000);
    seal(&fixture.world, NEXT);
    let blocks = fixture.world.db.look("SELECT number || ':' || hash AS head FROM ledger_block ORDER BY number");
    let heads: Vec<&str> = blocks.iter().map(|row| row["head"].as_str().expect("a head")).collect();
    let page = |heads: &str| verified(&fixture, heads).1;
    let results = |page: &Value| -> Vec<String> {
        let all = page["heads"].as_array().expect("heads").iter();
        all.map(|one| format!("{}: {}", one["head"], one["result"])).collect()
    };
    let said = page(&heads.join(","));
    assert_eq!((&said["unchanged_to"], &said["first_difference"]), (&json!(4), &Value::Null), "{said}");
    assert_eq!(results(&said), heads.iter().map(|head| format!("\"{head}\": \"same\"")).collect::<Vec<_>>());
    // A hash under another number, and what another installation sealed: refused, and never unchanged.
    let hash = |head: &str| head.split_once(':').expect("a hash").1.to_owned();
    let moved = format!("3:{}", hash(heads[1]));
    let foreign = format!("2:{}", "ab".repeat(32));
    let beyond = format!("77:{}", hash(heads[3]));
    for (head, block, result) in [(moved, 3, "differs"), (foreign, 2, "differs"), (beyond, 77, "no_block")] {
        let said = page(&head);
        assert_eq!(results(&said), [format!("\"{head}\": \"{result}\"")]);
        assert_eq!(said["unchanged_to"], Value::Null, "{said}");
        assert_eq!(said["first_difference"], json!({"block": block, "fault": "head_differs"}));
    }
    // A row of the second block is changed, and nothing is sealed again: the hashes are those that were kept.
    unguard(&fixture);
    fixture.sql("UPDATE transfer SET amount_cents = amount_cents + 1 WHERE seq = 1500");
    let said = page(&heads.join(","));
    assert_eq!(said["first_difference"], json!({"block": 2, "fault": "rows_changed"}));
    assert_eq!(said["unchanged_to"], json!(1), "not the last block, although it has the same hash");
    assert_eq!(page(heads[3])["unchanged_to"], Value::Null);
}

#[test]
fn erasing_words_breaks_no_seal_and_nothing_else_may_change() {
    let (fixture, _) = written(10);
    seal(&fixture.world, NEXT);
    fixture.sql("UPDATE transfer SET reason = 'erased'");
    assert_eq!(difference(&fixture, ""), Value::Null);
    for sql in [
        "UPDATE transfer SET rowid = rowid + 1000 WHERE seq = 3",
        "UPDATE transfer SET seq = seq + 1000 WHERE seq = 3",
        "UPDATE transfer SET amount_cents = 1",
        "DELETE FROM transfer",
        "UPDATE ledger_block SET hash = ''",
        "DELETE FROM ledger_block",
        "INSERT OR REPLACE INTO ledger_block VALUES (1, 1, 1, '', '', 0)",
        "INSERT INTO ledger_block SELECT number + 1, last_seq, 1, hash, '', 0 FROM ledger_block",
        "INSERT INTO ledger_block SELECT number + 1, last_seq + 1, 1, 'another', '', 0 FROM ledger_block",
        "INSERT INTO ledger_block SELECT number + 2, last_seq + 1, 1, hash, '', 0 FROM ledger_block",
        "INSERT INTO transfer (seq, id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
           SELECT -5, 'adj_before', code, phase, debit, credit, 1, program_id, '', 0 FROM transfer WHERE code = 'adjust' LIMIT 1",
    ] {
        let refused = fixture.world.db.connection.borrow().execute_batch(sql).expect_err(sql).to_string();
        assert!(refused.contains("guard:ledger_"), "{sql}: {refused}");
    }
    assert_eq!(difference(&fixture, ""), Value::Null);
}

#[test]
fn two_sweeps_at_once_seal_once() {
    // The second sweep works in between two calls of the first.
    for call in 0..3 {
        let (fixture, _) = written(6_000);
        let fixture = Rc::new(fixture);
        let other = Rc::clone(&fixture);
        let db = &fixture.world.db;
        let meanwhile = Box::new(move || seal(&other.world, NEXT));
        *db.meanwhile.borrow_mut() = Some((db.calls.get() + call, meanwhile));
        seal(&fixture.world, NEXT);
        seal(&fixture.world, NEXT);
        let (rows, page) = verified(&fixture, "");
        assert_eq!(rows, db.number("SELECT COUNT(*) FROM transfer"), "{page}");
        assert_eq!((&page["first_difference"], &page["unsealed"]["rows"]), (&Value::Null, &json!(0)));
    }
}

#[test]
fn a_sweep_that_fails_anywhere_leaves_a_chain() {
    for fault in [Fault::Before, Fault::AfterCommit] {
        for call in 0..3 {
            let (fixture, _) = written(6_000);
            let db = &fixture.world.db;
            db.fault.set(Some((db.calls.get() + call, fault)));
            assert!(now(seal::sweep(&fixture.world.at(at(NEXT)))).is_err(), "{fault:?} {call}");
            db.fault.set(None);
            assert_eq!(difference(&fixture, ""), Value::Null, "{fault:?} {call}");
            seal(&fixture.world, NEXT);
            let (rows, _) = verified(&fixture, "");
            assert_eq!(rows, db.number("SELECT COUNT(*) FROM transfer"), "{fault:?} {call}");
        }
    }
}

#[test]
fn where_statements_are_scarce_a_sweep_seals_some() {
    let (fixture, _) = written(3_000);
    fixture.world.statements_max.set(Some(STATEMENTS_FREE));
    fixture.world.db.most.set(0);
    seal(&fixture.world, NEXT);
    assert_eq!(fixture.world.db.number("SELECT last_seq FROM ledger_block ORDER BY number DESC LIMIT 1"), 800);
    assert!(fixture.world.db.most.get() <= 8, "{}", fixture.world.db.most.get());
    for _ in 0..4 {
        seal(&fixture.world, NEXT);
    }
    assert_eq!(verified(&fixture, "").1["unsealed"]["rows"], json!(0));
}

#[test]
fn one_sweep_seals_a_large_run() {
    const ROWS: i64 = 100_000;
    let (fixture, _) = written(ROWS);
    fixture.world.db.most.set(0);
    let started = Instant::now();
    seal(&fixture.world, NEXT);
    let took = started.elapsed();
    let sealed = fixture.world.db.number("SELECT SUM(row_count) FROM ledger_block");
    println!("{sealed} rows sealed in {took:?} and {} statements", fixture.world.db.most.get());
    assert_eq!(sealed, fixture.world.db.number("SELECT COUNT(*) FROM transfer"));
    assert!(fixture.world.db.most.get() < 100, "{}", fixture.world.db.most.get());
}

#[test]
fn no_row_takes_the_place_of_the_last_and_one_before_the_first_is_found() {
    let (fixture, _) = written(20);
    let last = fixture.world.db.number("SELECT MAX(seq) FROM transfer");
    let row = |verb: &str, seq: i64| {
        format!(
            "{verb} INTO transfer (seq, id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
             SELECT {seq}, 'adj_new', code, phase, debit, credit, 100, program_id, '', 0 FROM transfer WHERE seq = {last}"
        )
    };
    let refused = fixture.world.db.connection.borrow().execute_batch(&row("INSERT OR REPLACE", last));
    assert!(refused.is_err_and(|why| why.to_string().contains("guard:ledger_immutable")));
    seal(&fixture.world, NEXT);
    assert_eq!(difference(&fixture, ""), Value::Null);
    unguard(&fixture);
    fixture.sql(&row("INSERT", -5));
    let found = difference(&fixture, "");
    assert_eq!((&found["block"], &found["fault"]), (&json!(1), &json!("rows_added")), "{found}");
}
