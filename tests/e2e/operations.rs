//! Operators and money: a version that takes effect on its date, the dry run of a draft, the preview of a run, and an
//! account that is reassigned with a reason. All of it is in the audit log.

use super::client::{Reply, step};
use super::facts::{Partner, ahead, merge, monday_after, paid, signed_up};
use super::server::Server;
use serde_json::{Value, json};

const PROGRAM: &str = "agency-partner";

fn document(server: &Server, rest: Value) -> Value {
    let mut document = server.read("/v1/programs/agency-partner")["document"].clone();
    merge(&mut document, rest);
    document
}

fn put(server: &Server, document: &Value) -> Reply {
    server.ask("PUT", "/v1/programs/agency-partner").operator().body(document.to_string()).send()
}

/// The newest audit entry of an action.
fn audited(server: &Server, action: &str) -> Value {
    let audit = server.read("/v1/audit");
    let found = audit["data"].as_array().and_then(|all| all.iter().find(|a| a["action"] == json!(action)).cloned());
    found.unwrap_or_else(|| panic!("no {action} in {audit}"))
}

fn with_first_year(server: &Server, bps: i64, rest: Value) -> Value {
    let mut document = document(server, rest);
    document["rewards"][0]["amount"]["rate_bps"] = json!(bps);
    document
}

#[test]
fn a_version_takes_effect_from_its_date() {
    let server = Server::start();
    let agency = server.enrol(PROGRAM, "agency");
    step("errors are reported with path, value and rule");
    let mut bad = with_first_year(&server, 10_001, json!({"version": 2, "attribution": {"window_days": 0}}));
    bad["caps"] = json!([{"reward": "nothing", "per_partner_month_cents": 1}]);
    let problem = put(&server, &bad).problem(422, "program_refused");
    let findings = problem["findings"].as_array().expect("findings");
    let of = |path: &str| findings.iter().find(|f| f["path"].as_str().is_some_and(|p| p.starts_with(path)));
    for (path, value) in [("rewards[0].amount", "10001"), ("attribution.window_days", "0"), ("caps[0]", "nothing")] {
        let found = of(path).unwrap_or_else(|| panic!("nothing about {path}: {problem}"));
        assert!(found["value"].as_str().is_some_and(|v| v.contains(value)), "{found}");
        assert!(found["rule"].as_str().is_some_and(|r| !r.is_empty()), "{found}");
    }
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains(findings[0]["path"].as_str().expect("a path")), "{problem}");

    step("30% from a certain minute on: a payment a millisecond earlier earns 20%");
    let from = super::client::now_ms() + 60_000;
    let at = |ms: i64| manicule::base::time::UtcMillis(from + ms).to_rfc3339();
    put(&server, &with_first_year(&server, 3_000, json!({"version": 2, "effective_from": at(0)}))).expect(201);
    server.tell(&[
        signed_up("client", "2025-01-06T00:00:00Z", json!({"code": agency.code})),
        // The first year has to last until then.
        paid("client", "in-before", &at(-1), 50_000),
        paid("client", "in-after", &at(0), 50_000),
    ]);
    let lines: Vec<(Value, Value)> =
        server.entries(&agency).iter().map(|e| (e["program_version"].clone(), e["amount_cents"].clone())).collect();
    assert_eq!(lines, [(json!(1), json!(10_000)), (json!(2), json!(15_000))]);

    step("it is in the audit log, with the document");
    let entry = audited(&server, "program.save");
    assert_eq!((&entry["subject"], &entry["before"]), (&json!(PROGRAM), &json!({"version": 1})), "{entry}");
    assert_eq!(entry["after"]["rewards"][0]["amount"]["rate_bps"], json!(3_000), "{entry}");
    assert!(entry["actor"].as_str().is_some_and(|a| a.starts_with("token:")), "{entry}");
    server.audit();
}

