//! The billing system compared with the events: each difference is reported, repaired once, and then gone.

use crate::support::world::{World, at, now};
use manicule::base::money::Cents;
use manicule::codec::operator::{BilledAccount, ReconciliationRequest};
use manicule::engine::event::Subscription;
use manicule::service::report::reconcile;
use serde_json::{Value, json};

fn event(id: &str, kind: &str, when: &str, more: Value) -> Value {
    let mut event = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": "acct_1"}});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

/// What is missing at an instant, by type.
fn missed(world: &World, when: &str, subscriptions: &[(&str, Option<i64>)], repair: bool) -> Vec<String> {
    let billed: Vec<_> = subscriptions.iter().map(|(id, cents)| (*id, *cents, None)).collect();
    missed_in(world, when, &billed, repair)
}

/// The same for prices with a currency.
fn missed_in(
    world: &World,
    when: &str,
    subscriptions: &[(&str, Option<i64>, Option<&str>)],
    repair: bool,
) -> Vec<String> {
    let billed = |(id, cents, currency): &(&str, Option<i64>, Option<&str>)| Subscription {
        subscription_id: (*id).to_owned(),
        monthly_cents: cents.map(Cents),
        annual_value_cents: None,
        currency: currency.map(str::to_owned),
    };
    let subscriptions = subscriptions.iter().map(billed).collect();
    let accounts = vec![BilledAccount { id: "acct_1".into(), subscriptions }];
    let answer =
        now(reconcile::reconcile(&world.at(at(when)), &ReconciliationRequest { as_of: at(when), repair, accounts }))
            .unwrap();
    let rows = answer["missed"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["repaired"] == repair), "{answer}");
    rows.iter().map(|row| row["missed"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_missed_upgrade_is_found_and_repaired_once() {
    let world = World::new(1);
    let (_, code) = world.partner(at("2025-01-01T00:00:00Z"), "agency-partner", "agency", "a@agency.example").unwrap();
    let take = |body: Value| world.take(at("2025-01-06T00:00:00Z"), &body, None).unwrap();
    take(event("e1", "account.signed_up", "2025-01-01T00:00:00Z", json!({"attribution": {"code": code}})));
    let started = json!({"data": {"subscription_id": "sub_1", "monthly_cents": 60_000}});
    take(event("e2", "subscription.started", "2025-01-05T00:00:00Z", started));
    let paid = json!({"amount": {"cents": 60_000, "currency": "usd"}, "data": {"invoice_id": "in_1"}});
    take(event("e3", "invoice.paid", "2025-01-05T00:00:01Z", paid));
    assert_eq!(missed(&world, "2025-02-01T00:00:00Z", &[("sub_1", Some(60_000))], false), [""; 0]);
    assert_eq!(
        missed(&world, "2025-02-01T00:00:00Z", &[("sub_1", None)], false),
        [""; 0],
        "nothing is said of its price"
    );
    let upgraded = [("sub_1", Some(500_000))];
    assert_eq!(missed(&world, "2025-02-02T00:00:00Z", &upgraded, false), ["subscription.updated"]);
    assert_eq!(missed(&world, "2025-02-03T00:00:00Z", &upgraded, true), ["subscription.updated"]);
    assert_eq!(missed(&world, "2025-02-04T00:00:00Z", &upgraded, true), [""; 0], "it is repaired once");
    let worth = "SELECT annual_cents FROM revenue_span WHERE to_ms IS NULL";
    assert_eq!(world.db.number(worth), 12 * 500_000);
    assert_eq!(
        missed(&world, "2025-02-05T00:00:00Z", &[("sub_2", Some(1_000))], false),
        ["subscription.cancelled", "subscription.started"]
    );
}

#[test]
fn a_yearly_price_counts_as_one_twelfth_rounded_either_way() {
    let world = World::new(2);
    let take = |body: Value| world.take(at("2025-01-06T00:00:00Z"), &body, None).unwrap();
    take(event("e1", "account.signed_up", "2025-01-01T00:00:00Z", json!({})));
    let started = json!({"data": {"subscription_id": "sub_1", "annual_value_cents": 500_000}});
    take(event("e2", "subscription.started", "2025-01-05T00:00:00Z", started));
    for (monthly, kinds) in [(41_665, 1), (41_666, 0), (41_667, 0), (41_668, 1)] {
        assert_eq!(
            missed(&world, "2025-02-01T00:00:00Z", &[("sub_1", Some(monthly))], false).len(),
            kinds,
            "{monthly}"
        );
    }
}

#[test]
fn prices_of_two_currencies_are_never_the_same() {
    let world = World::new(3);
    let take = |body: Value| world.take(at("2025-01-06T00:00:00Z"), &body, None).unwrap();
    take(event("e1", "account.signed_up", "2025-01-01T00:00:00Z", json!({})));
    let started = |id: &str, currency: Value| {
        let data = json!({"subscription_id": id, "monthly_cents": 45_000, "currency": currency});
        event(&format!("e_{id}"), "subscription.started", "2025-01-05T00:00:00Z", json!({"data": data}))
    };
    take(started("sub_own", json!(null)));
    take(started("sub_usd", json!("USD")));
    take(started("sub_krw", json!("krw")));
    let billed = |own, usd, krw| {
        [("sub_own", Some(45_000), own), ("sub_usd", Some(45_000), usd), ("sub_krw", Some(45_000), krw)]
    };
    let same =
        |when: &str, billed: [(&str, Option<i64>, Option<&str>); 3], repair| missed_in(&world, when, &billed, repair);
    assert_eq!(same("2025-02-01T00:00:00Z", billed(None, None, Some("krw")), false), [""; 0], "the program's own");
    assert_eq!(same("2025-02-01T00:00:00Z", billed(Some("usd"), Some("usd"), Some("krw")), false), [""; 0]);
    let others = billed(Some("krw"), Some("krw"), Some("usd"));
    assert_eq!(same("2025-02-01T00:00:00Z", others, false), ["subscription.updated"; 3]);
    assert_eq!(same("2025-02-02T00:00:00Z", others, true), ["subscription.updated"; 3]);
    assert_eq!(same("2025-02-03T00:00:00Z", others, true), [""; 0], "it is repaired once");
}
