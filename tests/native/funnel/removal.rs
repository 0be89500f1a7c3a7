//! Old clicks and funnel events are removed, and reports say the same before, meanwhile and after.

use super::fixture::FunnelFixture;
use super::{FUNNEL, MONDAY};
use crate::support::scan::scanned;
use crate::support::world::{at, now};
use manicule::base::ids::ProgramId;
use manicule::base::time::{DAY_MS, HOUR_MS, UtcMillis, Week};
use manicule::jobs;
use manicule::service::kept_days::{KeptDays, KeptKind};
use manicule::store::funnel::CAMPAIGNS_MAX;
use manicule::store::link::click::removal::{
    REMOVED_MAX, WEEK_HOURS, removal_begin, removal_due, removal_next, removal_step,
};
use serde_json::{Value, json};

fn kept_days() -> i64 {
    KeptDays::default().of(KeptKind::Clicks)
}

fn sweep(fixture: &FunnelFixture, when: UtcMillis) {
    now(jobs::run(&fixture.world.at(when), "*/10 * * * *", when)).expect("swept");
}

fn number(fixture: &FunnelFixture, sql: &str) -> i64 {
    fixture.world.db.number(sql)
}

fn report(fixture: &FunnelFixture, path: &str, query: &str) -> Value {
    let mut report: Value = serde_json::from_str(&fixture.read(path, query, None)).expect("JSON");
    report.as_object_mut().expect("an object").remove("as_of");
    report
}

/// What reports say of the week and of the months that it is in.
fn said(fixture: &FunnelFixture) -> Vec<Value> {
    [
        ("/v1/reports/funnel", "program=partner-funnel&week=2026-W24"),
        ("/v1/reports/funnel", "program=partner-funnel&week=2026-W25"),
        ("/v1/reports/channels", "program=partner-funnel&month=2026-06"),
        ("/v1/reports/economics", "program=partner-funnel&from=2026-06-01&to=2026-07-01"),
        ("/v1/reports/economics", "program=partner-funnel&from=2026-06-10&to=2026-06-11"),
    ]
    .map(|(path, query)| report(fixture, path, query))
    .into()
}

/// A week with visitors who come again, through two partners, and the first clicks of the next week.
fn a_week(fixture: &FunnelFixture) {
    let seo = fixture.partner(FUNNEL, "seo");
    let agency = fixture.partner(FUNNEL, "agency");
    let monday = at(MONDAY);
    for n in 0..40_i64 {
        let when = monday.plus_ms(n * 4 * HOUR_MS);
        fixture.click(FUNNEL, &seo, if n % 3 == 0 { "guide" } else { "" }, &format!("v{}", n % 15), when);
        fixture.tagged_click(FUNNEL, &agency, &format!("t{n}"), ["mail", "forum"][n as usize % 2], when);
        if n % 4 == 0 {
            fixture.visitor_event(when, "lead_magnet.downloaded", &seo.1, "guide", &format!("v{}", n % 15));
        }
    }
    fixture.visitor_event(monday.plus_days(1), "lead_magnet.downloaded", &agency.1, "", "");
    fixture.click(FUNNEL, &seo, "guide", "v1", monday.plus_days(7));
    // One click brought an account: what it brings counts for the click's channel.
    let brought = "INSERT INTO account (id, revision, signed_up_at_ms, created_at_ms) SELECT 'acct', 1, clicked_at_ms, 0 FROM click WHERE utm_source = 'mail' ORDER BY clicked_at_ms LIMIT 1;
        INSERT INTO binding (account_id, group_id, program_id, partner_id, code, method, click_id, from_ms, signed_up_at_ms, signup_event_id, held, receipt, states, decided_at_ms)
        SELECT 'acct', program_id, program_id, partner_id, code, 'token', id, clicked_at_ms, clicked_at_ms, 'up', 0,
          json_object('candidates', json_array(json_object('at', clicked_at_ms, 'chosen', json('true')))), '[]', 0
        FROM (SELECT * FROM click WHERE utm_source = 'mail' ORDER BY clicked_at_ms LIMIT 1)";
    fixture.world.db.connection.borrow().execute_batch(brought).expect("an account");
}

