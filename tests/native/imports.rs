//! `POST /v1/events`: many events in one call. What they lead to is what the same events lead to one by one, at a fraction of
//! the statements, whatever happens meanwhile; and each has an answer. (`order` imports random stories, `golden` and
//! `scenarios` the written ones.)

mod interrupted;
mod quiet;

use crate::support::world::{World, at, now};
use manicule::codec::event::batch::EVENTS_MAX;
use manicule::http::auth::hex_sha256;
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::Request;
use manicule::http::route;
use serde_json::{Map, Value, json};

const BEGIN: &str = "2026-01-01T00:00:00Z";
const TODAY: &str = "2026-06-20T00:00:00Z";

fn world() -> (World, String) {
    let world = World::new(5);
    // Digests are compared between databases.
    world.db.connection.borrow().execute("UPDATE person_salt SET salt = 'of a test'", []).expect("a salt");
    let (_, code) = world.partner(at(BEGIN), "agency-partner", "ada", "ada@partners.example").expect("a partner");
    (world, code)
}

fn event(account: &str, id: &str, kind: &str, day: i64, rest: Value) -> Value {
    let when = at(BEGIN).plus_days(day).to_rfc3339();
    let mut body =
        json!({"id": format!("{account}:{id}"), "type": kind, "occurred_at": when, "account": {"id": account}});
    for (key, value) in rest.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn sign_up(account: &str, code: &str, day: i64) -> Value {
    let rest =
        json!({"account": {"id": account, "email": format!("{account}@acme.example")}, "attribution": {"code": code}});
    event(account, "up", "account.signed_up", day, rest)
}

fn paid(account: &str, number: i64, day: i64) -> Value {
    let rest = json!({"amount": {"cents": 10_000 + number, "currency": "usd"}, "data": {"invoice_id": format!("in-{account}-{number}")}});
    event(account, &format!("p{number}"), "invoice.paid", day, rest)
}

/// An account's story: it signs up, uses the service, pays, and gets something back.
fn story(account: &str, code: &str) -> Vec<Value> {
    let back = json!({"amount": {"cents": 5_000, "currency": "usd"}, "data": {"invoice_id": format!("in-{account}-1"), "refund_id": format!("re-{account}")}});
    vec![
        sign_up(account, code, 1),
        event(account, "u1", "account.active", 2, json!({"data": {"api_calls": 50, "team_size": 3}})),
        event(account, "u2", "account.active", 3, json!({"data": {"api_calls": 10, "team_size": 2}})),
        event(
            account,
            "s1",
            "subscription.started",
            4,
            json!({"data": {"subscription_id": format!("sub-{account}"), "annual_value_cents": 600_000}}),
        ),
        paid(account, 1, 5),
        paid(account, 2, 36),
        event(account, "r1", "invoice.refunded", 40, back),
        event(account, "x1", "surely.unknown", 41, json!({})),
    ]
}

fn post(world: &World, body: &[u8]) -> (u16, Value) {
    let config = Config { operator_token_sha256: Some(hex_sha256(b"operator")), ..Config::default() };
    let request = Request {
        method: "POST".to_owned(),
        path: "/v1/events".to_owned(),
        headers: vec![("authorization".to_owned(), "Bearer operator".to_owned())],
        body: body.to_vec(),
        ..Request::default()
    };
    let _ = world.at(at(TODAY));
    let app = RequestContext { site: world, config: &config, now: at(TODAY) };
    let response = now(route::answer(&app, &request)).expect("an answer");
    (response.status, serde_json::from_slice(&response.body).expect("JSON"))
}

fn import(world: &World, events: &[Value]) -> Value {
    let (status, answer) = post(world, json!({"events": events}).to_string().as_bytes());
    assert_eq!(status, 200, "{answer}");
    answer
}

/// What became of each event as the webhook answers it.
fn one_by_one(world: &World, events: &[Value]) -> Vec<String> {
    let take = |body: &Value| {
        let taken = world.take(at(TODAY), body, None).unwrap_or_else(|e| panic!("{body}: {e}"));
        taken.outcome["outcome"].as_str().unwrap_or_default().to_owned()
    };
    events.iter().map(take).collect()
}

/// The events of which accruals' first ledger rows are.
fn causes(world: &World) -> Vec<Map<String, Value>> {
    world.db.look("SELECT accrual_id, event_id FROM transfer WHERE id = accrual_id || '.1' ORDER BY 1")
}

/// What is stored of attributions, accruals, the ledger, reviews, and which events decisions read.
fn rows(world: &World) -> Vec<Map<String, Value>> {
    [
        "SELECT account_id, group_id, partner_id, code, method, from_ms, event_id, signed_up_at_ms, signup_event_id, qualified_at_ms, held, receipt, states, grant_due_at_ms FROM binding ORDER BY 1, 2",
        "SELECT id, program_version, account_id, event_id, source, at_ms, period, gross_cents, cap_reduction_cents, net_cents, balance, state, vests_at_ms, reason, closed FROM accrual ORDER BY id",
        "SELECT accrual_id, SUM(IIF(code = 'accrue', amount_cents, -amount_cents)) AS cents FROM transfer GROUP BY accrual_id ORDER BY 1",
        "SELECT id, cr_posted_cents - dr_posted_cents AS cents FROM ledger_account ORDER BY id",
        "SELECT id, rule, subject, holds, state, reason, evidence FROM review ORDER BY id",
        "SELECT id, state, account_id, invoice_id, email_domain, domain, codes, payload, credential FROM event ORDER BY id",
        "SELECT event_id, account_id, email, name, stripe_customer, mailbox, address FROM event_person ORDER BY 1",
        "SELECT id, partner_id, stage, visitor, campaign, week FROM funnel_event ORDER BY 1",
        "SELECT invoice_id, account_id, state, refunded_cents, disputed FROM invoice_status ORDER BY 1",
    ]
    .iter()
    .flat_map(|sql| world.db.look(sql))
    .collect()
}

fn same(one: &World, other: &World, said: &str) {
    let (one, other) = (rows(one), rows(other));
    let missing: Vec<String> =
        one.iter().filter(|row| !other.contains(row)).map(|row| json!(row).to_string()).collect();
    let more: Vec<String> = other.iter().filter(|row| !one.contains(row)).map(|row| json!(row).to_string()).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "{said}\nonly one by one:\n{}\nonly here:\n{}",
        missing.join("\n"),
        more.join("\n")
    );
}

