//! Adjustments with an accrual of their own: what they count in, and what takes part in them.

use super::fixture::{AGENCY, Agency};
use crate::support::world::at;
use serde_json::json;

#[test]
fn it_adds_to_available_and_takes_from_it_below_zero() {
    let agency = Agency::new();
    agency.book("2026-01-05T00:00:00Z", json!({"amount_cents": 2_500}));
    assert_eq!(agency.balances(), (0, 2_500));
    agency.book("2026-01-06T00:00:00Z", json!({"amount_cents": -4_000}));
    assert_eq!(agency.balances(), (0, -1_500));
    let codes = agency.uses.world.db.look("SELECT code, amount_cents, actor, reason FROM transfer ORDER BY rowid");
    let told: Vec<_> =
        codes.iter().map(|r| (r["code"].as_str().unwrap(), r["amount_cents"].as_i64().unwrap())).collect();
    assert_eq!(told, [("adjust", 2_500), ("deduct", 4_000)]);
    assert!(codes.iter().all(|r| r["actor"] == "token:bootstrap" && r["reason"] == "Bonus"), "{codes:?}");
}

#[test]
fn the_same_key_acts_once() {
    let agency = Agency::new();
    let body = json!({"partner": agency.partner, "amount_cents": 100, "reason": "r"});
    let send = |body: &serde_json::Value| {
        agency.uses.post_with("2026-01-05T00:00:00Z", "/v1/adjustments", body.clone(), &[("idempotency-key", "k1")])
    };
    let first = send(&body);
    assert_eq!((send(&body), first.0), (first.clone(), 201));
    let mut other = body.clone();
    other["amount_cents"] = json!(200);
    assert_eq!((send(&other).0, agency.balances()), (409, (0, 100)));
}

