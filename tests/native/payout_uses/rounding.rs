//! Currencies of which Stripe moves only multiples: payouts, reversals and credits are rounded down, and the rest is
//! carried.

use super::changes::dispute;
use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, JUNE, MAY, only};
use crate::support::world::at;
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};

/// Three decimals, and two of which none are in use.
const STEPS: [(&str, i64); 3] = [("kwd", 10), ("isk", 100), ("ugx", 100)];

/// The agencies' program in another currency.
fn program(fixture: &PayoutFixture, of: &str, currency: &str, change: impl Fn(&mut Value)) -> String {
    let id = format!("{of}-{currency}");
    let mut document = fixture.get(APRIL, &format!("/v1/programs/{of}"))["document"].clone();
    (document["id"], document["currency"]) = (json!(id), json!(currency));
    document["attribution"]["exclusive_group"] = json!(id);
    change(&mut document);
    fixture.put("2026-01-01T00:00:00Z", &format!("/v1/programs/{id}"), document);
    id
}

fn paid(fixture: &PayoutFixture, currency: &str, invoice: &str, when: &str, cents: i64) {
    let more = json!({"amount": {"cents": cents, "currency": currency}, "data": {"invoice_id": invoice}});
    fixture.event(invoice, "invoice.paid", when, "p", more);
}

fn refunded(fixture: &PayoutFixture, currency: &str, id: &str, invoice: &str, when: &str, cents: i64) {
    let data = json!({"refund_id": id, "invoice_id": invoice});
    fixture.event(
        id,
        "invoice.refunded",
        when,
        "p",
        json!({"amount": {"cents": cents, "currency": currency}, "data": data}),
    );
}

/// A partner with a planned payout of 18,245 minor units from two invoices, rounded down.
fn planned(currency: &str, minimum: i64) -> (PayoutFixture, String, String) {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let program =
        program(&fixture, AGENCY, currency, |document| document["settlement"]["minimum_cents"] = json!(minimum));
    let (partner, code) = fixture.partner(&program, "p");
    fixture.payable(&partner);
    fixture.event("s_p", "account.signed_up", "2026-01-05T00:00:00Z", "p", json!({"attribution": {"code": code}}));
    paid(&fixture, currency, "in_1", "2026-01-10T00:00:00Z", 61_234);
    paid(&fixture, currency, "in_2", "2026-01-11T00:00:00Z", 29_999);
    fixture.run(&program, APRIL);
    (fixture, program, partner)
}

fn approve(fixture: &PayoutFixture, program: &str, run: &str, when: &str) {
    let path = format!("/v1/runs/{}/approve", fixture.run_of(program, run));
    assert_eq!(fixture.post(when, &path, json!({})).0, 200);
}

fn sent(fixture: &PayoutFixture) -> Vec<i64> {
    fixture.stripe.borrow().transfers.iter().map(|t| t.amount).collect()
}

#[test]
fn a_payout_is_rounded_down_and_the_rest_is_in_the_next() {
    for (currency, step) in STEPS {
        let (fixture, program, partner) = planned(currency, 0);
        let first = 18_245 / step * step;
        let payout = only(&fixture.get(APRIL, "/v1/payouts"));
        assert_eq!((&payout["planned_cents"], &payout["amount_cents"]), (&json!(first), &json!(first)), "{currency}");
        approve(&fixture, &program, APRIL, "2026-04-02T00:00:00Z");
        assert_eq!(sent(&fixture), [first]);
        assert_eq!(fixture.balance(&partner), (18_245 - first, first));
        paid(&fixture, currency, "in_3", "2026-04-10T00:00:00Z", 50_033);
        fixture.run(&program, MAY);
        approve(&fixture, &program, MAY, MAY);
        let all = (18_245 + 10_006) / step * step;
        assert_eq!(sent(&fixture), [first, all - first], "{currency}");
        assert_eq!(fixture.balance(&partner), (28_251 - all, all));
        let id = payout["id"].as_str().expect("an id");
        let reverse = |cents: i64, key: &str| {
            let body = json!({"amount_cents": cents, "reason": "too much"});
            fixture.post_with(MAY, &format!("/v1/payouts/{id}/reversals"), body, &[("idempotency-key", key)])
        };
        assert_eq!(reverse(step + 1, "a").1["code"], "not_a_multiple");
        assert_eq!(reverse(step, "b").0, 201);
        let rest = fixture.post_with(
            MAY,
            &format!("/v1/payouts/{id}/reversals"),
            json!({"reason": "all"}),
            &[("idempotency-key", "c")],
        );
        assert_eq!((rest.0, &rest.1["state"]), (201, &json!("reversed")));
        fixture.run(&program, JUNE);
        fixture.is_sound();
    }
}

