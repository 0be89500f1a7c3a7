//! One definition of the version in force: before its first version begins, a program has no link, no binding and no
//! accrual.

use super::{PROGRAM, START, Tried, document, instant, save};
use crate::support::world::{World, at};
use manicule::base::time::{UtcMillis, Week};
use manicule::program::catalog::Catalog;
use manicule::store::link::link_resolve;
use manicule::store::{funnel, program, report};
use serde_json::{Value, json};

const BEGINS: &str = "2026-03-01T00:00:00Z";

fn later(mut document: Value) -> Value {
    document["effective_from"] = json!(BEGINS);
    document
}

fn read<T>(world: &World, when: &str, query: manicule::store::query::Parsed<T>) -> T {
    crate::support::world::now(world.at(at(when)).read(query)).expect("rows")
}

fn stage(document: &mut Value) {
    document["funnel"] = json!({"sample_min": 1, "promises": [], "stages": [
        {"id": "click", "title": "Click", "events": ["click"]}, {"id": "landing", "title": "Landing", "events": ["page.viewed"]}
    ]});
}

fn view(world: &World, code: &str, when: &str) {
    let reached = funnel::FunnelEvent {
        id: format!("view {when}"),
        senders: vec![funnel::FunnelSender { code: code.into(), campaign: String::new(), at: at(when), touch: false }],
        event: "page.viewed".to_owned(),
        visitor: Some("v".to_owned()),
        path: None,
        at: at(when),
    };
    crate::support::world::now(world.at(at(when)).batch(vec![funnel::reached_insert(&[reached])])).expect("written");
}

#[test]
fn a_program_is_not_in_force_before_its_first_version_begins() {
    for draft in [document(stage), instant(stage)] {
        let tried = Tried::new(&later(draft));
        let (before, begun) = ("2026-02-28T23:59:59.999Z", BEGINS);
        let catalog: Catalog = read(&tried.world, before, program::programs());
        assert!(catalog.in_force(&PROGRAM.into(), at(before)).is_none());
        assert!(catalog.in_force(&PROGRAM.into(), at(begun)).is_some());
        // The redirect.
        assert!(read(&tried.world, before, link_resolve(&tried.code, at(before))).is_none());
        assert!(read(&tried.world, begun, link_resolve(&tried.code, at(begun))).is_some());
        // The funnel.
        view(&tried.world, &tried.code, before);
        view(&tried.world, &tried.code, begun);
        assert_eq!(tried.world.db.number("SELECT COUNT(*) FROM funnel_event"), 1);
        // The engine: a sign-up before it is bound by nothing that it carries.
        tried.sign_up("early", before);
        tried.pay("early", "in_1", "2026-03-02T00:00:00Z", 10_000);
        assert_eq!(tried.has(), 0);
        tried.sign_up("late", begun);
        tried.pay("late", "in_2", "2026-03-02T00:00:00Z", 10_000);
        assert_eq!(tried.has(), 2_000);
        let bound = format!("SELECT COUNT(*) FROM binding WHERE program_id = '{PROGRAM}' AND partner_id IS NOT NULL");
        assert_eq!(tried.world.db.number(&bound), 1);
    }
}

#[test]
fn a_payment_shortly_before_the_first_version_earns_nothing() {
    let tried = Tried::new(&later(document(|_| {})));
    tried.pay("a", "in_1", "2026-02-28T12:00:00Z", 10_000);
    tried.sign_up("a", "2026-03-01T00:00:00Z");
    tried.pay("a", "in_2", "2026-03-02T00:00:00Z", 10_000);
    // A payment shortly before the sign-up counts as made right after it, when the program is in force.
    assert_eq!(tried.has(), 4_000);
}