#[test]
fn a_draft_can_be_dry_run_on_a_past_period() {
    let server = Server::start();
    let [one, two] = ["one", "two"].map(|name| server.enrol(PROGRAM, name));
    step("a March of two partners, one of them with a refund");
    for (partner, account, cents) in [(&one, "a", 50_000), (&one, "b", 30_001), (&two, "c", 80_000)] {
        server.tell(&[
            signed_up(account, "2025-01-06T00:00:00Z", json!({"code": partner.code})),
            paid(account, &format!("in-{account}"), "2025-03-10T00:00:00Z", cents),
            paid(account, &format!("apr-{account}"), "2025-04-01T00:00:00Z", cents),
        ]);
    }
    server.tell(&[super::facts::refunded("c", "in-c", "2025-03-20T00:00:00Z", 40_000)]);
    server.settle(PROGRAM, "monthly", "2025-05");
    let before = (server.transfers(), server.read("/v1/programs/agency-partner"), server.balance(&one));

    let ask = |body: &Value| server.post("/v1/programs/agency-partner/dry-run", body).operator().send();
    step("30% instead of 20%: partner by partner and rule by rule");
    let draft = with_first_year(&server, 3_000, json!({"version": 2, "effective_from": ahead(3_600_000)}));
    let told = ask(&json!({"document": draft, "period": "2025-03"})).expect(200).json();
    let row = |partner: &Partner, was: (i64, i64), would: (i64, i64)| {
        json!({
            "partner": partner.id, "reward_id": "first-year", "was_earned_cents": was.0, "actual_net_cents": was.1,
            "would_earn_cents": would.0, "simulated_net_cents": would.1, "difference_cents": would.1 - was.1,
        })
    };
    let mut wanted = [row(&one, (16_000, 16_000), (24_000, 24_000)), row(&two, (16_000, 8_000), (24_000, 12_000))];
    wanted.sort_by_key(|r| r["partner"].to_string());
    assert_eq!(told["rows"], json!(wanted), "{told}");
    assert_eq!((&told["actual_net_cents"], &told["simulated_net_cents"]), (&json!(24_000), &json!(36_000)), "{told}");
    assert_eq!(
        (&told["version"], &told["accounts"], &told["complete"]),
        (&json!(2), &json!(3), &json!(true)),
        "{told}"
    );

    step("the version in force changes nothing; nothing was written");
    let same = ask(&json!({"period": "2025-03"})).expect(200).json();
    assert!(same["rows"].as_array().is_some_and(|r| r.iter().all(|r| r["difference_cents"] == json!(0))), "{same}");
    assert_eq!((server.transfers(), server.read("/v1/programs/agency-partner"), server.balance(&one)), before);

    step("a draft that cannot be saved cannot be tried; neither can a missing period");
    let bad = with_first_year(&server, -1, json!({"version": 2}));
    let problem = ask(&json!({"document": bad, "period": "2025-03"})).problem(422, "program_refused");
    assert!(problem["findings"][0]["path"].as_str().is_some_and(|p| p.contains("rewards[0]")), "{problem}");
    assert_eq!(ask(&json!({"period": "soon"})).expect(422).json()["field"], "period");
    server.audit();
}

#[test]
fn a_run_can_be_previewed_before_it_starts() {
    let server = Server::start();
    let [one, two] = ["one", "two"].map(|name| server.enrol(PROGRAM, name));
    for (partner, account, cents) in [(&one, "a", 50_000), (&one, "b", 30_000), (&two, "c", 80_000)] {
        server.tell(&[
            signed_up(account, "2025-01-06T00:00:00Z", json!({"code": partner.code})),
            paid(account, &format!("in-{account}"), "2025-01-10T00:00:00Z", cents),
        ]);
    }
    let ask = |body: Value| server.post("/v1/runs", &body).operator().send();
    let run =
        |preview: bool| json!({"program": PROGRAM, "cadence": "monthly", "period": "2025-03", "preview": preview});
    step("the preview says what would vest, and does nothing");
    let before = server.transfers();
    let seen = ask(run(true)).expect(200).json();
    assert_eq!(
        (&seen["preview"], &seen["run"], &seen["complete"]),
        (&json!(true), &json!(null), &json!(true)),
        "{seen}"
    );
    let mut vests: Vec<(Value, Value)> = seen["vests"]
        .as_array()
        .expect("what vests")
        .iter()
        .map(|v| (v["partner"].clone(), v["cents"].clone()))
        .collect();
    vests.sort_by_key(|v| v.1.as_i64());
    let all = [(json!(one.id), json!(16_000)), (json!(two.id), json!(16_000))];
    assert_eq!(vests.len(), 2, "{seen}");
    assert!(all.iter().all(|v| vests.contains(v)), "{seen}");
    assert_eq!((server.transfers(), server.read("/v1/runs")["data"].clone()), (before, json!([])));
    assert_eq!(server.balance(&one), (16_000, 0));

    step("starting it does exactly that, and repeating it returns the same run");
    let mut done = ask(run(false)).expect(200).json();
    while server.is_tight && done["state"] != "done" {
        done = ask(run(false)).expect(200).json();
    }
    assert_eq!((&done["state"], &done["planned"], &done["executed"]), (&json!("done"), &json!(3), &json!(3)), "{done}");
    assert_eq!(done["totals"][0]["executed_cents"], json!(32_000), "{done}");
    assert_eq!((server.balance(&one), server.balance(&two)), ((0, 16_000), (0, 16_000)));
    assert_eq!(ask(run(false)).expect(200).json(), done);
    let entry = audited(&server, "run.start");
    assert_eq!((&entry["subject"], &entry["after"]["period"]), (&done["id"], &json!("2025-03")), "{entry}");
    let entries = server.read("/v1/audit")["data"].as_array().expect("entries").clone();
    assert_eq!(entries.iter().filter(|a| a["action"] == json!("run.start")).count(), 1, "the repeat started nothing");
    let after = ask(run(true)).expect(200).json();
    assert_eq!((&after["run"]["id"], &after["vests"]), (&done["id"], &json!([])), "{after}");

    step("a preview is refused where the run would be");
    for (body, field) in [
        (json!({"program": "none", "cadence": "monthly", "period": "2025-03", "preview": true}), "program"),
        (json!({"program": PROGRAM, "cadence": "weekly", "period": "2025-W10", "preview": true}), "cadence"),
        (json!({"program": "tiered-credits", "cadence": "monthly", "period": "2025-03", "preview": true}), "cadence"),
    ] {
        assert_eq!(ask(body.clone()).expect(422).json()["field"], field, "{body}");
    }

    weekly_preview(&server);
    server.audit();
}

