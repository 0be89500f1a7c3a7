//! The billing system compared with the events: each difference is reported, repaired once, and then gone.

use crate::support::world::{World, at, now};
use manicule::base::money::Cents;
use manicule::codec::operator::{BilledAccount, ReconciliationRequest};
use manicule::service::report::reconcile;
use serde_json::{Value, json};

fn event(id: &str, kind: &str, when: &str, more: Value) -> Value {
    let mut event = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": "acct_1"}});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

/// What is missing at an instant, by type.
fn missed(world: &World, when: &str, subscriptions: &[(&str, Option<i64>)], repair: bool) -> Vec<String> {
    let billed = subscriptions.iter().map(|(id, cents)| ((*id).to_owned(), cents.map(Cents))).collect();
    let accounts = vec![BilledAccount { id: "acct_1".into(), subscriptions: billed }];
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