fn outcomes(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().expect("a list").iter().map(|one| one["outcome"].as_str().expect("a word")).collect()
}

#[test]
fn an_import_leads_to_what_single_events_lead_to() {
    let (single, code) = world();
    let (many, _) = world();
    let mut events: Vec<Value> = (0..12).flat_map(|n| story(&format!("a{n:02}"), &code)).collect();
    // The domain's first account answers for one that names no code.
    events.push(event(
        "quiet",
        "up",
        "account.signed_up",
        9,
        json!({"account": {"id": "quiet", "email": "q@acme.example"}}),
    ));
    events.push(event(
        "visitor",
        "v",
        "demo.requested",
        9,
        json!({"attribution": {"code": code}, "data": {"visitor": "v-1"}}),
    ));
    // A domain and a customer at Stripe by which others are compared.
    let invited = json!({"data": {"agency_code": code, "domain": "invited.example"}});
    events.push(event("quiet", "w", "workspace.invited", 10, invited));
    let customer = json!({"id": "quiet", "email": "Q@acme.example", "name": "Quinn"});
    let started = json!({"account": customer, "data": {"subscription_id": "s", "stripe_customer": "cus_q"}});
    events.push(event("quiet", "s", "subscription.started", 11, started));
    let nobody = json!({"account": {"email": "nobody@acme.example"}, "attribution": {"code": code}});
    let mut unnamed = event("x", "n", "demo.requested", 12, nobody);
    unnamed["account"].as_object_mut().expect("an account").remove("id");
    events.push(unnamed);
    let wanted = one_by_one(&single, &events);
    let answer = import(&many, &events);
    let digests = "SELECT COUNT(*) FROM event_person WHERE address GLOB 'adr_*' AND mailbox GLOB 'mbx_*'";
    assert!(many.db.number(digests) > 12);
    assert_eq!(many.db.number("SELECT COUNT(*) FROM event_person WHERE account_id IS NULL"), 0);
    let domains = "SELECT COUNT(*) FROM event WHERE domain GLOB 'dom_*' AND instr(payload, domain) > 0";
    assert_eq!(many.db.number(domains), 1);
    assert_eq!(
        many.db.number("SELECT COUNT(*) FROM event WHERE instr(COALESCE(email_domain, '') || payload, '.example') > 0"),
        0
    );
    same(&single, &many, "in order");
    assert_eq!(causes(&single), causes(&many));
    assert_eq!(outcomes(&answer), wanted);
    assert_eq!((&answer["refused"], &answer["waiting"]), (&json!(0), &json!(0)), "{answer}");
    assert!(many.faults().is_empty());

    let (backwards, _) = world();
    events.reverse();
    for events in events.chunks(7) {
        import(&backwards, events);
    }
    assert_eq!(crate::order::books::books(&single), crate::order::books::books(&backwards));
}

