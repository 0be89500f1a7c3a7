//! What is removed after how long, in bounded steps, and what never is.

use crate::funnel::fixture::FunnelFixture;
use crate::support::scan::plan;
use crate::support::world::{World, at, now};
use manicule::base::time::UtcMillis;
use manicule::jobs;
use manicule::service::error::ErrorKind;
use manicule::service::kept_days::{KeptDays, RULES};
use manicule::service::setup::STATEMENTS_FREE;
use manicule::store::port::Stmt;
use manicule::store::retention;
use serde_json::{Value, json};

const SWEEP: &str = "*/10 * * * *";
const TODAY: &str = "2026-06-01T00:00:00Z";
const DAY: i64 = 86_400_000;

fn sweep(world: &World, when: UtcMillis) {
    now(jobs::run(&world.at(when), SWEEP, when)).expect("a sweep");
}

fn sql(world: &World, text: &str) {
    world.db.connection.borrow().execute_batch(text).expect("the statement of the test");
}

/// Rows of every kind: one as old as its setting says, and one a millisecond younger, under the ids `old` and `young`.
fn aged(world: &World, today: UtcMillis, days: [i64; RULES.len()]) {
    for (id, more) in [("old", 0), ("young", 1)] {
        let since = |kind: usize| today.plus_days(-days[kind]).0 + more;
        // A week is as old as its Monday.
        let week = (today.plus_days(-days[4]).0 - 345_600_000).div_euclid(7 * DAY) - 1 + more;
        sql(
            world,
            &format!(
                "INSERT INTO idempotency (key, route, body_sha256, status, answer, created_at_ms) VALUES ('{id}', 'POST /v1/partners', '', 200, '{{}}', {0});
                 INSERT INTO idempotency (key, route, body_sha256, status, answer, created_at_ms, moves_money) VALUES ('{id}', 'POST /v1/x', '', 200, '{{}}', {0}, 1);
                 INSERT INTO outbox (id, kind, program_id, payload, state, created_at_ms, addressed_at_ms)
                   SELECT '{id}-' || value, 'pool.low', 'p', '{{\"unit\":\"x\"}}', value, {1}, 0
                   FROM json_each('[\"sent\", \"suppressed\", \"failed\", \"undelivered\"]');
                 INSERT INTO delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms)
                   SELECT id, 'email', 'operator', 'sent', 0, 1, 0 FROM outbox WHERE id GLOB '{id}-*';
                 INSERT INTO stripe_event (id, type, body_sha256, outcome, received_at_ms) VALUES ('{id}', 't', '', '{{}}', {2});
                 INSERT INTO session (id, token_sha256, rotated_at_ms, way, email, operator, actor, agent, created_at_ms, checked_at_ms, seen_at_ms, expires_at_ms, ended_at_ms)
                   VALUES ('{id}-expired', '{id}-e', 0, 'email', 'a@a.example', 0, 'a', '', 0, 0, 0, {3}, NULL),
                          ('{id}-ended', '{id}-f', 0, 'email', 'a@a.example', 0, 'a', '', 0, 0, 0, {3} + 5000000000, {3});
                 INSERT INTO magic_link (token_sha256, purpose, email, requested_by, is_live, detail, created_at_ms, expires_at_ms)
                   VALUES ('{id}', 'sign_in', 'a@a.example', '', 1, '{{}}', 0, {3});
                 INSERT INTO campaign_week (week, code, campaign) VALUES ({week}, 'code', '{id}');
                 INSERT INTO promotion_code (id, program_id, coupon_id, visitor_id, code, attempt, due_at_ms, revision, created_at_ms, requested_by)
                   VALUES ('{id}', 'p', 'c', '{id}', '{id}', 0, 0, 1, {3}, 'network');
                 INSERT INTO kept_report (kind, subject, from_ms, to_ms, wanted_at_ms, computed_at_ms, body)
                   VALUES ('run', '{id}', 0, 0, NULL, {4}, '[]');",
                since(0), since(1), since(2), since(3), since(5)
            ),
        );
    }
}

