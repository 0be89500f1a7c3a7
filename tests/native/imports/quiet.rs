//! Nothing is announced to anybody of what arrives more than 30 days after it happened, by whichever way it comes.

use crate::support::world::{World, at};
use manicule::base::time::UtcMillis;
use manicule::engine::message::NEWS_DAYS;
use manicule::program::document::Cadence;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TODAY: &str = "2026-06-20T00:00:00Z";
/// Types that need nothing but their name.
const KINDS: [&str; 8] = [
    "email.confirmed",
    "newsletter.confirmed",
    "rfq.submitted",
    "demo.requested",
    "activation.reached",
    "page.viewed",
    "lead_magnet.downloaded",
    "newsletter.joined",
];
const PROGRAMS: [&str; 4] = ["agency-partner", "developer-affiliate", "user-referral", "tiered-credits"];

/// A world in which everybody wants to know everything, with a partner of each program that settles.
fn world() -> (World, Vec<String>) {
    let world = World::new(7);
    let begin = at("2020-01-01T00:00:00Z");
    let codes = PROGRAMS
        .iter()
        .map(|program| {
            world
                .partner(begin, program, &format!("of-{program}"), &format!("p@{program}.example"))
                .expect("a partner")
                .1
        })
        .collect();
    world.fund(begin, "tiered-credits", 1_000_000).expect("a budget");
    let endpoint = "INSERT INTO webhook_endpoint (id, url, secret, types, created_at_ms) VALUES ('whe_1', 'https://a.example', 'whsec_1', '[]', 0)";
    world.db.connection.borrow().execute(endpoint, []).expect("an endpoint");
    (world, codes)
}

/// Events of every type about accounts of every program, the last of them `days` before today.
fn events(codes: &[String], days: i64) -> Vec<Value> {
    let mut all = Vec::new();
    for (number, code) in codes.iter().enumerate() {
        let account = format!("acct{number}");
        let begin = at(TODAY).plus_days(-days - 20);
        let mut add = |kind: &str, after: i64, rest: Value| {
            let id = format!("{account}-{}", all.len());
            let mut body = json!({"id": id, "type": kind, "occurred_at": begin.plus_days(after).to_rfc3339(), "account": {"id": account}});
            for (key, value) in rest.as_object().into_iter().flatten() {
                body[key] = value.clone();
            }
            all.push(body);
        };
        let amount = json!({"cents": 60_000, "currency": "usd"});
        let invoice = |n: i64| json!({"invoice_id": format!("in-{account}-{n}")});
        let of = |id: &str, n: i64| json!({id: format!("{id}-{account}"), "invoice_id": format!("in-{account}-{n}")});
        add(
            "account.signed_up",
            0,
            json!({"account": {"id": account, "email": format!("x@{account}.example")}, "attribution": {"code": code}}),
        );
        add("account.active", 1, json!({"data": {"api_calls": 100_000, "team_size": 50}}));
        for kind in KINDS {
            add(kind, 2, json!({}));
        }
        for listing in 0..4 {
            add("listing.viewed", 3, json!({"data": {"listing_id": format!("l{listing}")}}));
        }
        add("purchase.completed", 4, json!({"amount": amount, "data": {"purchase_id": format!("pu-{account}")}}));
        add(
            "subscription.started",
            5,
            json!({"data": {"subscription_id": format!("s-{account}"), "annual_value_cents": 900_000}}),
        );
        for n in 0..4 {
            add("invoice.paid", 6, json!({"amount": amount, "data": invoice(n)}));
        }
        add("invoice.paid", 6, json!({"amount": {"cents": 60_000, "currency": "eur"}, "data": invoice(9)}));
        add("invoice.refunded", 8, json!({"amount": amount, "data": of("refund_id", 1)}));
        add("dispute.opened", 9, json!({"amount": amount, "data": of("dispute_id", 2)}));
        add("dispute.lost", 10, json!({"amount": amount, "data": of("dispute_id", 2)}));
        add(
            "subscription.updated",
            11,
            json!({"data": {"subscription_id": format!("s-{account}"), "annual_value_cents": 1_900_000}}),
        );
        // The partner's own account by its mailbox, and one that leaves.
        let own = format!("own{number}");
        add(
            "account.signed_up",
            12,
            json!({"account": {"id": own, "email": format!("p+x@{}.example", PROGRAMS[number])}, "attribution": {"code": code}}),
        );
        add(
            "invoice.paid",
            13,
            json!({"account": {"id": own}, "amount": amount, "data": {"invoice_id": format!("in-{own}")}}),
        );
        add("account.cancelled", 20, json!({"account": {"id": own}}));
    }
    all
}

