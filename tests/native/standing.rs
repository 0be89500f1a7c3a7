//! Results that later events must not change: a person's decision, the end of a flat reward, the first purchase, an
//! invoice in another currency.

use crate::support::sqlite::Fault;
use crate::support::world::{World, at, now};
use manicule::codec::operator::ReassignRequest;
use manicule::program::document::Cadence;
use manicule::service::account::recompute;
use manicule::service::attribution::reassign;
use manicule::service::review;
use manicule::service::review::ReviewDecision;
use serde_json::{Value, json};

fn take(world: &World, id: &str, kind: &str, when: &str, account: &str, rest: Value) {
    let mut body = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
    for (key, value) in rest.as_object().expect("an object") {
        body[key] = value.clone();
    }
    // Events arrive immediately unless `told` gives a later time.
    let told = body["told"].as_str().map_or_else(|| at(when).plus_ms(1), at);
    body.as_object_mut().expect("an object").remove("told");
    world.take(told, &body, None).unwrap_or_else(|e| panic!("{body}: {e}"));
}

fn amount(cents: i64, currency: &str) -> Value {
    json!({"cents": cents, "currency": currency})
}

fn paid(world: &World, when: &str, account: &str, invoice: &str, cents: i64) {
    let rest = json!({"amount": amount(cents, "usd"), "data": {"invoice_id": invoice}});
    take(world, &format!("pay-{invoice}"), "invoice.paid", when, account, rest);
}

fn review_of(world: &World, account: &str, rule: &str) -> String {
    let rows = world.db.look(&format!("SELECT id FROM review WHERE account_id = '{account}' AND rule = '{rule}'"));
    rows.first().and_then(|r| r["id"].as_str()).unwrap_or_else(|| panic!("{account} has no {rule}")).to_owned()
}

fn move_to(world: &World, when: &str, program: &str, account: &str, partner: &str) {
    bind(world, when, program, account, Some(partner));
}

fn bind(world: &World, when: &str, program: &str, account: &str, partner: Option<&str>) {
    let asked =
        ReassignRequest { program: program.into(), partner: partner.map(Into::into), reason: "a mix-up".into() };
    let ctx = world.at(at(when));
    let id = account.into();
    let moved = reassign::reassign(&ctx, &id, &asked, format!("op-{account}-{when}").into(), "00".into());
    assert_eq!(now(moved).expect("it is moved").0, 200);
}

/// An agency with eleven clients in a month, `g00` to `g10`, each with an invoice of $100, and another agency.
fn crowd() -> (World, String, String) {
    let world = World::new(11);
    let t0 = at("2026-01-01T00:00:00Z");
    let (agency, code) = world.partner(t0, "agency-partner", "a", "hi@agency.example").unwrap();
    let (other, _) = world.partner(t0, "agency-partner", "b", "hi@other.example").unwrap();
    for n in 0..=10 {
        let (account, day) = (format!("g{n:02}"), format!("2026-01-{:02}T00:00:00Z", n + 2));
        take(&world, &format!("up-{n}"), "account.signed_up", &day, &account, json!({"attribution": {"code": code}}));
        paid(&world, "2026-01-20T00:00:00Z", &account, &format!("in-{n}"), 10_000);
    }
    (world, agency, other)
}

fn standing(world: &World, account: &str) -> (i64, String) {
    let sql =
        format!("SELECT net_cents, state FROM accrual WHERE account_id = '{account}' AND reward_id = 'first-year'");
    let rows = world.db.look(&sql);
    assert_eq!(rows.len(), 1, "{rows:?}");
    (rows[0]["net_cents"].as_i64().unwrap(), rows[0]["state"].as_str().unwrap().to_owned())
}

#[test]
fn a_rejection_remains_when_other_accounts_are_reassigned() {
    let (world, agency, other) = crowd();
    assert_eq!(standing(&world, "g10"), (2_000, "held".into()));
    world
        .decide(at("2026-01-21T00:00:00Z"), &review_of(&world, "g10", "signups_in_month"), ReviewDecision::Reject)
        .unwrap();
    assert_eq!(standing(&world, "g10"), (0, "void".into()));
    move_to(&world, "2026-01-22T00:00:00Z", "agency-partner", "g00", &other);
    assert_eq!(standing(&world, "g10"), (0, "void".into()), "no longer the eleventh, and rejected all the same");
    assert_eq!(world.db.number("SELECT held FROM binding WHERE account_id = 'g10' AND partner_id IS NOT NULL"), 1);
    world.run(Cadence::Monthly, at("2026-04-01T06:00:00Z")).unwrap();
    // Nine clients with 20% and the bonus of 5%.
    assert_eq!(world.balance(&agency, "available"), 9 * 2_500);
    assert!(world.faults().is_empty(), "{:?}", world.faults());
}