#[test]
fn reports_use_the_same_version() {
    let tried = Tried::new(&later(document(stage)));
    let week = Week::of(at("2026-02-16T00:00:00Z"));
    let by = |when: &str| at(when);
    tried
        .world
        .db
        .connection
        .borrow()
        .execute_batch(&format!(
            "INSERT INTO click (id, code, partner_id, program_id, clicked_at_ms, visitor, hour, dedupe)
         SELECT 'c1', code, partner_id, program_id, {0}, 'v', {0} / 3600000, 1 FROM link WHERE code = '{1}'",
            at("2026-02-17T00:00:00Z").0,
            tried.code
        ))
        .unwrap_or_else(|e| panic!("{e}"));
    let counts = |when: &str| read(&tried.world, when, funnel::week_counts(&PROGRAM.into(), week, by(when))).len();
    assert_eq!((counts("2026-02-22T00:00:00Z"), counts(BEGINS)), (0, 1));
    let reach = |when: &str| {
        let query = report::reach_sums(&PROGRAM.into(), UtcMillis(0), at("2030-01-01T00:00:00Z"), by(when));
        crate::support::world::now(tried.world.at(at(when)).read(query)).expect("rows").len()
    };
    assert_eq!((reach("2026-02-22T00:00:00Z"), reach(BEGINS)), (1, 1));
}

#[test]
fn an_event_is_judged_by_the_version_of_its_time() {
    let on = |event: &str, cents: i64| {
        json!([{"id": event.replace('.', "-"), "source": "test", "on": {"event": event}, "to": "referrer",
                "amount": {"flat_cents": cents}, "span": {"once": {}}}])
    };
    for base in [document(|_| {}), instant(|_| {})] {
        let with = |version: i64, from: &str, rewards: Value| {
            let mut document = base.clone();
            document["version"] = json!(version);
            document["effective_from"] = json!(from);
            document["rewards"] = rewards;
            document
        };
        let tried = Tried::new(&with(1, START, on("demo.asked", 100)));
        tried.sign_up("a", "2026-02-01T00:00:00Z");
        tried.sign_up("b", "2026-02-01T00:00:00Z");
        tried.event("d1", "demo.asked", "2026-02-02T00:00:00Z", "a", json!({}));
        tried.event("c1", "call.asked", "2026-02-02T00:00:00Z", "b", json!({}));
        assert_eq!(tried.has(), 100);
        // The second version names another event. What the first one accrued stays, and what happened under the first
        // one is no reward of the second.
        save(&tried.world, at("2026-02-10T00:00:00Z"), &with(2, BEGINS, on("call.asked", 30)));
        tried.event("d2", "demo.asked", "2026-02-20T00:00:00Z", "b", json!({}));
        assert_eq!(tried.has(), 200, "the first version is still in force");
        tried.sign_up("c", "2026-03-02T00:00:00Z");
        tried.event("c2", "call.asked", "2026-03-03T00:00:00Z", "c", json!({}));
        tried.event("x1", "account.active", "2026-03-04T00:00:00Z", "a", json!({}));
        tried.event("x2", "account.active", "2026-03-04T00:00:00Z", "b", json!({}));
        assert_eq!(tried.has(), 230);
    }
}

#[test]
fn terms_stay_with_what_was_paid_under_them() {
    let capped = |most: i64| json!([{"reward": "share", "per_partner_month_cents": most}]);
    let tried = Tried::new(&document(|d| {
        d["modifiers"] = json!([super::volume()]);
        d["caps"] = capped(30_000);
    }));
    let run = |when: &str| {
        tried.world.run(manicule::program::document::Cadence::Monthly, at(when)).expect("a run");
        tried.has()
    };
    tried.sign_up("a", "2026-02-01T00:00:00Z");
    tried.pay("a", "in_1", "2026-02-02T00:00:00Z", 100_000);
    assert_eq!(run("2026-03-01T06:00:00Z"), 25_000);
    // The second version has a lower cap and no modifier.
    let second = document(|d| {
        d["version"] = json!(2);
        d["effective_from"] = json!("2026-04-01T00:00:00Z");
        d["caps"] = capped(5_000);
    });
    save(&tried.world, at("2026-03-10T00:00:00Z"), &second);
    assert_eq!(run("2026-04-01T06:00:00Z"), 25_000);
    tried.pay("a", "in_2", "2026-04-02T00:00:00Z", 100_000);
    assert_eq!(run("2026-05-01T06:00:00Z"), 30_000);
    assert_eq!(run("2026-06-01T06:00:00Z"), 30_000);
}