#[test]
fn a_pending_one_vests_in_the_first_run_after_its_date() {
    let agency = Agency::new();
    let of = |cents: i64, more: serde_json::Value| {
        let mut body = json!({"amount_cents": cents, "balance": "pending"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        agency.book("2026-01-05T00:00:00Z", body);
    };
    of(100, json!({}));
    of(1_000, json!({"vests_at": "2026-02-01T06:00:00Z"}));
    of(10_000, json!({"vests_at": "2026-02-01T06:00:00.001Z"}));
    assert_eq!(agency.balances(), (11_100, 0));
    agency.uses.run(AGENCY, "2026-02-01T06:00:00Z");
    assert_eq!(agency.balances(), (10_000, 1_100));
    agency.uses.run(AGENCY, "2026-03-01T06:00:00Z");
    assert_eq!(agency.balances(), (0, 11_100));
    agency.is_sound();
}

#[test]
fn payouts_take_it_and_net_deductions() {
    let agency = Agency::new();
    agency.uses.payable(&agency.partner);
    agency.book("2026-01-05T00:00:00Z", json!({"amount_cents": 5_000}));
    let taken = agency.book("2026-01-06T00:00:00Z", json!({"amount_cents": -1_200}));
    agency.uses.run(AGENCY, "2026-02-01T06:00:00Z");
    agency.uses.sweep("2026-02-01T06:10:00Z");
    assert_eq!(agency.uses.balance(&agency.partner), (0, 3_800));
    let shown =
        agency.uses.get("2026-02-02T00:00:00Z", &format!("/v1/partners/{}/balance-transactions", agency.partner));
    let states: Vec<_> = shown["data"].as_array().unwrap().iter().map(|e| (&e["amount_cents"], &e["state"])).collect();
    assert_eq!(
        states,
        [(&json!(5_000), &json!("paid")), (&json!(-1_200), &json!("paid")), (&json!(-3_800), &json!("paid")),]
    );
    // It is taken back after it was paid: the next payout gives it back.
    agency.book("2026-02-03T00:00:00Z", json!({"adjustment": taken["id"], "amount_cents": 1_200}));
    agency.uses.run(AGENCY, "2026-03-01T06:00:00Z");
    agency.uses.sweep("2026-03-01T06:10:00Z");
    assert_eq!(agency.uses.balance(&agency.partner), (0, 5_000));
    agency.is_sound();
}

#[test]
fn it_survives_decisions_about_its_account_and_its_reassignment() {
    let agency = Agency::with_client();
    agency.book("2026-01-12T00:00:00Z", json!({"amount_cents": 700, "account": "p"}));
    agency.recompute("2026-01-13T00:00:00Z");
    let (other, _) = agency.uses.partner(AGENCY, "ali");
    let body = json!({"program": AGENCY, "partner": other, "reason": "moved"});
    let (status, answer) = agency.uses.post("2026-01-14T00:00:00Z", "/v1/accounts/p/reassign", body);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(agency.balances(), (0, 700), "what was earned moves, what was adjusted stays");
    assert_eq!(agency.uses.world.balance(&other, "available"), 0);
    agency.recompute("2026-01-15T00:00:00Z");
}

#[test]
fn an_invoice_that_it_names_takes_its_share_back_in_any_order() {
    for refund_first in [false, true] {
        let agency = Agency::with_client();
        let refund = |cents: i64, id: &str| agency.uses.refunded(id, "in_1", "2026-01-20T00:00:00Z", cents);
        if refund_first {
            refund(25_000, "rf_1");
        }
        let body = json!({"account": "p", "invoice": "in_1", "amount_cents": 1_001});
        let plus = agency.book("2026-01-21T00:00:00Z", body.clone())["accrual"].clone();
        let mut minus = body;
        minus["amount_cents"] = json!(-500);
        let minus = agency.book("2026-01-21T00:00:00Z", minus)["accrual"].clone();
        let free = agency.book("2026-01-21T00:00:00Z", json!({"account": "p", "amount_cents": 9}))["accrual"].clone();
        let of = |id: &serde_json::Value| agency.accrual(id.as_str().unwrap());
        if !refund_first {
            refund(25_000, "rf_1");
        }
        agency.uses.world.catch_up(at("2026-01-22T00:00:00Z"));
        let available = |net: i64| ("available".to_owned(), "available".to_owned(), net, 0);
        assert_eq!((of(&plus), of(&minus), of(&free)), (available(751), available(-375), available(9)));
        agency.recompute("2026-01-22T00:00:00Z");
        refund(75_000, "rf_2");
        let reversed = || ("reversed".to_owned(), "available".to_owned(), 0, 0);
        assert_eq!((of(&plus), of(&minus), of(&free)), (reversed(), reversed(), available(9)));
        agency.recompute("2026-01-23T00:00:00Z");
    }
}

#[test]
fn an_open_dispute_of_its_invoice_freezes_what_it_adds() {
    let agency = Agency::with_client();
    let plus = agency.book("2026-01-12T00:00:00Z", json!({"account": "p", "invoice": "in_1", "amount_cents": 1_000}));
    let dispute = |id: &str, kind: &str, when: &str| {
        let amount = json!({"cents": 100_000, "currency": "usd"});
        agency.uses.event(
            id,
            kind,
            when,
            "p",
            json!({"amount": amount, "data": {"dispute_id": "d1", "invoice_id": "in_1"}}),
        );
    };
    let state = || agency.accrual(plus["accrual"].as_str().unwrap()).0;
    dispute("dp_1", "dispute.opened", "2026-01-13T00:00:00Z");
    assert_eq!(state(), "disputed");
    dispute("dp_2", "dispute.won", "2026-01-14T00:00:00Z");
    assert_eq!(state(), "available");
    agency.recompute("2026-01-15T00:00:00Z");
}

#[test]
fn it_counts_in_no_rank_and_in_no_reward() {
    let agency = Agency::with_client();
    agency.book("2026-01-12T00:00:00Z", json!({"amount_cents": 5_000_000, "account": "p"}));
    agency.book("2026-01-12T00:00:00Z", json!({"amount_cents": 5_000_000}));
    agency.uses.run(AGENCY, "2026-02-01T06:00:00Z");
    let ranks = agency.uses.get("2026-02-02T00:00:00Z", &format!("/v1/leaderboard?program={AGENCY}"));
    assert_eq!((&ranks["data"][0]["referrals"], &ranks["data"][0]["gross_cents"]), (&json!(1), &json!(20_000)));
    let path = format!("/v1/reports/channels?program={AGENCY}&month=2026-01");
    let report = agency.uses.get("2026-02-02T00:00:00Z", &path);
    let rows = report["data"].as_array().unwrap();
    let sum = |name: &str| rows.iter().map(|r| r[name].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("rewarded"), sum("gross_cents")), (1, 10_020_000), "{report}");
}

#[test]
fn what_does_not_exist_is_refused() {
    let agency = Agency::with_client();
    let when = "2026-01-12T00:00:00Z";
    for (more, code) in [
        (json!({"partner": "ptn_none", "amount_cents": 1}), "unknown_partner"),
        (json!({"account": "nobody", "amount_cents": 1}), "unknown_account"),
        (json!({"account": "p", "invoice": "in_9", "amount_cents": 1}), "unknown_invoice"),
        (json!({"accrual": "acr_none", "amount_cents": -1}), "unknown_accrual"),
        (json!({"adjustment": "adj_none", "amount_cents": -1}), "unknown_adjustment"),
        (json!({"amount_cents": 1, "currency": "eur"}), "wrong_currency"),
        (json!({"amount_cents": -1, "balance": "pending"}), "unsupported"),
    ] {
        assert_eq!(agency.refusal(when, more.clone()), code, "{more}");
    }
    let (salon, _) = agency.uses.partner("tiered-credits", "host");
    assert_eq!(agency.refusal(when, json!({"partner": salon, "amount_cents": 1, "balance": "pending"})), "no_runs");
    let (funnel, _) = agency.uses.partner("partner-funnel", "blog");
    assert_eq!(agency.refusal(when, json!({"partner": funnel, "amount_cents": 1})), "no_money");
    agency.book(when, json!({"partner": salon, "amount_cents": 150}));
    assert_eq!(agency.uses.world.balance(&salon, "available"), 150, "without any budget");
}

#[test]
fn a_preview_says_what_the_run_vests() {
    let agency = Agency::with_client();
    agency.book("2026-01-12T00:00:00Z", json!({"amount_cents": 700, "balance": "pending"}));
    agency.book("2026-01-12T00:00:00Z", json!({"amount_cents": 30, "balance": "pending", "account": "p"}));
    let body = json!({"program": AGENCY, "cadence": "monthly", "period": "2026-01", "preview": true});
    let (status, preview) = agency.uses.post("2026-02-01T06:00:00Z", "/v1/runs", body);
    assert_eq!((status, &preview["vests"][0]["cents"]), (200, &json!(730)), "{preview}");
    agency.uses.run(AGENCY, "2026-02-01T06:00:00Z");
    assert_eq!(agency.balances(), (20_000, 730));
}
