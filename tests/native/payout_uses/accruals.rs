//! Which payout takes which accrual: the one truth for "paid", and what the API says about it.

use super::changes::{approve, dispute, planned};
use super::*;

/// State, payout and share of each of the partner's accruals, by invoice.
fn states(fixture: &PayoutFixture, partner: &str, when: &str) -> Vec<(String, String, bool)> {
    let list = fixture.get(when, &format!("/v1/partners/{partner}/balance-transactions"));
    let accruals = list["data"].as_array().expect("a list").iter().filter(|e| e["type"] == "accrual");
    accruals
        .map(|a| {
            let text = |name: &str| a[name].as_str().unwrap_or_default().to_owned();
            assert!(a["available_from"].as_str().is_none_or(|at| at > when), "{a}");
            assert!(a["rate_bps"].as_i64().is_none_or(|rate| {
                a["gross_cents"].as_i64() == Some(a["base_cents"].as_i64().expect("a base") * rate / 10_000)
            }));
            (text("source"), text("state"), a["payout"].is_string())
        })
        .collect()
}

fn state(source: &str, state: &str, has_payout: bool) -> (String, String, bool) {
    (format!("invoice:{source}"), state.to_owned(), has_payout)
}

fn payouts(fixture: &PayoutFixture, when: &str) -> Vec<Value> {
    let mut all = fixture.get(when, "/v1/payouts")["data"].as_array().expect("a list").clone();
    all.reverse();
    all
}

/// The accruals of a payout: planned, sent and returned.
fn rows(fixture: &PayoutFixture, payout: &Value, when: &str) -> Vec<(String, i64, i64, i64)> {
    let path = format!("/v1/payouts/{}/accruals", payout["id"].as_str().expect("an id"));
    let list = fixture.get(when, &path);
    let mut rows: Vec<(String, i64, i64, i64)> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| {
            let cents = |name: &str| r[name].as_i64().expect("cents");
            let source = r["accrual"]["source"].as_str().expect("a source").to_owned();
            (source, cents("planned_cents"), cents("amount_cents"), cents("returned_cents"))
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_dispute_leaves_the_other_accruals_of_its_customer_paid() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    assert_eq!(states(&fixture, &partner, APRIL), [state("in_p_1", "on_its_way", true)]);
    approve(&fixture, APRIL, APRIL);
    fixture.paid("p", "in_2", "2026-04-05T00:00:00Z", 30_000);
    assert_eq!(
        states(&fixture, &partner, "2026-04-06T00:00:00Z"),
        [state("in_p_1", "paid", true), state("in_2", "pending", false)]
    );
    fixture.run(AGENCY, MAY);
    approve(&fixture, MAY, MAY);
    dispute(&fixture, "opened", "p", "in_2", "2026-05-02T00:00:00Z");
    let after = "2026-05-03T00:00:00Z";
    assert_eq!(states(&fixture, &partner, after), [state("in_p_1", "paid", true), state("in_2", "disputed", true)]);
    dispute(&fixture, "won", "p", "in_2", "2026-05-04T00:00:00Z");
    let after = "2026-05-05T00:00:00Z";
    assert_eq!(states(&fixture, &partner, after), [state("in_p_1", "paid", true), state("in_2", "paid", true)]);
}

#[test]
fn a_payout_that_moves_nothing_gives_its_accruals_back() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    let first = payouts(&fixture, APRIL)[0].clone();
    let cancel = format!("/v1/payouts/{}/cancel", first["id"].as_str().expect("an id"));
    assert_eq!(fixture.post(APRIL, &cancel, json!({"reason": "not yet"})).0, 200);
    assert_eq!(states(&fixture, &partner, APRIL), [state("in_p_1", "available", false)]);
    // The next one is refused by Stripe.
    fixture.run(AGENCY, MAY);
    assert_eq!(states(&fixture, &partner, MAY), [state("in_p_1", "on_its_way", true)]);
    fixture.stripe.borrow_mut().closed.insert(format!("acct_{partner}"));
    approve(&fixture, MAY, MAY);
    fixture.sweep("2026-05-01T06:20:00Z");
    let second = payouts(&fixture, MAY)[1].clone();
    assert_eq!(second["state"], "failed");
    assert_eq!(states(&fixture, &partner, MAY), [state("in_p_1", "available", false)]);
    fixture.stripe.borrow_mut().closed.clear();
    fixture.run(AGENCY, JUNE);
    approve(&fixture, JUNE, JUNE);
    assert_eq!(states(&fixture, &partner, JUNE), [state("in_p_1", "paid", true)]);
    for payout in payouts(&fixture, JUNE) {
        assert_eq!(rows(&fixture, &payout, JUNE), [("invoice:in_p_1".to_owned(), 10_000, 10_000, 0)]);
    }
    fixture.is_sound();
}