fn weekly_preview(server: &Server) {
    step("the weekly preview counts the credits it would grant");
    let ann = server.enrol("user-referral", "ann");
    server.tell(&[
        signed_up("friend", "2025-01-06T00:00:00Z", json!({"code": ann.code})),
        paid("friend", "in-friend", "2025-01-07T00:00:00Z", 2_900),
    ]);
    let weekly = json!({"program": "user-referral", "cadence": "weekly", "period": "2025-W08", "preview": true});
    let seen = server.post("/v1/runs", &weekly).operator().send().expect(200).json();
    let grant = json!({"partner": ann.id, "unit": "credit:usd", "accruals": 1, "cents": 5_000});
    assert_eq!(seen["grants"], json!([grant]), "{seen}");
    assert_eq!(server.balance(&ann), (0, 0));
}

#[test]
fn an_account_is_reassigned_with_a_reason() {
    let server = Server::start();
    let [one, two] = ["one", "two"].map(|name| server.enrol(PROGRAM, name));
    let ann = server.enrol("user-referral", "ann");
    server.tell(&[
        signed_up("client", "2025-01-06T00:00:00Z", json!({"code": one.code})),
        paid("client", "in-1", "2025-01-10T00:00:00Z", 50_000),
    ]);
    server.settle(PROGRAM, "monthly", "2025-03");
    server.tell(&[paid("client", "in-2", "2025-04-10T00:00:00Z", 50_000)]);
    assert_eq!(server.balance(&one), (10_000, 10_000));
    let ask = |body: Value| server.post("/v1/accounts/client/reassign", &body).operator();

    step("it needs a reason, and a partner of that program");
    assert_eq!(ask(json!({"program": PROGRAM, "partner": two.id})).send().expect(422).json()["field"], "reason");
    let foreign = json!({"program": PROGRAM, "partner": ann.id, "reason": "x"});
    assert_eq!(ask(foreign).send().problem(422, "unknown_partner")["field"], "partner");
    let nowhere = json!({"program": "none", "partner": null, "reason": "x"});
    assert_eq!(ask(nowhere).send().problem(422, "unknown_program")["field"], "program");

    step("reassigned: its accruals are reversed in their balances and created for the other partner");
    let body = json!({"program": PROGRAM, "partner": two.id, "reason": "the contract names two"});
    let first = ask(body.clone()).header("idempotency-key", "move-1").send().expect(200).json();
    assert_eq!(ask(body).header("idempotency-key", "move-1").send().expect(200).json(), first);
    assert_eq!(server.balance(&one), (0, 0));
    let moved = server.balance(&two);
    assert_eq!(moved.0 + moved.1, 20_000, "{moved:?}");
    server.settle(PROGRAM, "monthly", "2025-05");
    assert_eq!(server.balance(&two), (0, 20_000));

    step("the attribution report and the audit log say so");
    let receipt = server.read("/v1/accounts/client/attribution");
    let program = receipt["programs"].as_array().expect("groups").iter().find(|p| p["program"] == json!(PROGRAM));
    let program = program.unwrap_or_else(|| panic!("not bound: {receipt}"));
    assert_eq!((&program["partner"], &program["method"]), (&json!(two.id), &json!("operator")), "{receipt}");
    assert_eq!(program["reason"], "moved by an operator: the contract names two");
    let entry = audited(&server, "account.reassign");
    assert_eq!((&entry["subject"], &entry["reason"]), (&json!("client"), &json!("the contract names two")), "{entry}");
    assert_eq!(entry["after"], json!({"program": PROGRAM, "partner": two.id}), "{entry}");
    assert_eq!(entry["before"], json!({"program": PROGRAM, "partner": one.id}), "{entry}");

    step("to another program of the group: the agency's commission is voided, and there is no second one");
    ask(json!({"program": "user-referral", "partner": ann.id, "reason": "a friend's advice"})).send().expect(200);
    assert_eq!((server.balance(&two), server.balance(&one)), ((0, 0), (0, 0)));
    // The reassignment is a fact of today, so earlier runs are not affected.
    server.settle("user-referral", "weekly", "2025-W20");
    assert_eq!(server.balance(&ann), (0, 0));
    server.weekly(monday_after(0));
    assert_eq!(server.balance(&ann), (0, 5_000));

    step("to no partner");
    ask(json!({"program": "user-referral", "partner": null, "reason": "a mistake"})).send().expect(200);
    assert_eq!(server.balance(&ann), (0, 0));
    server
        .post("/v1/accounts/nobody/reassign", &json!({"program": PROGRAM, "reason": "x"}))
        .operator()
        .send()
        .problem(404, "not_found");
    server.audit();
}