fn announced(world: &World) -> BTreeSet<String> {
    let rows = world.db.look("SELECT DISTINCT kind FROM outbox WHERE kind NOT IN ('partner.joined', 'budget.low')");
    rows.iter().map(|row| row["kind"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What is announced of all events, taken in one by one or imported.
fn told(days: i64, imported: bool) -> (World, BTreeSet<String>) {
    let (world, codes) = world();
    let events = events(&codes, days);
    if imported {
        let events: Vec<_> = events.into_iter().map(|body| (body, None)).collect();
        assert!(world.import(at(TODAY), &events).iter().all(Result::is_ok));
    } else {
        for body in &events {
            world.take(at(TODAY), body, None).unwrap_or_else(|e| panic!("{body}: {e}"));
        }
    }
    world.catch_up(at(TODAY));
    let told = announced(&world);
    (world, told)
}

#[test]
fn nothing_is_announced_of_old_events() {
    for imported in [false, true] {
        let (world, old) = told(NEWS_DAYS, imported);
        assert_eq!(old, BTreeSet::new(), "imported: {imported}");
        assert!(world.db.number("SELECT COUNT(*) FROM review WHERE state = 'open'") > 3, "they are on the page");
        assert!(world.db.number("SELECT COUNT(*) FROM accrual WHERE net_cents > 0") > 8);
        let (_, news) = told(0, imported);
        let wanted = ["accrual.created", "referral.joined", "review.opened", "reward.granted.referrer"];
        assert!(wanted.iter().all(|kind| news.contains(*kind)), "imported: {imported}, {news:?}");
    }
    assert!(told(0, false).1.contains("accrual.voided"), "one by one");
}

#[test]
fn thirty_days_are_too_late_and_a_moment_less_is_not() {
    let (world, codes) = world();
    let edge = at(TODAY).plus_days(-NEWS_DAYS);
    let up = |account: &str, when: UtcMillis| {
        let body = json!({"id": account, "type": "account.signed_up", "occurred_at": when.to_rfc3339(),
            "account": {"id": account, "email": "p@agency-partner.example"}, "attribution": {"code": codes[0]}});
        (body, None)
    };
    world.import(at(TODAY), &[up("late", edge), up("fresh", edge.plus_ms(1))]);
    let told = world.db.look("SELECT DISTINCT account_id, kind FROM outbox WHERE kind <> 'partner.joined' ORDER BY 2");
    let told: Vec<_> = told.iter().map(|row| (row["account_id"].clone(), row["kind"].clone())).collect();
    assert_eq!(told, ["referral.joined", "review.opened"].map(|kind| (json!("fresh"), json!(kind))));
    assert_eq!(world.db.number("SELECT COUNT(DISTINCT account_id) FROM review WHERE state = 'open'"), 2);
}

#[test]
fn what_follows_for_others_is_quiet_and_what_is_new_is_not() {
    let (world, codes) = world();
    let (then, today) = (at(TODAY).plus_days(-200), at(TODAY));
    let up = |account: &str, when: UtcMillis, code: Option<&String>| {
        json!({"id": format!("{account}-up"), "type": "account.signed_up", "occurred_at": when.to_rfc3339(),
            "account": {"id": account, "email": format!("{account}@acme.example")}, "attribution": {"code": code}})
    };
    let paid = |account: &str, when: UtcMillis| {
        json!({"id": format!("{account}-paid-{}", when.0), "type": "invoice.paid", "occurred_at": when.to_rfc3339(), "account": {"id": account},
            "amount": {"cents": 90_000, "currency": "usd"}, "data": {"invoice_id": format!("{account}-{}", when.0)}})
    };
    // An account that nobody brought, known since then.
    for body in [up("later", then.plus_days(1), None), paid("later", then.plus_days(2))] {
        world.take(then.plus_days(3), &body, None).expect("taken in");
    }
    // Today the domain's first account is imported: the later one follows it.
    world.import(today, &[(up("first", then, codes.get(1)), None)]);
    world.catch_up(today);
    assert_eq!(world.db.number("SELECT COUNT(*) FROM binding WHERE partner_id IS NOT NULL"), 2);
    assert_eq!(announced(&world), BTreeSet::new());
    // A payment of today is news, and so is what becomes of an old accrual from now on.
    world.take(today, &paid("first", today), None).expect("taken in");
    assert_eq!(announced(&world), BTreeSet::from(["accrual.created".to_owned()]));
}

#[test]
fn a_run_announces_no_reward_for_what_was_imported() {
    for (days, rewards) in [(NEWS_DAYS + 40, 0), (15, 2)] {
        let (world, codes) = world();
        let when = at(TODAY).plus_days(-days);
        let body = |id: &str, kind: &str, rest: Value| {
            let mut body =
                json!({"id": id, "type": kind, "occurred_at": when.to_rfc3339(), "account": {"id": "friend"}});
            rest.as_object().into_iter().flatten().for_each(|(key, value)| body[key] = value.clone());
            (body, None)
        };
        let paid = json!({"amount": {"cents": 2_900, "currency": "usd"}, "data": {"invoice_id": "in-1"}});
        world.import(
            at(TODAY),
            &[
                body("up", "account.signed_up", json!({"attribution": {"code": codes[2]}})),
                body("active", "account.active", json!({"data": {"api_calls": 5_000, "team_size": 9}})),
                body("paid", "invoice.paid", paid),
            ],
        );
        world.run(Cadence::Weekly, at("2026-06-22T09:00:00Z")).expect("a run");
        world.run(Cadence::Weekly, at("2026-07-27T09:00:00Z")).expect("a run");
        assert_eq!(
            world.db.number("SELECT COUNT(*) FROM accrual WHERE source GLOB 'state:*' AND net_cents > 0"),
            1,
            "{days} days"
        );
        assert_eq!(world.db.number("SELECT COUNT(*) FROM outbox WHERE kind GLOB 'reward.*'"), rewards, "{days} days");
    }
}