#[test]
fn an_undecided_velocity_hold_follows_the_facts() {
    let (world, agency, other) = crowd();
    move_to(&world, "2026-01-22T00:00:00Z", "agency-partner", "g00", &other);
    assert_eq!(standing(&world, "g10"), (2_000, "pending".into()));
    world.run(Cadence::Monthly, at("2026-04-01T06:00:00Z")).unwrap();
    assert_eq!(world.balance(&agency, "available"), 10 * 2_500);
}

/// A developer's account with a team. Returns the rewards for states after these runs.
fn tiers(events: &[(&str, &str, i64)], runs: &[&str]) -> (i64, Vec<String>) {
    let world = World::new(12);
    let (partner, code) =
        world.partner(at("2022-12-01T00:00:00Z"), "developer-affiliate", "d", "d@dev.example").unwrap();
    let mut all: Vec<(String, Option<(&str, i64)>)> = events.iter().map(|e| (e.0.into(), Some((e.1, e.2)))).collect();
    all.extend(runs.iter().map(|when| ((*when).to_owned(), None)));
    all.sort_by_key(|(when, what)| (when.clone(), what.is_some()));
    for (number, (when, what)) in all.iter().enumerate() {
        let id = format!("e{number}");
        match what {
            None => drop(world.run(Cadence::Monthly, at(when)).unwrap()),
            Some(("account.signed_up", size)) => {
                let mut body = json!({"id": id, "type": "account.signed_up", "occurred_at": when});
                body["account"] = json!({"id": "acct", "team_size": size});
                body["attribution"] = json!({"code": code});
                world.take(at(when).plus_ms(1), &body, None).unwrap();
            }
            Some(("invoice.paid", cents)) => paid(&world, when, "acct", &id, *cents),
            Some((kind, _)) => take(&world, &id, kind, when, "acct", json!({})),
        }
    }
    assert!(world.faults().is_empty(), "{:?}", world.faults());
    let rows =
        world.db.look("SELECT reward_id || ' ' || state AS what FROM accrual WHERE source LIKE 'state:%' ORDER BY 1");
    let accruals = rows.iter().map(|r| r["what"].as_str().unwrap().to_owned()).collect();
    (world.balance(&partner, "pending") + world.balance(&partner, "available"), accruals)
}

#[test]
fn no_tiers_for_an_account_that_left_before_the_granting_run() {
    let a = [
        ("2024-01-01T00:00:00Z", "account.signed_up", 6),
        ("2024-03-01T06:00:00Z", "invoice.paid", 60_000),
        ("2024-04-01T03:00:00Z", "account.cancelled", 0),
    ];
    let (cents, accruals) = tiers(&a, &["2024-03-01T06:00:00Z", "2024-04-01T06:00:00Z", "2024-05-01T06:00:00Z"]);
    // Tier 3 remains, at 15% of an invoice of $600.
    assert_eq!((cents, accruals), (9_000, vec![]), "cancelled three hours before the run");
    let b = [
        ("2023-01-01T00:00:00Z", "account.signed_up", 6),
        ("2023-03-02T00:00:00Z", "invoice.paid", 40_000),
        ("2023-04-20T00:00:00Z", "account.cancelled", 0),
    ];
    let late = ["2023-05-01T06:00:00Z", "2023-06-01T06:00:00Z"];
    assert_eq!(tiers(&b, &late), (0, vec![]), "no run before had granted them");
    let all = ["2023-04-01T06:00:00Z", "2023-05-01T06:00:00Z", "2023-06-01T06:00:00Z"];
    // Their hold was over at the run that granted them, so they vested in it.
    assert_eq!(tiers(&b, &all), (30_000, vec!["tier-1 available".into(), "tier-2 available".into()]), "one had");
}