#[test]
fn a_repeat_is_answered_the_same_and_writes_nothing() {
    let (world, code) = world();
    let mut events = story("acme", &code);
    events.push(json!({"id": "broken"}));
    // The same again within one call, and the same id with other contents.
    events.push(events[0].clone());
    events.push(event("acme", "u1", "account.active", 2, json!({"data": {"api_calls": 51}})));
    let first = import(&world, &events);
    assert_eq!(outcomes(&first)[8..], ["refused", "applied", "refused"], "{first}");
    assert_eq!(first["events"][10]["problem"]["code"], "event_id_reused");
    let counts = |world: &World| {
        let revisions = world.db.number("SELECT SUM(revision) FROM account");
        ["event", "transfer", "audit", "outbox", "event_person"]
            .map(|table| world.db.number(&format!("SELECT COUNT(*) FROM {table}")))
            .iter()
            .sum::<i64>()
            + revisions
    };
    let before = (rows(&world), counts(&world));
    assert_eq!(import(&world, &events), first);
    assert_eq!((rows(&world), counts(&world)), before);
    // A webhook's repeat is one, too.
    let again = world.take(at(TODAY), &events[0], None).expect("a repeat");
    assert!(!again.first);
    one_by_one(&world, &[paid("acme", 9, 60)]);
    assert_eq!(outcomes(&import(&world, &[paid("acme", 9, 60)])), ["applied"]);
}