/// What is left of those rows, by table.
fn left(world: &World) -> Vec<(&'static str, Vec<String>)> {
    let lists = [
        ("responses", "SELECT key AS id FROM idempotency WHERE moves_money = 0 ORDER BY 1"),
        ("responses of calls that moved money", "SELECT key AS id FROM idempotency WHERE moves_money = 1 ORDER BY 1"),
        ("messages", "SELECT id FROM outbox WHERE payload <> '{}' AND kind = 'pool.low' ORDER BY 1"),
        ("deliveries", "SELECT outbox_id AS id FROM delivery ORDER BY 1"),
        ("stripe", "SELECT id FROM stripe_event ORDER BY 1"),
        ("sessions", "SELECT id FROM session ORDER BY 1"),
        ("links", "SELECT token_sha256 AS id FROM magic_link ORDER BY 1"),
        ("campaigns", "SELECT campaign AS id FROM campaign_week ORDER BY 1"),
        ("reports", "SELECT subject AS id FROM kept_report ORDER BY 1"),
        ("networks of promotion codes", "SELECT id FROM promotion_code WHERE requested_by <> '' ORDER BY 1"),
    ];
    let ids = |sql| world.db.look(sql).iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
    lists.into_iter().map(|(name, sql)| (name, ids(sql))).collect()
}

fn of(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn each_kind_goes_by_its_own_setting() {
    let doubled = KeptDays(KeptDays::default().0.map(|days| days * 2));
    for kept_days in [KeptDays::default(), doubled] {
        let mut world = World::new(1);
        world.setup.kept_days = kept_days;
        let today = at(TODAY);
        aged(&world, today, kept_days.0);
        let unsent = ["old-failed", "old-undelivered"];
        let young = ["young-failed", "young-sent", "young-suppressed", "young-undelivered"];
        sweep(&world, today);
        let messages = of(&[&unsent[..], &young[..]].concat());
        assert_eq!(
            left(&world),
            [
                ("responses", of(&["young"])),
                ("responses of calls that moved money", of(&["old", "young"])),
                ("messages", messages.clone()),
                ("deliveries", messages),
                ("stripe", of(&["young"])),
                ("sessions", of(&["young-ended", "young-expired"])),
                ("links", of(&["young"])),
                ("campaigns", of(&["young"])),
                ("reports", of(&["young"])),
                ("networks of promotion codes", of(&["young"])),
            ]
        );
        assert_eq!(world.db.number("SELECT COUNT(*) FROM outbox WHERE kind = 'pool.low'"), 8, "ids of messages stay");
        // Two weeks before that, nothing is old enough.
        let earlier =
            World { setup: manicule::service::setup::Setup { kept_days, ..Default::default() }, ..World::new(2) };
        aged(&earlier, today, kept_days.0);
        let before = left(&earlier);
        sweep(&earlier, today.plus_days(-14));
        assert_eq!(left(&earlier), before);
    }
}

#[test]
fn a_backlog_goes_over_several_sweeps() {
    const MANY: i64 = 6_000;
    for (statements, step) in [(None, 5 * retention::ROWS as i64), (Some(STATEMENTS_FREE), retention::ROWS as i64)] {
        let world = World::new(1);
        world.statements_max.set(statements.or(world.statements_max.get()));
        let today = at(TODAY);
        sql(
            &world,
            &format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})
                 INSERT INTO stripe_event (id, type, body_sha256, outcome, received_at_ms) SELECT 'evt_' || i, 't', '', '{{}}', i FROM n"
            ),
        );
        let rows = || world.db.number("SELECT COUNT(*) FROM stripe_event");
        let mut sweeps = 0;
        while rows() > 0 {
            let (before, when) = (rows(), today.plus_ms(600_000 * sweeps));
            sweep(&world, when);
            sweeps += 1;
            assert!(before - rows() <= step, "one sweep removed {}", before - rows());
            assert!(sweeps < 100, "it never ends");
        }
        // On the free plan each sweep takes another kind.
        assert!(
            sweeps >= MANY / step && (statements.is_some() || sweeps == (MANY + step - 1) / step),
            "{sweeps} sweeps"
        );
        if let Some(row) = world.db.look("SELECT MIN(rowid) AS first FROM stripe_event").first() {
            assert!(row["first"].is_null());
        }
    }
}

