//! Reports that are too large to be put together while somebody waits.

use super::fixture::FunnelFixture;
use super::{FUNNEL, MONDAY};
use crate::support::world::{at, now};
use manicule::jobs;
use manicule::store::funnel::{CAMPAIGNS_MAX, OTHER, PARTNERS_MAX};
use manicule::store::report::CHANNELS_MAX;
use manicule::store::report::kept::SMALL_MAX;
use serde_json::{Value, json};

const LATER: &str = "2026-06-15T08:00:00Z";

/// Clicks of as many visitors in the week, of partners by turns, each with a campaign of its own.
fn clicks(fixture: &FunnelFixture, partners: i64, many: i64) {
    let monday = at(MONDAY).0;
    fixture.world.db.connection.borrow().execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {many})
         INSERT INTO click (id, code, program_id, partner_id, campaign, visitor, clicked_at_ms, hour, dedupe)
         SELECT 'k' || i, 'c' || (i % {partners}), '{FUNNEL}', 'ptn_' || (i % {partners}), 'campaign ' || i, 'v' || i, {monday} + i * 1000,
           ({monday} + i * 1000) / 3600000, i FROM n;"
    )).expect("clicks");
}

fn report(fixture: &FunnelFixture, when: &str, path: &str, query: &str) -> (u16, Value) {
    let response = fixture.send(at(when), "GET", path, query, b"", &[fixture.operator()]);
    (response.status, serde_json::from_slice(&response.body).expect("JSON"))
}

fn week(fixture: &FunnelFixture, when: &str) -> (u16, Value) {
    report(fixture, when, "/v1/reports/funnel", &format!("program={FUNNEL}&week=2026-W24"))
}

fn sweep(fixture: &FunnelFixture, when: &str) {
    let when = at(when);
    now(jobs::run(&fixture.world.at(when), "*/10 * * * *", when)).expect("swept");
}

#[test]
fn a_small_report_is_of_now_and_a_large_one_is_kept_by_the_sweep() {
    let fixture = FunnelFixture::new(1);
    clicks(&fixture, 150, SMALL_MAX);
    let (status, small) = week(&fixture, LATER);
    assert_eq!((status, &small["as_of"], &small["average"]["visits"]), (200, &Value::Null, &json!(SMALL_MAX)));
    // One more, and nobody waits for it.
    fixture.click(FUNNEL, &("ptn_0".to_owned(), "c0".to_owned()), "campaign 0", "another", at("2026-06-09T00:00:00Z"));
    let (status, problem) = week(&fixture, LATER);
    assert_eq!((status, &problem["code"]), (503, &json!("report_not_ready")));
    sweep(&fixture, "2026-06-15T08:10:00Z");
    let (status, large) = week(&fixture, "2026-06-15T08:11:00Z");
    assert_eq!((status, &large["as_of"]), (200, &json!("2026-06-15T08:10:00Z")));
    assert_eq!(large["average"]["visits"], json!(SMALL_MAX + 1));
    // Read as one row, whatever it took to put it together.
    let before = fixture.world.db.statements.get();
    week(&fixture, "2026-06-15T08:12:00Z");
    assert!(fixture.world.db.statements.get() - before <= 5);
}

#[test]
fn a_kept_report_is_renewed_when_somebody_opens_it_after_its_time() {
    let fixture = FunnelFixture::new(1);
    clicks(&fixture, 3, SMALL_MAX + 1);
    week(&fixture, LATER);
    sweep(&fixture, LATER);
    fixture.click(FUNNEL, &("ptn_0".to_owned(), "c0".to_owned()), "late", "late", at("2026-06-09T00:00:00Z"));
    let visits = |when: &str| week(&fixture, when).1["average"]["visits"].clone();
    // The week is over: it is renewed once a day, and only if somebody looks.
    assert_eq!(visits("2026-06-16T07:59:00Z"), json!(SMALL_MAX + 1));
    sweep(&fixture, "2026-06-16T08:00:00Z");
    assert_eq!(visits("2026-06-16T08:01:00Z"), json!(SMALL_MAX + 1));
    sweep(&fixture, "2026-06-16T08:10:00Z");
    assert_eq!(visits("2026-06-16T08:11:00Z"), json!(SMALL_MAX + 2));
}