#[test]
fn old_weeks_become_sums_and_reports_say_the_same() {
    let fixture = FunnelFixture::new(1);
    a_week(&fixture);
    let before = said(&fixture);
    assert!(before[0]["average"]["visits"].as_i64().is_some_and(|visits| visits > 15), "{}", before[0]);
    let by_mail =
        before[2]["data"].as_array().expect("rows").iter().find(|row| row["channel"] == "mail").expect("a channel");
    assert_eq!(by_mail["signups"], json!(1));
    let (program, week) = (ProgramId::from(FUNNEL), Week::of(at(MONDAY)));

    // Noted as removed, and all rows are still there; then some of them.
    now(fixture.world.at(at(MONDAY)).batch(removal_begin(&program, week).into())).expect("begun");
    assert_eq!(said(&fixture), before);
    let again = now(fixture.world.at(at(MONDAY)).batch(removal_begin(&program, week).into()));
    assert!(again.is_err(), "sums are kept once");
    let some = format!(
        "DELETE FROM click WHERE dedupe % 2 = 0 AND hour < {}; DELETE FROM funnel_event WHERE seq = 1",
        week.end().0 / HOUR_MS
    );
    fixture.world.db.connection.borrow().execute_batch(&some).expect("some");
    assert_eq!(said(&fixture), before);

    // The week ends when its last day is older than is kept.
    let kept = at(MONDAY).plus_days(6 + kept_days());
    sweep(&fixture, kept);
    let old = format!("SELECT COUNT(*) FROM click WHERE hour < {}", week.end().0 / HOUR_MS);
    assert!(number(&fixture, &old) > 0, "not yet");
    sweep(&fixture, kept.plus_days(1));
    assert_eq!(number(&fixture, &old), 0);
    assert_eq!(number(&fixture, "SELECT COUNT(*) FROM click"), 1, "the next week's stays");
    for table in ["funnel_event", "week_removal"] {
        assert_eq!(number(&fixture, &format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
    }
    assert_eq!(said(&fixture), before);
    sweep(&fixture, kept.plus_days(8));
    assert_eq!((number(&fixture, "SELECT COUNT(*) FROM click"), said(&fixture)), (0, before));
    assert!(number(&fixture, "SELECT SUM(clicks) FROM link_day") > 40, "links' counters stay");
}

#[test]
fn what_is_imported_of_a_summed_week_is_added() {
    let fixture = FunnelFixture::new(1);
    a_week(&fixture);
    let later = at(MONDAY).plus_days(20 + kept_days());
    sweep(&fixture, later);
    let leads = || {
        let report = report(&fixture, "/v1/reports/funnel", "program=partner-funnel&week=2026-W24");
        report["average"]["stages"].as_array().expect("stages").iter().find(|s| s["stage"] == "lead").expect("leads")["visitors"].clone()
    };
    let before = leads().as_i64().expect("a number");
    let seo = fixture.world.db.look("SELECT code FROM partner WHERE external_id = 'seo'")[0]["code"].clone();
    let late = json!({"id": "late", "type": "lead_magnet.downloaded", "occurred_at": "2026-06-09T00:00:00Z",
        "account": {"id": "a"}, "attribution": {"code": seo}, "data": {"visitor": "somebody"}});
    fixture.world.take(later, &late, None).expect("taken");
    assert_eq!(leads(), json!(before + 1));
    sweep(&fixture, later.plus_days(1));
    assert_eq!((leads(), number(&fixture, "SELECT COUNT(*) FROM funnel_event")), (json!(before + 1), 0));
}

#[test]
fn what_is_not_kept_apart_is_summed() {
    let fixture = FunnelFixture::new(1);
    let seo = fixture.partner(FUNNEL, "seo");
    for n in 0..CAMPAIGNS_MAX + 20 {
        let when = at(MONDAY).plus_ms(n * 1_000);
        fixture.click(FUNNEL, &seo, &format!("campaign {n}"), &format!("v{n}"), when);
        fixture.tagged_click(FUNNEL, &seo, &format!("t{n}"), &format!("source {n}"), when.plus_ms(n * HOUR_MS));
    }
    let before = said(&fixture);
    sweep(&fixture, at(MONDAY).plus_days(20 + kept_days()));
    assert_eq!(number(&fixture, "SELECT COUNT(*) FROM click"), 0);
    let sums = "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM funnel_sum GROUP BY week UNION ALL SELECT COUNT(*) FROM channel_sum GROUP BY day)";
    assert!(number(&fixture, sums) <= CAMPAIGNS_MAX + 1);
    let after = said(&fixture);
    assert_eq!((&after[0], &after[3]), (&before[0], &before[3]));
    let clicks = |report: &Value| {
        report["data"].as_array().expect("rows").iter().map(|r| r["clicks"].as_i64().unwrap_or(0)).sum::<i64>()
    };
    assert_eq!(clicks(&after[2]), clicks(&before[2]));
}

/// A backlog of years is worked off in steps, on the free plan, too.
#[test]
fn a_backlog_is_removed_in_bounded_steps() {
    let fixture = FunnelFixture::new(1);
    let (first, each) = (at("2024-01-01T00:00:00Z").0, 3 * REMOVED_MAX);
    fixture.world.db.connection.borrow().execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {each})
         INSERT INTO click (id, code, program_id, partner_id, visitor, clicked_at_ms, hour, dedupe)
         SELECT 'k' || i, 'c', '{FUNNEL}', 'p', 'v' || i, {first} + w.value * 604800000 + i * 10, ({first} + w.value * 604800000 + i * 10) / 3600000, i
         FROM n CROSS JOIN json_each('[0, 1, 2]') w",
    )).expect("clicks");
    fixture.world.statements_max.set(Some(50));
    let left = || number(&fixture, "SELECT COUNT(*) FROM click");
    let (mut sweeps, mut before) = (0, left());
    while left() > 0 {
        sweep(&fixture, at("2026-06-01T00:00:00Z").plus_ms(sweeps * 600_000));
        let removed = before - left();
        assert!(removed <= 10 * REMOVED_MAX, "{removed} in one sweep");
        (sweeps, before) = (sweeps + 1, left());
        assert!(sweeps < 40, "{before} are left");
    }
    assert_eq!(number(&fixture, "SELECT SUM(visitors) FROM funnel_sum"), 3 * each);
    assert_eq!(number(&fixture, "SELECT SUM(clicks) FROM channel_sum"), 3 * each);
}

