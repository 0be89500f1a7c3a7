//! What is accepted is paid, once and to the cent.

use super::{Tried, document, instant};
use crate::support::world::at;
use manicule::program::document::Cadence;
use serde_json::json;

#[test]
fn a_flat_reward_on_an_invoice_is_paid_once_whatever_the_cadence() {
    for (span, two) in [(json!({"once": {}}), 500), (json!({"months": {"from": 0}}), 1_000)] {
        for draft in [document(|_| {}), instant(|_| {})] {
            let mut draft = draft;
            draft["rewards"][0]["amount"] = json!({"flat_cents": 500});
            draft["rewards"][0]["span"] = span.clone();
            let tried = Tried::new(&draft);
            tried.sign_up("a", "2026-02-01T00:00:00Z");
            tried.pay("a", "in_1", "2026-02-02T00:00:00Z", 10_000);
            assert_eq!((tried.has(), tried.net("share")), (500, 500), "{draft}");
            tried.pay("a", "in_2", "2026-03-02T00:00:00Z", 10_000);
            assert_eq!(tried.has(), two, "{draft}");
            tried.refund("a", "in_1", "2026-03-03T00:00:00Z", 10_000);
            assert_eq!(tried.has(), two - 500, "{draft}");
        }
    }
}

#[test]
fn a_share_of_an_invoice_is_available_at_once_where_rewards_are_issued_instantly() {
    let tried = Tried::new(&instant(|_| {}));
    tried.sign_up("a", "2026-02-01T00:00:00Z");
    tried.pay("a", "in_1", "2026-02-02T00:00:00Z", 10_000);
    assert_eq!(tried.world.balance(&tried.partner, "available"), 2_000);
}

#[test]
fn once_is_the_first_invoice_that_meets_the_conditions() {
    let tried = Tried::new(&document(|d| {
        d["rewards"][0]["span"] = json!({"once": {}});
        d["rewards"][0]["when"] = json!({"monthly_over_cents": 50_000});
    }));
    tried.sign_up("a", "2026-02-01T00:00:00Z");
    tried.pay("a", "in_1", "2026-02-02T00:00:00Z", 10_000);
    assert_eq!(tried.has(), 0);
    tried.pay("a", "in_2", "2026-03-02T00:00:00Z", 60_000);
    tried.pay("a", "in_3", "2026-04-02T00:00:00Z", 60_000);
    assert_eq!(tried.has(), 12_000);
}

#[test]
fn a_share_of_the_first_purchase_is_paid_whatever_the_cadence() {
    for mut draft in [document(|_| {}), instant(|_| {})] {
        draft["rewards"][0]["on"] = json!({"event": "purchase.completed"});
        draft["rewards"][0]["amount"] = json!({"rate_bps": 1_000, "cap_cents": 2_500});
        draft["rewards"][0]["span"] = json!({"once": {}});
        for (cents, earned) in [(9_999, 999), (50_000, 2_500)] {
            let tried = Tried::new(&draft);
            tried.sign_up("a", "2026-02-01T00:00:00Z");
            for n in 1..3 {
                let more =
                    json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"purchase_id": format!("p{n}")}});
                tried.event(
                    &format!("p{n}"),
                    "purchase.completed",
                    &format!("2026-02-0{}T00:00:00Z", n + 1),
                    "a",
                    more,
                );
            }
            assert_eq!((tried.has(), tried.net("share")), (earned, earned), "{draft}");
        }
    }
}

#[test]
fn an_annual_value_is_asked_of_a_subscription_whatever_the_cadence() {
    for mut draft in [document(|_| {}), instant(|_| {})] {
        draft["rewards"][0]["on"] = json!({"event": "subscription.started"});
        draft["rewards"][0]["when"] = json!({"annual_at_least_cents": 500_000});
        draft["rewards"][0]["amount"] = json!({"flat_cents": 700});
        draft["rewards"][0]["span"] = json!({"once": {}});
        let tried = Tried::new(&draft);
        tried.sign_up("a", "2026-02-01T00:00:00Z");
        for (n, (annual, has)) in [(499_999, 0), (500_000, 700), (900_000, 700)].into_iter().enumerate() {
            let data = json!({"data": {"subscription_id": format!("sub_{n}"), "annual_value_cents": annual, "currency": "usd"}});
            tried.event(
                &format!("sub{n}"),
                "subscription.started",
                &format!("2026-02-0{}T00:00:00Z", n + 2),
                "a",
                data,
            );
            assert_eq!(tried.has(), has, "{annual}: {draft}");
        }
    }
}

#[test]
fn what_vests_in_a_run_is_one_accrual_for_each_fact_and_reward() {
    let tried = Tried::new(&document(|d| {
        d["rewards"].as_array_mut().expect("rewards").extend([
            json!({"id": "start", "source": "test", "on": {"event": "subscription.started"}, "to": "referrer",
                   "amount": {"flat_cents": 100}, "span": {"once": {}}}),
            json!({"id": "paid", "source": "test", "on": {"state": "paid"}, "to": "referrer",
                   "amount": {"flat_cents": 10}, "span": {"once": {}}}),
        ]);
    }));
    tried.sign_up("a", "2026-02-01T00:00:00Z");
    tried.event("sub", "subscription.started", "2026-02-01T01:00:00Z", "a", json!({"data": {"subscription_id": "s"}}));
    tried.pay("a", "in_1", "2026-02-02T00:00:00Z", 10_000);
    for month in ["2026-03-01T06:00:00Z", "2026-04-01T06:00:00Z"] {
        tried.world.run(Cadence::Monthly, at(month)).expect("a run");
        assert_eq!((tried.net("share"), tried.net("start"), tried.net("paid")), (2_000, 100, 10));
        assert_eq!(tried.has(), 2_110);
    }
}

#[test]
fn a_modifier_lowers_no_rate() {
    let tried = Tried::new(&document(|d| {
        d["modifiers"] = json!([super::volume()]);
        d["modifiers"][0]["then"] = json!({"replace_bps": {"share": 1_000}});
    }));
    tried.sign_up("a", "2026-04-01T00:00:00Z");
    tried.pay("a", "in_1", "2026-04-02T00:00:00Z", 10_000);
    tried.world.run(Cadence::Monthly, at("2026-05-01T06:00:00Z")).expect("a run");
    assert_eq!(tried.has(), 2_000);
    assert_eq!(tried.world.db.number("SELECT COUNT(*) FROM accrual"), 1);
}