#[test]
fn what_is_taken_back_is_in_the_next_payout() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    approve(&fixture, APRIL, APRIL);
    fixture.refunded("re_1", "in_p_1", "2026-04-05T00:00:00Z", 20_000);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 90_000);
    fixture.run(AGENCY, MAY);
    let second = payouts(&fixture, MAY)[1].clone();
    assert_eq!(second["amount_cents"], 14_000);
    let want = [("invoice:in_2".to_owned(), 18_000, 18_000, 0), ("invoice:in_p_1".to_owned(), -4_000, -4_000, 0)];
    assert_eq!(rows(&fixture, &second, MAY), want);
    assert_eq!(states(&fixture, &partner, MAY), [state("in_p_1", "paid", true), state("in_2", "on_its_way", true)]);
    fixture.is_sound();
}

#[test]
fn a_reversed_payout_gives_the_newest_accruals_back() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    let first = payouts(&fixture, APRIL)[0].clone();
    let cancel = format!("/v1/payouts/{}/cancel", first["id"].as_str().expect("an id"));
    assert_eq!(fixture.post(APRIL, &cancel, json!({"reason": "not yet"})).0, 200);
    fixture.run(AGENCY, MAY);
    approve(&fixture, MAY, MAY);
    let second = payouts(&fixture, MAY)[1].clone();
    assert_eq!(second["amount_cents"], 16_000);
    let path = format!("/v1/payouts/{}/reversals", second["id"].as_str().expect("an id"));
    let back = json!({"amount_cents": 7_000, "reason": "too much"});
    assert_eq!(fixture.post_with(MAY, &path, back, &[("idempotency-key", "k")]).0, 201);
    fixture.refresh_reversed(MAY, "tr_1");
    let want = [("invoice:in_2".to_owned(), 6_000, 6_000, 6_000), ("invoice:in_p_1".to_owned(), 10_000, 10_000, 1_000)];
    assert_eq!(rows(&fixture, &second, MAY), want);
    assert_eq!(
        states(&fixture, &partner, MAY),
        [state("in_p_1", "available", true), state("in_2", "available", false)],
        "a part of the first stays paid"
    );
    fixture.run(AGENCY, JUNE);
    let third = payouts(&fixture, JUNE)[2].clone();
    assert_eq!(third["amount_cents"], 7_000);
    let want = [("invoice:in_2".to_owned(), 6_000, 6_000, 0), ("invoice:in_p_1".to_owned(), 1_000, 1_000, 0)];
    assert_eq!(rows(&fixture, &third, JUNE), want);
    fixture.is_sound();
}

#[test]
fn the_report_and_the_receipt_say_what_changed_and_why() {
    let (fixture, _) = planned(PayoutApproval::Manual);
    fixture.refunded("re_1", "in_p_1", "2026-04-02T00:00:00Z", 20_000);
    let (when, run) = ("2026-04-03T00:00:00Z", fixture.run_of(AGENCY, APRIL));
    let payout = payouts(&fixture, when)[0].clone();
    let change = json!({
        "payout": payout["id"], "partner": payout["partner"], "account": "p", "invoice": "in_p_1", "type": "reversed",
        "event": "re_1", "event_type": "invoice.refunded", "planned_cents": 10_000, "amount_cents": 6_000,
    });
    let said = |changes: &Value| {
        let mut one = changes[0].clone();
        assert!(one["accrual"].is_string() && changes.as_array().map(Vec::len) == Some(1), "{changes}");
        one.as_object_mut().expect("a change").remove("accrual");
        one
    };
    let receipt = format!("/v1/payouts/{}", payout["id"].as_str().expect("an id"));
    let report = fixture.get(when, &format!("/v1/runs/{run}/report"));
    assert_eq!(said(&report["changes"]["data"]), change, "before it is approved");
    let to_send = json!([{"currency": "usd", "payouts": 1, "planned_cents": 10_000, "amount_cents": 6_000}]);
    assert_eq!(report["to_send"], to_send);
    let shown = fixture.get(when, &receipt);
    assert_eq!((&shown["planned_cents"], &shown["left_cents"]), (&json!(10_000), &json!(6_000)));
    assert_eq!(said(&shown["changes"]), change);
    approve(&fixture, APRIL, "2026-04-10T00:00:00Z");
    let report = fixture.get(when, &format!("/v1/runs/{run}/report"));
    assert_eq!((said(&report["changes"]["data"]), &report["to_send"]), (change.clone(), &json!([])));
    let shown = fixture.get(when, &receipt);
    assert_eq!((&shown["amount_cents"], &shown["left_cents"]), (&json!(6_000), &Value::Null));
    assert_eq!(said(&shown["changes"]), change, "after it is sent");
}