#[test]
fn what_is_kept_for_good_stays() {
    let world = World::new(1);
    let today = at("2026-01-01T00:00:00Z");
    let (partner, code) = world.partner(today, "agency-partner", "ann", "ann@a.example").expect("a partner");
    world.link(today, &partner).expect("a link");
    let event = |id: &str, kind: &str, when: &str, more: Value| {
        let mut body =
            json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": "acct", "email": "f@c.example"}});
        body.as_object_mut().expect("a body").extend(more.as_object().expect("more").clone());
        world.take(at(when), &body, None).expect("an event");
    };
    event("e1", "account.signed_up", "2026-01-05T00:00:00Z", json!({"attribution": {"code": code}}));
    let paid = json!({"amount": {"cents": 90_000, "currency": "usd"}, "data": {"invoice_id": "i1"}});
    event("e2", "invoice.paid", "2026-01-06T00:00:00Z", paid);
    for month in ["2026-02-01T06:00:00Z", "2026-04-01T06:00:00Z"] {
        world.run(manicule::program::document::Cadence::Monthly, at(month)).expect("a run");
    }
    sweep(&world, at("2026-04-02T00:00:00Z"));
    const KEPT: [&str; 12] = [
        "link",
        "event",
        "event_person",
        "account",
        "binding",
        "accrual",
        "transfer",
        "run",
        "run_item",
        "audit",
        "partner",
        "outbox",
    ];
    let counts = || KEPT.map(|table| (table, world.db.number(&format!("SELECT COUNT(*) FROM {table}"))));
    let before = counts();
    assert!(before.iter().all(|(_, rows)| *rows > 0), "{before:?}");
    let emptied = || world.db.number("SELECT COUNT(*) FROM outbox WHERE emptied_at_ms IS NOT NULL");
    sql(&world, "UPDATE outbox SET state = 'sent', addressed_at_ms = 0");
    for year in 2027..2037 {
        sweep(&world, at(&format!("{year}-04-02T00:00:00Z")));
    }
    assert_eq!(counts(), before);
    assert!(emptied() > 0 && world.faults().is_empty());
}

#[test]
fn what_payouts_wait_for_does_not_end_by_its_age() {
    let world = World::new(1);
    sql(
        &world,
        "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms, acknowledged_at_ms, acknowledged_by)
         VALUES ('evt_open', 'transfer.created', 'r', 1, 0, 0, NULL, NULL), ('evt_handled', 'transfer.created', 'r', 1, 0, 0, 1, 'ann'),
                ('evt_paid', 'invoice.paid', 'r', 1, 0, 0, NULL, NULL)",
    );
    sweep(&world, at(TODAY));
    assert_eq!(
        world.db.look("SELECT id FROM stripe_failure").iter().map(|row| row["id"].clone()).collect::<Vec<_>>(),
        ["evt_open"]
    );
}

#[test]
fn a_call_that_moved_money_is_never_made_again() {
    let fixture = FunnelFixture::new(1);
    let post = |when: &str, path: &str, body: Value| {
        let headers = [fixture.operator(), ("idempotency-key", "k1")];
        let response = fixture.send(at(when), "POST", path, "", body.to_string().as_bytes(), &headers);
        (response.status, serde_json::from_slice::<Value>(&response.body).expect("JSON"))
    };
    let fund = |when: &str| {
        post(when, "/v1/programs/tiered-credits/budget", json!({"amount_cents": 5_000, "reason": "to reward"}))
    };
    let enrol = |when: &str| {
        post(
            when,
            "/v1/partners",
            json!({"program": "agency-partner", "external_id": "ann", "disclosure_accepted": true}),
        )
    };
    let (funded, enrolled) = (fund(TODAY), enrol(TODAY));
    assert!(funded.0 < 300 && enrolled.0 == 201, "{funded:?} {enrolled:?}");
    let moved = || fixture.world.db.number("SELECT COUNT(*) FROM transfer");
    let before = moved();
    assert!(before > 0);
    assert_eq!(enrol("2026-06-20T00:00:00Z"), enrolled, "a repeat");
    sweep(&fixture.world, at("2036-06-01T00:00:00Z"));
    assert_eq!(fund("2036-06-01T00:01:00Z"), funded, "ten years later it is still the same call");
    assert_eq!(moved(), before);
    assert_eq!(enrol("2036-06-01T00:01:00Z").0, 200, "this one was forgotten: the partner is found");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM partner"), 1);
}