#[test]
fn a_months_fingerprints_go_with_its_salt() {
    let fixture = FunnelFixture::new(1);
    let june = at("2026-06-30T23:00:00Z");
    fixture.world.db.connection.borrow().execute_batch(&format!(
        "INSERT INTO visitor_salt VALUES ('2026-06', 'aa'), ('2026-07', 'bb');
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {REMOVED_MAX} + 10)
         INSERT INTO click (id, code, program_id, partner_id, visitor, clicked_at_ms, hour, fingerprint, dedupe)
         SELECT 'k' || i, 'c', 'tiered-credits', 'p', 'v' || i, {0}, {0} / 3600000, printf('fp_202606%032d', i), i FROM n
         UNION ALL SELECT 'july', 'c', 'tiered-credits', 'p', 'v', {0} + 86400000, {0} / 3600000 + 24, 'fp_202607ab', 1", june.0
    )).expect("clicks");
    let window = fixture.world.db.number("SELECT MAX(document ->> '$.attribution.window_days') FROM program_version WHERE instr(document, 'fingerprint') > 0");
    let found = || number(&fixture, "SELECT COUNT(fingerprint) FROM click");
    sweep(&fixture, at("2026-06-30T23:59:59Z").plus_days(window));
    assert_eq!((found(), number(&fixture, "SELECT COUNT(*) FROM visitor_salt")), (REMOVED_MAX + 11, 2));
    sweep(&fixture, at("2026-07-01T00:00:00Z").plus_days(window));
    assert_eq!((found(), number(&fixture, "SELECT COUNT(*) FROM visitor_salt")), (1, 1), "July's stays");
}

#[test]
fn how_long_clicks_are_kept_is_a_setting() {
    let mut fixture = FunnelFixture::new(1);
    a_week(&fixture);
    assert!(
        fixture
            .world
            .setup
            .kept_days
            .read(&|name| if name == "KEEP_CLICKS_DAYS" { "100".to_owned() } else { String::new() })
            .is_empty()
    );
    sweep(&fixture, at(MONDAY).plus_days(107));
    assert_eq!(number(&fixture, "SELECT COUNT(*) FROM click"), 1);
}

#[test]
fn removing_uses_indexes() {
    let fixture = FunnelFixture::new(1);
    let when = at(MONDAY);
    now(fixture.world.at(when).batch(removal_begin(&FUNNEL.into(), Week::of(when)).into())).expect("begun");
    let removal = now(fixture.world.at(when).read(removal_next().first())).expect("read").expect("one");
    assert_eq!(removal.from_hour, when.0 / HOUR_MS);
    assert_eq!(WEEK_HOURS * HOUR_MS, 7 * DAY_MS);
    let mut statements = vec![removal_due(when).statement, removal_next().statement];
    statements.extend(removal_begin(&FUNNEL.into(), Week::of(when)));
    statements.extend(removal_step(&removal));
    statements.extend(manicule::store::link::click::removal::fingerprints_remove(when));
    for statement in statements {
        let found = scanned(&fixture.world.db.connection.borrow(), &statement.sql);
        assert_eq!(found, Vec::<String>::new(), "{}", statement.sql);
    }
}