#[test]
fn one_bad_event_does_not_stop_the_others() {
    let (world, code) = world();
    let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let raw = |id: &str, data: &str| {
        format!(
            r#"{{"id":"{id}","type":"account.active","occurred_at":"2026-02-01T00:00:00Z","account":{{"id":"acme"}},"data":{data}}}"#
        )
    };
    let bodies = [
        sign_up("acme", &code, 1).to_string(),
        "7".to_owned(),
        raw("deep", &deep(20)),
        // As deep as a single event may be.
        raw("fine", &deep(15)),
        raw("twice", r#"{"api_calls":1,"api_calls":2}"#),
        r#"{"id":"future","type":"account.active","occurred_at":"2027-01-01T00:00:00Z","account":{"id":"acme"}}"#
            .to_owned(),
        r#"{"id":"no account","type":"invoice.paid"}"#.to_owned(),
        r#"{"id":"who","type":"invoice.paid","occurred_at":"2026-02-01T00:00:00Z"}"#.to_owned(),
        raw("long", &format!(r#"{{"x":"{}"}}"#, "y".repeat(70_000))),
    ];
    let (status, answer) = post(&world, format!(r#"{{"events":[{}]}}"#, bodies.join(",")).as_bytes());
    assert_eq!(status, 200, "{answer}");
    let found: Vec<(Value, &str)> = answer["events"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["event"].clone(), one["problem"]["code"].as_str().unwrap_or("")))
        .collect();
    let wanted = [
        (json!("acme:up"), ""),
        (json!(null), "wrong_type"),
        (json!(null), "too_deep"),
        (json!("fine"), ""),
        (json!(null), "duplicate_field"),
        (json!("future"), "too_late"),
        (json!(null), "malformed"),
        (json!("who"), "missing"),
        (json!(null), "body_too_large"),
    ];
    assert_eq!(answer["refused"], 7, "{answer}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found.0, wanted.0, "{answer}");
        assert_eq!(found.1.is_empty(), wanted.1.is_empty(), "{answer}");
    }
    assert_eq!(world.db.number("SELECT COUNT(*) FROM event"), 2);
    let problem = &answer["events"][7]["problem"];
    assert_eq!((&problem["field"], &problem["status"]), (&json!("account.id"), &json!(422)), "{problem}");
}

#[test]
fn a_body_that_is_no_list_of_up_to_500_events_is_refused() {
    let (world, _) = world();
    let many = |count: usize| json!({"events": vec![json!({}); count]}).to_string();
    for (body, status, field) in [
        (many(EVENTS_MAX + 1), 422, "events"),
        (many(0), 422, "events"),
        ("{}".to_owned(), 422, "events"),
        (r#"{"events":{}}"#.to_owned(), 422, "events"),
        (r#"{"events":[],"events":[{}]}"#.to_owned(), 400, "events"),
        (r#"{"events":[{}],"dry_run":true}"#.to_owned(), 422, "dry_run"),
        ("[]".to_owned(), 422, ""),
        (r#"{"events":[{}"#.to_owned(), 400, ""),
        ("\u{1}".to_owned(), 400, ""),
    ] {
        let (is, problem) = post(&world, body.as_bytes());
        let shown: String = body.chars().take(60).collect();
        assert_eq!((is, problem["field"].as_str().unwrap_or("")), (status, field), "{shown}: {problem}");
    }
    assert_eq!(post(&world, &[b'"', 0xff, b'"']).0, 400);
    assert_eq!(post(&world, &vec![b' '; 4 * 1024 * 1024 + 1]).0, 413);
    assert_eq!(outcomes(&post(&world, many(EVENTS_MAX).as_bytes()).1).len(), EVENTS_MAX);
    assert_eq!(world.db.number("SELECT COUNT(*) FROM event"), 0);
}

/// The statements of the same events one by one and in one call.
fn statements(events: &[Value], before: &[Value]) -> (u64, u64) {
    let cost = |take: &dyn Fn(&World)| {
        let (world, _) = world();
        one_by_one(&world, before);
        let sent = world.db.statements.get();
        take(&world);
        assert_eq!(world.db.number("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL"), 0);
        world.db.statements.get() - sent
    };
    (cost(&|world| drop(one_by_one(world, events))), cost(&|world| drop(import(world, events))))
}

#[test]
fn an_import_takes_a_tenth_of_the_statements_at_most() {
    let (_, code) = world();
    let signups: Vec<Value> = (0..500).map(|n| {
        let account = format!("a{n:03}");
        event(&account, "up", "account.signed_up", n % 90, json!({"account": {"id": account, "email": format!("x@{account}.example")}, "attribution": {"code": code}}))
    }).collect();
    let invoices: Vec<Value> = (0..500).map(|n| paid("acme", n, 2 + n / 4)).collect();
    let usage: Vec<Value> = (0..500)
        .map(|n| {
            event(
                &format!("a{:02}", n % 50),
                &format!("u{n}"),
                "account.active",
                3 + n % 80,
                json!({"data": {"api_calls": n}}),
            )
        })
        .collect();
    let visitors: Vec<Value> = (0..500)
        .map(|n| {
            let mut body = event(
                "x",
                &format!("d{n}"),
                "demo.requested",
                3,
                json!({"attribution": {"code": code}, "data": {"visitor": format!("v{n}")}}),
            );
            body.as_object_mut().expect("an object").remove("account");
            body
        })
        .collect();
    let up = [sign_up("acme", &code, 1)];
    for (what, events, before) in [
        ("sign-ups", &signups, &[][..]),
        ("invoices", &invoices, &up),
        ("usage", &usage, &[]),
        ("visitors", &visitors, &[]),
    ] {
        let (single, many) = statements(events, before);
        println!("{what}: {single} statements one by one, {many} imported");
        assert!(many * 10 <= single && many <= 130, "{what}: {single} statements one by one, {many} imported");
    }
}

#[test]
fn a_long_history_is_closed_as_it_is_imported() {
    let (single, code) = world();
    let (many, _) = world();
    let mut events = vec![sign_up("acme", &code, 0)];
    events.extend((0..160).map(|n| paid("acme", n, 1 + n)));
    one_by_one(&single, &events);
    for events in events.chunks(40) {
        import(&many, events);
    }
    let closed = |world: &World| world.db.number("SELECT COUNT(*) FROM event WHERE state = 'closed'");
    assert!(closed(&many) > 60 && closed(&single) > 60, "{}, {}", closed(&many), closed(&single));
    assert_eq!(crate::order::books::books(&single), crate::order::books::books(&many));
}

#[test]
fn an_import_is_in_the_audit_trail() {
    let (world, code) = world();
    import(&world, &story("acme", &code));
    let rows = world.db.look("SELECT actor, action, subject, after FROM audit WHERE action = 'events.import'");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["subject"], &rows[0]["after"]), (&json!("acme:up"), &json!(r#"{"events":8,"of":8}"#)));
    assert_eq!(world.db.number("SELECT COUNT(*) FROM event WHERE source = 'import'"), 8);
}