#[test]
fn a_cancellation_during_an_interrupted_run_voids_its_plan() {
    let scheduled = at("2024-04-01T06:00:00Z");
    let mut met = false;
    for call in 1..60 {
        let world = World::new(15);
        let (partner, code) =
            world.partner(at("2023-12-01T00:00:00Z"), "developer-affiliate", "d", "d@dev.example").unwrap();
        let attribution = json!({"attribution": {"code": code}});
        take(&world, "up", "account.signed_up", "2024-01-01T00:00:00Z", "acct", attribution);
        paid(&world, "2024-03-01T06:00:00Z", "acct", "in", 40_000);
        world.db.fault.set(Some((world.db.calls.get() + call, Fault::Before)));
        let _ = world.run(Cadence::Monthly, scheduled);
        world.db.fault.set(None);
        let open = "SELECT COUNT(*) FROM run WHERE state = 'executing' AND items = 1 AND executed = 0";
        if world.db.number(open) == 0 {
            continue;
        }
        met = true;
        let told = json!({"told": "2024-04-01T06:05:00Z"});
        take(&world, "bye", "account.cancelled", "2024-04-01T03:00:00Z", "acct", told);
        for minutes in [10, 20, 30] {
            world.sweep(scheduled.plus_ms(minutes * 60_000)).unwrap();
        }
        assert_eq!(world.db.number("SELECT COUNT(*) FROM run WHERE state <> 'done'"), 0);
        now(recompute::process_marked(&world.at(at("2024-04-01T07:00:00Z")), 4)).unwrap();
        assert_eq!(world.balance(&partner, "pending") + world.balance(&partner, "available"), 0);
        assert!(world.faults().is_empty(), "{:?}", world.faults());
    }
    assert!(met, "some call comes between plan and execution");
}

#[test]
fn tiers_are_granted_to_an_account_that_left_before_reaching_them() {
    // The account had a free trial, left, and came back to pay: it reached the state when it paid, and has not left
    // since.
    let back = [
        ("2023-01-01T00:00:00Z", "account.signed_up", 6),
        ("2023-04-11T00:00:00Z", "account.cancelled", 0),
        ("2023-05-02T00:00:00Z", "invoice.paid", 40_000),
    ];
    let runs = ["2023-06-01T06:00:00Z", "2023-07-01T06:00:00Z"];
    assert_eq!(tiers(&back, &runs), (30_000, vec!["tier-1 available".into(), "tier-2 available".into()]));
}

#[test]
fn the_first_purchase_received_counts_even_if_it_earns_nothing() {
    let first = [(9, "usd"), (10_000, "eur")];
    for ((cents, currency), later) in first.into_iter().zip(["2026-02-01T00:00:00Z", "2026-02-20T00:00:00Z"]) {
        let world = World::new(13);
        let t0 = at("2026-01-01T00:00:00Z");
        let (partner, code) = world.partner(t0, "tiered-credits", "m", "m@salon.example").unwrap();
        world.fund(t0, "tiered-credits", 1_000_000).unwrap();
        let attribution = json!({"attribution": {"code": code}});
        take(&world, "up", "account.signed_up", "2026-01-10T00:00:00Z", "acct", attribution);
        let buys = |id: &str, when: &str, amount: Value| {
            let rest = json!({"amount": amount, "data": {"purchase_id": id}, "told": "2026-03-01T00:00:00Z"});
            take(&world, id, "purchase.completed", when, "acct", rest);
        };
        buys("p1", "2026-02-10T00:00:00Z", amount(cents, currency));
        buys("p2", later, amount(100_000, "usd"));
        buys("p3", "2026-01-20T00:00:00Z", amount(100_000, "usd"));
        assert_eq!(world.balance(&partner, "available"), 500, "tier 1 alone, after {cents} {currency}");
        let sql = "SELECT net_cents, state, reason FROM accrual WHERE reward_id = 'tier-5'";
        let rows = world.db.look(sql);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0]["net_cents"].as_i64(), rows[0]["state"].as_str()), (Some(0), Some("void")));
        assert!(rows[0]["reason"].as_str().unwrap().contains("earns nothing"), "{rows:?}");
        assert!(world.faults().is_empty(), "{:?}", world.faults());
    }
}

#[test]
fn a_currency_decision_says_what_it_does_not_change() {
    let world = World::new(14);
    let (partner, code) = world.partner(at("2026-01-01T00:00:00Z"), "agency-partner", "a", "hi@a.example").unwrap();
    let attribution = json!({"attribution": {"code": code}});
    take(&world, "up", "account.signed_up", "2026-01-10T00:00:00Z", "acct", attribution);
    let euros = json!({"amount": amount(10_000, "eur"), "data": {"invoice_id": "in"}});
    take(&world, "pay", "invoice.paid", "2026-01-11T00:00:00Z", "acct", euros);
    let id = review_of(&world, "acct", "currency");
    let ctx = world.at(at("2026-01-12T00:00:00Z"));
    let (status, view) = now(review::decide(&ctx, &id.into(), ReviewDecision::Release, "looked into")).unwrap();
    assert_eq!((status, view["state"].as_str()), (200, Some("released")));
    let note = view["note"].as_str().expect("a note");
    assert!(note.contains("amounts are not converted") && note.contains("Add an adjustment"), "{note}");
    let evidence = view["evidence"].as_str().unwrap();
    assert!(evidence.contains("earns nothing. Add an adjustment"), "{evidence}");
    assert_eq!(world.balance(&partner, "pending") + world.balance(&partner, "available"), 0);
}