#[test]
fn what_a_refund_leaves_is_rounded_down_too() {
    for (currency, step) in STEPS {
        for held in [false, true] {
            let (fixture, program, partner) = planned(currency, 0);
            if held {
                dispute(&fixture, "opened", "p", "in_2", "2026-04-02T00:00:00Z");
            } else {
                refunded(&fixture, currency, "re_1", "in_1", "2026-04-02T00:00:00Z", 10_007);
            }
            let report =
                |when: &str| fixture.get(when, &format!("/v1/runs/{}/report", fixture.run_of(&program, APRIL)));
            let left = report("2026-04-03T00:00:00Z")["to_send"][0]["amount_cents"].as_i64().expect("cents");
            assert_eq!(left % step, 0, "{currency}");
            approve(&fixture, &program, APRIL, "2026-04-03T00:00:00Z");
            assert_eq!(sent(&fixture), [left], "{currency}: what the report said");
            let (available, paid) = fixture.balance(&partner);
            let owned = if held { 18_245 } else { 18_245 - (12_246 - (12_246 - 12_246 * 10_007 / 61_234)) };
            assert_eq!((available + paid, paid), (owned, left), "{currency}");
            let changes = report("2026-04-04T00:00:00Z")["changes"]["data"].clone();
            assert!(changes.as_array().is_some_and(|all| all.iter().any(|c| c["type"] == "rounded")), "{changes}");
            fixture.is_sound();
        }
    }
}

#[test]
fn a_debt_leaves_a_rounded_amount() {
    for (currency, step) in STEPS {
        let (fixture, program, partner) = planned(currency, 0);
        approve(&fixture, &program, APRIL, "2026-04-02T00:00:00Z");
        paid(&fixture, currency, "in_3", "2026-04-10T00:00:00Z", 50_033);
        fixture.run(&program, MAY);
        refunded(&fixture, currency, "re_1", "in_1", "2026-05-02T00:00:00Z", 10_007);
        approve(&fixture, &program, MAY, "2026-05-03T00:00:00Z");
        assert!(sent(&fixture).iter().all(|cents| cents % step == 0) && sent(&fixture).len() == 2, "{currency}");
        let (available, _) = fixture.balance(&partner);
        assert!((0..2 * step).contains(&available), "{currency}: {available}");
        fixture.is_sound();
    }
}

#[test]
fn the_rounded_amount_must_reach_the_minimum() {
    let (fixture, program, partner) = planned("kwd", 18_243);
    assert_eq!(fixture.get(APRIL, "/v1/payouts")["data"], json!([]), "18,240 would be sent");
    assert_eq!(fixture.balance(&partner), (18_245, 0));
    let report = fixture.get(APRIL, &format!("/v1/runs/{}/report", fixture.run_of(&program, APRIL)));
    assert_eq!(
        (&report["carried_forward"][0]["why"], &report["carried_forward"][0]["amount_cents"]),
        (&json!("not_payable"), &json!(18_245))
    );
    // Less than Stripe can move is left.
    let (fixture, program, partner) = planned("kwd", 0);
    refunded(&fixture, "kwd", "re_1", "in_1", "2026-04-02T00:00:00Z", 61_234);
    refunded(&fixture, "kwd", "re_2", "in_2", "2026-04-02T00:00:00Z", 29_950);
    approve(&fixture, &program, APRIL, "2026-04-03T00:00:00Z");
    assert_eq!(sent(&fixture), Vec::<i64>::new());
    let payout = only(&fixture.get(MAY, "/v1/payouts"));
    assert_eq!(payout["state"], "cancelled");
    assert_eq!(fixture.balance(&partner), (10, 0), "it is carried");
    fixture.is_sound();
}

#[test]
fn credits_on_customers_balances_are_rounded_down() {
    for (currency, step) in STEPS {
        let fixture = PayoutFixture::new(PayoutApproval::Manual);
        let amounts = [1_299, 104, 505, 96];
        let program = program(&fixture, "tiered-credits", currency, |document| {
            document["settlement"]["delivery"] = json!("stripe_balance");
            document["settlement"]["budget"] = json!(false);
            let rewards = document["rewards"].as_array_mut().expect("rewards");
            rewards.truncate(4);
            rewards.iter_mut().zip(amounts).for_each(|(reward, cents)| reward["amount"] = json!({"flat_cents": cents}));
        });
        let enrolled = fixture.world.partner(at("2026-01-01T00:00:00Z"), &program, "owner", "o@partners.example");
        let (partner, code) = enrolled.expect("enrolled");
        fixture.event(
            "s_owner",
            "account.signed_up",
            "2026-01-01T00:00:00Z",
            "owner",
            json!({"data": {"stripe_customer": "cus_owner"}}),
        );
        fixture.stripe.borrow_mut().customers.insert("cus_owner".to_owned());
        fixture.event(
            "s_friend",
            "account.signed_up",
            "2026-01-05T00:00:00Z",
            "friend",
            json!({"attribution": {"code": code}}),
        );
        fixture.sweep("2026-01-05T00:10:00Z");
        let owed = || -fixture.stripe.borrow().owed("cus_owner");
        assert_eq!(owed(), 1_299 / step * step, "{currency}");
        fixture.event("rfq", "rfq.submitted", "2026-01-06T00:00:00Z", "friend", json!({}));
        fixture.event("news", "newsletter.confirmed", "2026-01-06T00:00:00Z", "friend", json!({}));
        for day in 6..9 {
            fixture.sweep(&format!("2026-01-0{day}T00:10:00Z"));
        }
        assert_eq!(owed(), (1_299 + 505 + 96) / step * step, "{currency}: the rest of the first is in the next");
        assert_eq!(fixture.messages("credit.failed").len(), 0);
        let shown = fixture.get(MAY, &format!("/v1/credits?partner={partner}"));
        assert_eq!(shown["balances"][0]["available_cents"], json!(1_900 - owed()), "{currency}");
        fixture.is_sound();
    }
}