#[test]
fn the_triggers_want_what_people_look_at() {
    let fixture = FunnelFixture::new(1);
    clicks(&fixture, 3, SMALL_MAX + 1);
    let (monday, first) = (at("2026-06-15T09:00:00Z"), at("2026-07-01T06:00:00Z"));
    now(jobs::run(&fixture.world.at(monday), "0 9 * * MON", monday)).expect("the weekly trigger");
    sweep(&fixture, "2026-06-15T09:10:00Z");
    assert_eq!(week(&fixture, "2026-06-15T09:11:00Z").0, 200);
    now(jobs::run(&fixture.world.at(first), "0 6 1 * *", first)).expect("the monthly trigger");
    for minute in ["10", "20", "30", "40"] {
        sweep(&fixture, &format!("2026-07-01T06:{minute}:00Z"));
    }
    let months = "program=user-referral&from=2025-07-01&to=2026-07-01";
    assert_eq!(report(&fixture, "2026-07-01T07:00:00Z", "/v1/reports/economics", months).0, 200);
    let month = "program=user-referral&month=2026-06";
    assert_eq!(report(&fixture, "2026-07-01T07:00:00Z", "/v1/reports/channels", month).0, 200);
}

#[test]
fn reports_that_fail_do_not_stop_the_others() {
    let fixture = FunnelFixture::new(1);
    clicks(&fixture, 3, SMALL_MAX + 1);
    let broken = "CREATE TRIGGER broken BEFORE UPDATE OF body ON kept_report WHEN NEW.kind = 'run' BEGIN SELECT RAISE(ABORT, 'guard:broken'); END;
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
        INSERT INTO kept_report (kind, subject, from_ms, to_ms, wanted_at_ms) SELECT 'run', 'run_' || i, 0, 0, i FROM n";
    fixture.world.db.connection.borrow().execute_batch(broken).expect("reports that fail");
    week(&fixture, LATER);
    let mut told = 0;
    for minute in ["10", "20", "30", "40", "50"] {
        let when = at(&format!("2026-06-15T08:{minute}:00Z"));
        told += i32::from(now(jobs::run(&fixture.world.at(when), "*/10 * * * *", when)).is_err());
    }
    assert_eq!(week(&fixture, "2026-06-15T08:51:00Z").0, 200);
    assert_eq!(told, 5);
}

#[test]
fn what_is_not_listed_is_summed() {
    let fixture = FunnelFixture::new(1);
    clicks(&fixture, PARTNERS_MAX + 20, SMALL_MAX);
    let (_, report) = week(&fixture, LATER);
    let partners = report["partners"].as_array().expect("a list");
    assert_eq!(partners.len() as i64, PARTNERS_MAX);
    let visits = |figures: &Value| figures["visits"].as_i64().expect("a number");
    let listed: i64 = partners.iter().map(visits).sum();
    assert_eq!(listed + visits(&report["other_partners"]), SMALL_MAX);
    for partner in partners {
        let campaigns = partner["campaigns"].as_array().expect("a list");
        assert_eq!(campaigns.len() as i64, CAMPAIGNS_MAX + 1);
        let others = campaigns.iter().find(|c| c["campaign"] == OTHER).expect("the others");
        assert_eq!(visits(others) + CAMPAIGNS_MAX, visits(partner));
    }
}

#[test]
fn channels_that_are_not_listed_are_summed() {
    let fixture = FunnelFixture::new(1);
    clicks(&fixture, CHANNELS_MAX + 30, SMALL_MAX);
    let month = format!("program={FUNNEL}&month=2026-06");
    let (status, report) = report(&fixture, "2026-07-01T00:00:00Z", "/v1/reports/channels", &month);
    assert_eq!(status, 200);
    let rows = report["data"].as_array().expect("a list");
    let clicks = |row: &Value| row["clicks"].as_i64().expect("a number");
    assert_eq!(rows.len() as i64, CHANNELS_MAX + 1);
    assert_eq!(rows.iter().map(clicks).sum::<i64>(), SMALL_MAX);
    let last = rows.last().expect("a row");
    assert_eq!((&last["partner"], &last["channel"]), (&json!(""), &json!(OTHER)));
    assert!(clicks(last) >= 30);
}
