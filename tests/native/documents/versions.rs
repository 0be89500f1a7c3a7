//! A version counts from its date: what is earned under one is not judged again by the next, and ids keep their meaning.

use super::{PROGRAM, Tried, document, instant, save, volume};
use crate::support::world::{World, at, now};
use manicule::program::document::Cadence;
use manicule::service::program::Refusal;
use serde_json::{Value, json};

/// The next version of a document, from March on.
fn second(first: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut next = first.clone();
    next["version"] = json!(2);
    next["effective_from"] = json!("2026-03-01T00:00:00Z");
    change(&mut next);
    next
}

fn of_paid(cents: i64) -> Value {
    json!([{"id": "milestone", "source": "test", "on": {"state": "paid"}, "to": "referrer",
            "amount": {"flat_cents": cents}, "span": {"once": {}}}])
}

#[test]
fn a_state_is_paid_by_the_version_in_which_it_is_reached() {
    let first = instant(|d| d["rewards"] = of_paid(100));
    let tried = Tried::new(&first);
    for account in ["early", "late"] {
        tried.sign_up(account, "2026-01-10T00:00:00Z");
    }
    tried.pay("early", "in_1", "2026-02-01T00:00:00Z", 5_000);
    save(&tried.world, at("2026-02-02T00:00:00Z"), &second(&first, |d| d["rewards"] = of_paid(300)));
    tried.pay("late", "in_2", "2026-03-02T00:00:00Z", 5_000);
    tried.pay("early", "in_3", "2026-03-03T00:00:00Z", 5_000);
    assert_eq!((tried.net("milestone"), tried.has()), (400, 400));
}

#[test]
fn a_payment_that_arrives_late_is_paid_by_the_version_of_its_time() {
    let first = instant(|d| d["rewards"] = of_paid(100));
    let tried = Tried::new(&first);
    tried.sign_up("a", "2026-01-10T00:00:00Z");
    save(&tried.world, at("2026-01-11T00:00:00Z"), &second(&first, |d| d["rewards"] = of_paid(300)));
    let paid = json!({"id": "in_1", "type": "invoice.paid", "occurred_at": "2026-02-01T00:00:00Z", "account": {"id": "a"},
        "amount": {"cents": 5_000, "currency": "usd"}, "data": {"invoice_id": "in_1"}});
    tried.world.take(at("2026-03-05T00:00:00Z"), &paid, None).expect("taken");
    assert_eq!(tried.has(), 100);
}

#[test]
fn a_run_grants_what_a_version_adds_to_accounts_where_nothing_happens() {
    let first = document(|d| d["rewards"] = json!([]));
    let tried = Tried::new(&first);
    save(&tried.world, at("2026-01-01T00:00:00Z"), &second(&first, |d| d["rewards"] = of_paid(300)));
    tried.sign_up("a", "2026-01-10T00:00:00Z");
    tried.pay("a", "in_1", "2026-02-01T00:00:00Z", 5_000);
    for (when, has) in [("2026-03-01T06:00:00Z", 300), ("2026-04-01T06:00:00Z", 300)] {
        tried.world.run(Cadence::Monthly, at(when)).expect("a run");
        assert_eq!(tried.has(), has, "{when}");
    }
}

#[test]
fn a_granted_state_keeps_the_hold_of_its_version() {
    let first = document(|d| {
        d["rewards"] = of_paid(100);
        d["vesting"]["hold"] = json!({"days_after_first_payment": {"days": 60, "void_if_cancelled": true}});
    });
    let tried = Tried::new(&first);
    tried.sign_up("a", "2026-01-10T00:00:00Z");
    tried.pay("a", "in_1", "2026-01-11T00:00:00Z", 5_000);
    tried.world.run(Cadence::Monthly, at("2026-02-01T06:00:00Z")).expect("a run");
    let none = second(&first, |d| d["vesting"]["hold"] = json!({"none": {}}));
    save(&tried.world, at("2026-02-02T00:00:00Z"), &none);
    tried.event("gone", "account.cancelled", "2026-03-02T00:00:00Z", "a", json!({}));
    assert_eq!(tried.has(), 0, "cancelled inside the 60 days");
}

#[test]
fn a_cap_per_account_counts_what_earlier_versions_paid() {
    for (cap, expected) in [(json!(3_000), 3_000), (json!(1_500), 2_000), (json!(null), 4_000)] {
        let first = document(|_| {});
        let tried = Tried::new(&first);
        let capped = second(&first, |d| {
            if !cap.is_null() {
                d["rewards"][0]["amount"]["cap_cents"] = cap.clone();
            }
        });
        save(&tried.world, at("2026-01-01T00:00:00Z"), &capped);
        tried.sign_up("a", "2026-01-10T00:00:00Z");
        tried.pay("a", "in_1", "2026-02-01T00:00:00Z", 10_000);
        tried.pay("a", "in_2", "2026-03-02T00:00:00Z", 10_000);
        assert_eq!(tried.has(), expected, "{cap}");
    }
}

#[test]
fn what_would_change_earlier_versions_is_refused() {
    let first = document(|d| {
        d["modifiers"] = json!([volume()]);
        d["rewards"].as_array_mut().expect("rewards").push(of_paid(100)[0].clone());
        d["settlement"]["unit"] = json!("credit");
    });
    let change = |path: &str, pointer: &str, value: Value| (path.to_owned(), pointer.to_owned(), value);
    for (path, pointer, value) in [
        change("rewards[1].on", "/rewards/1/on/state", json!("signed_up")),
        change("modifiers[0].when_any", "/modifiers/0/when_any/0/qualifying_referrals/at_least", json!(2)),
        change("rewards[1].id", "/rewards/1/id", json!("volume")),
        change("modifiers[0].id", "/modifiers/0/id", json!("milestone")),
        change("settlement.cadence", "/settlement/cadence", json!("instant")),
        change("attribution.exclusive_group", "/attribution/exclusive_group", json!("other")),
    ] {
        let world = World::new(1);
        save(&world, at("2026-01-01T00:00:00Z"), &first);
        let next = second(&first, |d| {
            match d.pointer_mut(&pointer) {
                Some(place) => *place = value.clone(),
                None => d["attribution"]["exclusive_group"] = value.clone(),
            }
            if path == "rewards[1].id" {
                d["modifiers"] = json!([]);
            } else if path == "modifiers[0].id" {
                d["rewards"].as_array_mut().expect("rewards").pop();
            } else if path == "settlement.cadence" {
                d["modifiers"] = json!([]);
            }
        });
        let saved = now(manicule::service::program::save(
            &world.at(at("2026-02-01T00:00:00Z")),
            &PROGRAM.into(),
            &next.to_string(),
        ));
        let Err(Refusal::Findings(found)) = saved else { panic!("{path} is accepted") };
        assert!(found.iter().any(|f| f.path == path && !f.rule.is_empty()), "{path}: {found:?}");
    }
}

#[test]
fn amounts_and_rates_may_change() {
    let first = document(|d| d["modifiers"] = json!([volume()]));
    let world = World::new(1);
    save(&world, at("2026-01-01T00:00:00Z"), &first);
    let next = second(&first, |d| {
        d["rewards"][0]["amount"]["rate_bps"] = json!(1_000);
        d["modifiers"][0]["then"] = json!({"add_bps": 900});
        d["settlement"]["cadence"] = json!("weekly");
        d["vesting"]["hold"] = json!({"days_after_first_payment": {"days": 7, "void_if_cancelled": false}});
    });
    save(&world, at("2026-02-01T00:00:00Z"), &next);
}
