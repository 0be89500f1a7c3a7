//! Accounts with a long past: what the next event costs does not grow with it, and what was closed of it is opened again
//! when something older, or about it, comes to be known.

use crate::simulation::rng::Rng;
use crate::support::sqlite::STEPS;
use crate::support::world::{World, at};
use manicule::base::time::UtcMillis;
use serde_json::{Map, Value, json};

const DAY: i64 = 86_400_000;

fn world(seed: u64) -> (World, String) {
    let world = World::new(seed);
    let (_, code) =
        world.partner(at("2020-01-01T00:00:00Z"), "agency-partner", "ada", "ada@partners.example").expect("a partner");
    (world, code)
}

fn event(kind: &str, id: &str, when: UtcMillis, rest: Value) -> Value {
    let mut body = json!({"type": kind, "id": id, "occurred_at": when.to_rfc3339(), "account": {"id": "acme"}});
    for (key, value) in rest.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn invoice(number: i64) -> Value {
    json!({"amount": {"cents": 10_000 + number, "currency": "usd"}, "data": {"invoice_id": format!("in_{number}")}})
}

/// The statements and steps of SQLite that taking an event in costs.
fn cost(world: &World, when: UtcMillis, body: &Value) -> (u64, i64) {
    let before = (world.db.statements.get(), STEPS.get());
    world.take(when, body, None).unwrap_or_else(|e| panic!("{body}: {e}"));
    (world.db.statements.get() - before.0, STEPS.get() - before.1)
}

/// An account that signed up through the code.
fn sign_up(world: &World, code: &str) -> UtcMillis {
    let when = at("2020-02-01T00:00:00Z");
    let body = event("account.signed_up", "up", when, json!({"attribution": {"code": code}}));
    world.take(when, &body, None).expect("a sign-up");
    when
}

#[test]
fn usage_costs_the_same_whatever_came_before() {
    let (world, code) = world(1);
    let begin = sign_up(&world, &code);
    let mut costs: Vec<(u64, i64)> = Vec::new();
    for n in 0..1_200 {
        let when = begin.plus_ms((n + 1) * 3_600_000);
        let (kind, data) = match n % 3 {
            0 => ("account.active", json!({"data": {"api_calls": n * 10, "team_size": n / 100}})),
            1 => ("listing.viewed", json!({"data": {"listing_id": format!("l{}", n % 7)}})),
            _ => ("email.confirmed", json!({})),
        };
        costs.push(cost(&world, when, &event(kind, &format!("u{n}"), when, data)));
    }
    let sum = |range: std::ops::Range<usize>| costs[range].iter().map(|(_, steps)| steps).sum::<i64>();
    let (early, late) = (sum(60..120), sum(1_140..1_200));
    assert!(late * 2 <= early * 3, "{early} steps, and {late} after a thousand");
    assert!(world.db.number("SELECT COUNT(*) FROM event WHERE state = 'moot'") > 1_000);
    let paid = begin.plus_days(60);
    let (statements, steps) = cost(&world, paid, &event("invoice.paid", "p1", paid, invoice(1)));
    assert!(statements <= 15 && steps < 40_000, "an invoice after all that: {statements} statements, {steps} steps");
}

#[test]
fn a_payment_costs_little_more_after_hundreds() {
    let (world, code) = world(2);
    let begin = sign_up(&world, &code);
    let mut costs: Vec<(u64, i64)> = Vec::new();
    for n in 0..400 {
        let when = begin.plus_days((n + 1) * 6);
        costs.push(cost(&world, when, &event("invoice.paid", &format!("p{n}"), when, invoice(n))));
    }
    let sum = |range: std::ops::Range<usize>| costs[range].iter().map(|(_, steps)| steps).sum::<i64>();
    let (early, late) = (sum(8..12), sum(392..400) / 2);
    assert!(late <= early * 3, "{early} steps after ten payments, and {late} after four hundred");
    let most = costs.iter().skip(12).map(|(statements, _)| *statements).max().unwrap_or(0);
    assert!(most <= 15, "{most} statements");
    assert!(world.db.number("SELECT COUNT(*) FROM event WHERE state = 'closed'") > 300);
    same_in_full(&world, "400 payments");
}

#[test]
fn a_payment_costs_as_little_after_hundreds_that_were_imported() {
    let (world, code) = world(3);
    let begin = sign_up(&world, &code);
    let body = |n: i64| event("invoice.paid", &format!("p{n}"), begin.plus_days((n + 1) * 4), invoice(n));
    let single = |n: i64| cost(&world, begin.plus_days((n + 1) * 4), &body(n));
    (0..8).for_each(|n| _ = single(n));
    let early: i64 = (8..12).map(|n| single(n).1).sum();
    let today = begin.plus_days(600 * 4);
    for call in [12..260, 260..508] {
        let events: Vec<_> = call.map(|n| (body(n), None)).collect();
        assert!(world.import(today, &events).iter().all(Result::is_ok));
    }
    assert!(world.db.number("SELECT COUNT(*) FROM event WHERE state = 'closed'") > 450);
    let late: i64 = (508..512).map(|n| single(n).1).sum();
    assert!(late <= early * 3, "{early} steps after eight payments, and {late} after an import of five hundred");
    same_in_full(&world, "an import of 500 payments");
}

/// What is stored of accruals and the binding, as far as it follows from the facts.
fn stored(world: &World) -> Vec<Map<String, Value>> {
    let mut rows = world.db.look(
        "SELECT id, program_version, event_id, at_ms, gross_cents, cap_reduction_cents, net_cents, balance, state, vests_at_ms, reason
         FROM accrual ORDER BY id",
    );
    rows.extend(world.db.look("SELECT account_id, group_id, partner_id, from_ms, event_id, held, states, qualified_at_ms FROM binding ORDER BY 1, 2"));
    rows
}

/// Full decisions, from all facts, change nothing.
fn same_in_full(world: &World, said: &str) {
    let before = stored(world);
    let mark = "UPDATE account SET needs_recompute_since_ms = 1, usage_questions = NULL";
    world.db.connection.borrow().execute(mark, []).expect("accounts are marked");
    world.catch_up(at("2027-01-01T00:00:00Z"));
    assert_eq!(stored(world), before, "{said}");
    assert_eq!(world.faults(), Vec::<String>::new(), "{said}");
}

/// The events of a long life, in the order of their instants.
fn life(rng: &mut Rng, begin: UtcMillis) -> Vec<(UtcMillis, Value)> {
    let mut told = Vec::new();
    let mut add =
        |kind: &str, id: String, when: UtcMillis, rest: Value| told.push((when, event(kind, &id, when, rest)));
    let subscription = json!({"data": {"subscription_id": "sub_1", "monthly_cents": 50_000}});
    add("subscription.started", "s0".to_owned(), begin.plus_days(1), subscription.clone());
    for n in 0..rng.within(60, 110) {
        let when = begin.plus_days((n + 1) * 7).plus_ms(rng.within(0, 5) * 3_600_000);
        let currency = if rng.percent(3) { "eur" } else { "usd" };
        let mut paid = invoice(n);
        paid["amount"]["currency"] = json!(currency);
        if rng.percent(60) {
            paid["data"]["subscription_id"] = json!("sub_1");
        }
        add("invoice.paid", format!("p{n}"), when, paid);
        add("subscription.updated", format!("s{}", n + 1), when, subscription.clone());
        let later = when.plus_days(rng.within(1, 300));
        let part = rng.pick(&[100, 5_000, 10_000 + n]);
        let back = json!({"amount": {"cents": part, "currency": currency}, "data": {"invoice_id": format!("in_{n}"), "refund_id": format!("r{n}")}});
        match rng.within(0, 30) {
            0..=1 => add("invoice.refunded", format!("r{n}"), later, back),
            2 => {
                let data = json!({"amount": back["amount"], "data": {"invoice_id": format!("in_{n}"), "dispute_id": format!("d{n}")}});
                add("dispute.opened", format!("d{n}"), later, data.clone());
                add("dispute.lost", format!("l{n}"), later.plus_days(20), data);
            }
            3 => add("account.cancelled", format!("c{n}"), when.plus_days(1), json!({})),
            _ => {}
        }
    }
    told.sort_by_key(|(when, _)| *when);
    told
}

/// Tells a life with delays of up to most of a year, and compares with full decisions on the way.
fn play(seed: u64) -> i64 {
    let mut rng = Rng::new(seed);
    let (world, code) = world(seed);
    let begin = sign_up(&world, &code);
    let told = life(&mut rng, begin);
    let mut arriving: Vec<(UtcMillis, Value)> = told
        .into_iter()
        .map(|(when, body)| {
            let late = if rng.percent(4) { rng.within(1, 250) * DAY } else { rng.within(0, 3) * 60_000 };
            (when.plus_ms(late), body)
        })
        .collect();
    arriving.sort_by_key(|(when, _)| *when);
    let mut closed = 0;
    for (place, (when, body)) in arriving.iter().enumerate() {
        world.take(*when, body, None).unwrap_or_else(|e| panic!("seed {seed}: {body}: {e}"));
        closed = closed.max(world.db.number("SELECT COUNT(*) FROM event WHERE state = 'closed'"));
        if place % 37 == 36 {
            same_in_full(&world, &format!("seed {seed}, after {body}"));
        }
    }
    same_in_full(&world, &format!("seed {seed}"));
    closed
}

/// Runs `LIFE_SEEDS` seeds (12), or the one in `LIFE_SEED`.
#[test]
fn what_was_closed_is_opened_when_it_has_to_be() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let seeds = match number("LIFE_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("LIFE_SEEDS").unwrap_or(12),
    };
    let closed: Vec<i64> = seeds.map(play).collect();
    assert!(closed.iter().filter(|count| **count > 10).count() * 2 > closed.len(), "closed: {closed:?}");
}