#[test]
fn an_emptied_message_is_not_sent_again() {
    let world = World::new(1);
    let today = at(TODAY);
    aged(&world, today, KeptDays::default().0);
    sweep(&world, today);
    let request = manicule::codec::message::endpoint::ReplayRequest { target: None, reason: "again".to_owned() };
    let refused = now(manicule::service::message::replay::replay(&world.at(today), "old-sent", &request));
    let refused = refused.expect_err("its content is gone");
    assert_eq!((refused.kind, refused.code), (ErrorKind::Conflict, "message_emptied"));
    sql(
        &world,
        "INSERT INTO outbox (id, kind, program_id, payload, state, created_at_ms) VALUES ('old-sent', 'pool.low', 'p', '{\"again\":1}', 'queued', 0)
         ON CONFLICT (id) DO NOTHING",
    );
    assert_eq!(world.db.number("SELECT COUNT(*) FROM outbox WHERE id = 'old-sent' AND payload = '{}'"), 1);
}

#[test]
fn every_step_finds_its_rows_by_an_index() {
    let world = World::new(1);
    let then = UtcMillis(0);
    let steps: Vec<Stmt> = [
        retention::responses(then),
        retention::messages(then, then),
        retention::stripe_events(then),
        retention::sessions(then),
        retention::campaigns(then),
        retention::reports(then),
    ]
    .concat();
    assert_eq!(steps.len(), 11);
    for analyzed in [false, true] {
        if analyzed {
            filled(&world);
        }
        let connection = world.db.connection.borrow();
        for step in &steps {
            let plan = plan(&connection, &step.sql);
            assert!(plan.iter().all(|step| !step.starts_with("SCAN")), "analyzed: {analyzed}, {}: {plan:?}", step.sql);
        }
    }
}

/// Thousands of young rows of each kind, with SQLite's statistics of them.
fn filled(world: &World) {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)";
    for row in [
        "idempotency (key, route, body_sha256, status, answer, created_at_ms) SELECT i, '', '', 200, '{}', 9000 + i",
        "outbox (id, kind, program_id, payload, state, created_at_ms) SELECT i, 'k', 'p', '{}', 'sent', 9000 + i",
        "delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms) SELECT i, 'email', 'o', 'sent', 0, 1, 0",
        "stripe_event (id, type, body_sha256, outcome, received_at_ms) SELECT i, 't', '', '{}', 9000 + i",
        "session (id, token_sha256, rotated_at_ms, way, email, operator, actor, agent, created_at_ms, checked_at_ms, seen_at_ms, expires_at_ms, ended_at_ms)
           SELECT i, 't' || i, 0, 'email', 'e', 0, 'a', '', 0, 0, 0, 9000 + i, 9000 + i",
        "magic_link (token_sha256, purpose, email, requested_by, is_live, detail, created_at_ms, expires_at_ms)
           SELECT i, 'join', 'e', '', 1, '{}', 0, 9000 + i",
        "campaign_week (week, code, campaign) SELECT i / 50, 'c', 'n' || i",
        "promotion_code (id, program_id, coupon_id, visitor_id, code, attempt, due_at_ms, revision, created_at_ms, requested_by)
           SELECT i, 'p', 'c', i, i, 0, 0, 1, 9000 + i, 'n' || i",
        "kept_report (kind, subject, from_ms, to_ms, computed_at_ms, body) SELECT 'run', i, 0, 0, 9000 + i, '[]'",
    ] {
        sql(world, &format!("{many} INSERT INTO {row} FROM n"));
    }
    sql(world, "ANALYZE");
}