#[test]
fn a_debt_and_a_dispute_show_before_the_approval() {
    let (fixture, _) = planned(PayoutApproval::Manual);
    approve(&fixture, APRIL, APRIL);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    fixture.paid("p", "in_3", "2026-04-11T00:00:00Z", 40_000);
    fixture.run(AGENCY, MAY);
    fixture.refunded("re_1", "in_p_1", "2026-05-02T00:00:00Z", 10_000);
    dispute(&fixture, "opened", "p", "in_3", "2026-05-03T00:00:00Z");
    let report = format!("/v1/runs/{}/report", fixture.run_of(AGENCY, MAY));
    let said = || {
        let report = fixture.get("2026-05-04T00:00:00Z", &report);
        let data = report["changes"]["data"].as_array().expect("a list").clone();
        let mut all: Vec<(String, String, i64, i64)> = data
            .iter()
            .map(|c| {
                let text = |name: &str| c[name].as_str().unwrap_or_default().to_owned();
                let cents = |name: &str| c[name].as_i64().expect("cents");
                (text("invoice"), text("type"), cents("planned_cents"), cents("amount_cents"))
            })
            .collect();
        all.sort();
        (all, report["to_send"][0]["amount_cents"].as_i64())
    };
    let changes =
        vec![("in_3".to_owned(), "disputed".to_owned(), 8_000, 0), ("in_p_1".to_owned(), "owed".to_owned(), 0, -2_000)];
    assert_eq!(said(), (changes.clone(), Some(4_000)));
    // Page by page it says the same.
    let first = fixture.get("2026-05-04T00:00:00Z", &format!("{report}?limit=1"));
    let cursor = first["changes"]["next_cursor"].as_str().expect("a cursor");
    let rest = fixture.get("2026-05-04T00:00:00Z", &format!("{report}?limit=1&cursor={cursor}"));
    assert_ne!(rest["changes"]["data"][0], first["changes"]["data"][0]);
    assert_eq!(rest["changes"]["next_cursor"], Value::Null);
    approve(&fixture, MAY, "2026-05-05T00:00:00Z");
    dispute(&fixture, "won", "p", "in_3", "2026-05-06T00:00:00Z");
    assert_eq!(said(), (changes, None), "what was decided stays");
    assert_eq!(payouts(&fixture, MAY)[1]["amount_cents"], 4_000);
    fixture.is_sound();
}

#[test]
fn what_is_carried_is_in_the_report() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    dispute(&fixture, "opened", "p", "in_p_1", "2026-04-02T00:00:00Z");
    approve(&fixture, APRIL, "2026-04-03T00:00:00Z");
    let payout = payouts(&fixture, APRIL)[0].clone();
    assert_eq!((&payout["state"], &payout["carried_cents"]), (&json!("cancelled"), &json!(0)));
    assert_eq!(states(&fixture, &partner, APRIL), [state("in_p_1", "disputed", false)]);
    fixture.is_sound();
}

#[test]
fn nothing_is_available_from_a_time_in_the_past() {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let partner = earned(&fixture, "p");
    // Its hold ended in March, but no run has been there since.
    let late = "2026-05-20T00:00:00Z";
    let list = fixture.get(late, &format!("/v1/partners/{partner}/balance-transactions"));
    assert_eq!(list["data"][0]["available_from"], "2026-06-01T06:00:00Z");
    assert_eq!((&list["data"][0]["base_cents"], &list["data"][0]["rate_bps"]), (&json!(50_000), &json!(2_000)));
    assert_eq!(states(&fixture, &partner, late), [state("in_p_1", "pending", false)]);
}