#[test]
fn a_credit_moves_with_its_account_when_the_budget_is_empty() {
    let world = World::new(16);
    let t0 = at("2026-01-01T00:00:00Z");
    let enrol = |n: i32| world.partner(t0, "tiered-credits", &format!("m{n}"), &format!("m{n}@salon.example")).unwrap();
    let partners: Vec<(String, String)> = (0..6).map(enrol).collect();
    world.fund(t0, "tiered-credits", 500).unwrap();
    let attribution = json!({"attribution": {"code": partners[0].1}});
    take(&world, "up", "account.signed_up", "2026-01-10T00:00:00Z", "acct", attribution);
    // What is clawed back from one partner pays the next, however the ids of their accruals sort.
    for (day, (partner, _)) in (11..).zip(partners.iter().chain(partners.iter().rev()).skip(1)) {
        move_to(&world, &format!("2026-01-{day}T00:00:00Z"), "tiered-credits", "acct", partner);
        assert_eq!(world.balance(partner, "available"), 500);
    }
    assert!(world.faults().is_empty(), "{:?}", world.faults());
}

#[test]
fn a_waiting_reward_is_announced_when_it_is_granted() {
    let world = World::new(14);
    let t0 = at("2026-01-01T00:00:00Z");
    let (one, code) = world.partner(t0, "tiered-credits", "a", "a@a.example").unwrap();
    let (other, _) = world.partner(t0, "tiered-credits", "b", "b@b.example").unwrap();
    let announced = || -> Vec<String> {
        let rows = world.db.look("SELECT partner_id FROM outbox WHERE account_id = 'acme' AND kind GLOB 'reward.granted.*' ORDER BY created_at_ms");
        rows.iter().map(|r| r["partner_id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let coded = json!({"attribution": {"code": code}});
    take(&world, "up", "account.signed_up", "2026-01-02T00:00:00Z", "acme", coded);
    assert_eq!((world.balance(&one, "available"), announced()), (0, Vec::new()), "the budget is empty");
    bind(&world, "2026-01-03T00:00:00Z", "tiered-credits", "acme", None);
    world.fund(at("2026-01-04T00:00:00Z"), "tiered-credits", 10_000).unwrap();
    assert_eq!(announced(), Vec::<String>::new(), "no partner is owed it");
    move_to(&world, "2026-01-05T00:00:00Z", "tiered-credits", "acme", &one);
    assert_eq!((world.balance(&one, "available"), announced()), (500, vec![one.clone()]));
    move_to(&world, "2026-01-06T00:00:00Z", "tiered-credits", "acme", &other);
    assert_eq!((world.balance(&other, "available"), announced()), (500, vec![one]), "it only moved");
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn a_waiting_reward_that_is_held_is_announced_when_its_hold_ends() {
    let world = World::new(15);
    let t0 = at("2026-01-01T00:00:00Z");
    let (partner, code) = world.partner(t0, "tiered-credits", "a", "a@a.example").unwrap();
    let announced =
        || world.db.number("SELECT COUNT(*) FROM outbox WHERE account_id = 'acme' AND kind GLOB 'reward.granted.*'");
    let coded = json!({"account": {"id": "acme", "email": "A+me@a.example"}, "attribution": {"code": code}});
    take(&world, "up", "account.signed_up", "2026-01-02T00:00:00Z", "acme", coded);
    world.fund(at("2026-01-04T00:00:00Z"), "tiered-credits", 10_000).unwrap();
    let balances = || (world.balance(&partner, "pending"), world.balance(&partner, "available"));
    assert_eq!((balances(), announced()), ((500, 0), 0), "the budget pays it, and it is held");
    let review = review_of(&world, "acme", "same_email");
    world.decide(at("2026-01-05T00:00:00Z"), &review, ReviewDecision::Release).unwrap();
    assert_eq!((balances(), announced()), ((0, 500), 1));
}
