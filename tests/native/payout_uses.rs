//! Payouts as operators meet them: planned by a run, approved, sent, explained, stopped, taken back, reported.

mod credits;
mod fixture;
mod plans;

use crate::payout::stripe::{self, Mishap};
use crate::support::world::at;
use fixture::{PayoutFixture, sum};
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};

const AGENCY: &str = "agency-partner";
const APRIL: &str = "2026-04-01T06:00:00Z";
const MAY: &str = "2026-05-01T06:00:00Z";
const JUNE: &str = "2026-06-01T06:00:00Z";

/// A partner whose account paid $500 in January: $100 vest in the run of April.
fn earned(fixture: &PayoutFixture, who: &str) -> String {
    let (id, code) = fixture.partner(AGENCY, who);
    fixture.event(
        &format!("s_{who}"),
        "account.signed_up",
        "2026-01-05T00:00:00Z",
        who,
        json!({"attribution": {"code": code}}),
    );
    fixture.paid(who, &format!("in_{who}_1"), "2026-01-10T00:00:00Z", 50_000);
    id
}

fn only(list: &Value) -> Value {
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
    list["data"][0].clone()
}

#[test]
fn a_run_plans_an_operator_approves_and_stripe_pays() {
    let fixture = PayoutFixture::new(PayoutApproval::UntilFirst);
    let ready = earned(&fixture, "ready");
    let waiting = earned(&fixture, "waiting");
    fixture.payable(&ready);
    fixture.run(AGENCY, APRIL);
    let planned = only(&fixture.get(APRIL, "/v1/payouts?state=planned"));
    assert_eq!((planned["amount_cents"].as_i64(), planned["partner"].as_str()), (Some(10_000), Some(ready.as_str())));
    let run = planned["run"].as_str().unwrap().to_owned();
    assert_eq!(fixture.messages("payout.onboarding"), [(Some(waiting.clone()), 10_000)]);
    assert_eq!(fixture.messages("payout.approval"), [(None, 10_000)]);
    let report = fixture.get(APRIL, &format!("/v1/runs/{run}/report"));
    assert_eq!(report["approval"], json!({"policy": "until_first", "approved": false, "by": null}));
    assert_eq!(report["carried_forward"][0]["why"], "not_onboarded");

    fixture.sweep(APRIL);
    assert_eq!(fixture.stripe.borrow().transfers.len(), 0, "nothing leaves without approval");
    let balances = fixture.get(APRIL, &format!("/v1/partners/{ready}"));
    assert_eq!(balances["balances"][0]["available_cents"], 0, "what is planned is set aside");
    assert_eq!(balances["payability"]["payable"], true);

    let approved = fixture.post(APRIL, &format!("/v1/runs/{run}/approve"), json!({"reason": "compared"}));
    assert_eq!((approved.0, approved.1["actor"].as_str()), (200, Some("token:bootstrap")));
    assert_eq!(fixture.post(APRIL, &format!("/v1/runs/{run}/approve"), json!({})).0, 200, "again");
    let paid = only(&fixture.get(APRIL, "/v1/payouts?state=paid"));
    assert_eq!((paid["transfer"].as_str(), paid["attempt"].as_i64()), (Some("tr_1"), Some(1)));
    assert_eq!(fixture.stripe.borrow().paid(paid["destination"].as_str().unwrap()), 10_000);
    assert_eq!(fixture.messages("payout.sent"), [(Some(ready.clone()), 10_000)]);
    assert_eq!(fixture.balance(&ready), (0, 10_000));
    let made = fixture.stripe.borrow().transfers[0].clone();
    assert_eq!(made.metadata["payout"], paid["id"].as_str().unwrap());

    // The one who was not onboarded is paid with the next run, which goes by itself now.
    fixture.payable(&waiting);
    fixture.paid("waiting", "in_waiting_2", "2026-04-10T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    fixture.sweep(MAY);
    assert_eq!(fixture.balance(&waiting), (0, 16_000));
    let report = fixture.get(MAY, &format!("/v1/runs/{}/report", fixture.run_of(AGENCY, MAY)));
    assert_eq!(report["approval"]["approved"], true);
    assert_eq!(report["payouts"][0]["amount_cents"], 16_000);
    fixture.is_sound();
}

#[test]
fn with_manual_approval_each_run_waits() {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    let (status, _) = fixture.post(APRIL, &format!("/v1/runs/{}/approve", fixture.run_of(AGENCY, APRIL)), json!({}));
    assert_eq!(status, 200);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    fixture.sweep(MAY);
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    assert_eq!(fixture.stripe.borrow().transfers.len(), 1);
    // A run that was planned before the first approval of another needs its own, whatever the rule.
    let fixture = PayoutFixture::new(PayoutApproval::UntilFirst);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    let (status, _) = fixture.post(MAY, &format!("/v1/runs/{}/approve", fixture.run_of(AGENCY, MAY)), json!({}));
    fixture.sweep("2026-05-01T06:10:00Z");
    assert_eq!((status, fixture.stripe.borrow().transfers.len()), (200, 1), "April's was never approved");
    assert_eq!(fixture.stripe.borrow().transfers[0].amount, 6_000);
}

#[test]
fn what_a_partner_owes_is_netted_and_the_receipt_says_how() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    fixture.refunded("re_1", "in_p_1", "2026-04-05T00:00:00Z", 50_000);
    assert_eq!(fixture.balance(&partner).0, -10_000);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 20_000);
    fixture.run(AGENCY, MAY);
    fixture.sweep(MAY);
    let report = fixture.get(MAY, &format!("/v1/runs/{}/report", fixture.run_of(AGENCY, MAY)));
    assert_eq!(
        (report["payouts"].clone(), report["carried_forward"][0]["why"].as_str()),
        (json!([]), Some("negative"))
    );
    assert_eq!(report["carried_forward"][0]["amount_cents"], -6_000);
    fixture.paid("p", "in_3", "2026-05-10T00:00:00Z", 90_000);
    fixture.run(AGENCY, JUNE);
    fixture.sweep(JUNE);
    assert_eq!(fixture.balance(&partner), (0, 22_000));
    let all = fixture.get(JUNE, &format!("/v1/payouts?partner={partner}&limit=1"));
    let id = all["data"][0]["id"].as_str().unwrap();
    let receipt = fixture.get(JUNE, &format!("/v1/payouts/{id}"));
    assert_eq!((receipt["period"].as_str(), receipt["opening_cents"].as_i64()), (Some("2026-05"), Some(0)));
    let moved: Vec<(&str, i64)> = receipt["movements"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["type"].as_str().unwrap(), m["amount_cents"].as_i64().unwrap()))
        .collect();
    assert_eq!(moved, [("reverse", -10_000), ("vest", 4_000), ("vest", 18_000)]);
    assert_eq!(sum(&receipt["movements"]["data"]), receipt["moved_cents"].as_i64().unwrap());
    assert_eq!(receipt["amount_cents"], 12_000);
    assert_eq!(receipt["movements"]["data"][1]["reward_id"], "first-year");
    let first = fixture.get(JUNE, &format!("/v1/payouts/{id}?limit=2"));
    let cursor = first["movements"]["next_cursor"].as_str().unwrap();
    let rest = fixture.get(JUNE, &format!("/v1/payouts/{id}?cursor={cursor}"));
    assert_eq!(rest["movements"]["data"].as_array().unwrap().len(), 1);
    fixture.is_sound();
}

#[test]
fn below_the_minimum_nothing_is_planned() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (id, _) = fixture.partner("developer-affiliate", "d");
    fixture.payable(&id);
    fixture.adjust("developer-affiliate", &id, 4_999);
    fixture.run("developer-affiliate", APRIL);
    assert_eq!(fixture.get(APRIL, "/v1/payouts")["data"], json!([]));
    fixture.adjust("developer-affiliate", &id, 1);
    fixture.run("developer-affiliate", MAY);
    fixture.sweep(MAY);
    assert_eq!(fixture.balance(&id), (0, 5_000));
}

#[test]
fn operators_hold_release_and_cancel() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    let id = only(&fixture.get(APRIL, "/v1/payouts"))["id"].as_str().unwrap().to_owned();
    let decide = |what: &str| {
        fixture.post(APRIL, &format!("/v1/payouts/{id}/{what}"), json!({"reason": "asked by the partner"}))
    };
    assert_eq!(decide("hold").1["state"], "held");
    assert_eq!(decide("hold").0, 200, "again");
    fixture.sweep(APRIL);
    assert_eq!(only(&fixture.get(APRIL, "/v1/payouts?state=held"))["id"], json!(id));
    assert_eq!(decide("release").1["state"], "planned");
    assert_eq!(decide("cancel").1["state"], "cancelled");
    assert_eq!(decide("cancel").0, 200, "again");
    assert_eq!(decide("hold").1["code"], "payout_state");
    fixture.sweep(APRIL);
    assert_eq!((fixture.balance(&partner), fixture.stripe.borrow().transfers.len()), ((10_000, 0), 0));
    assert_eq!(fixture.post(APRIL, &format!("/v1/payouts/{id}/hold"), json!({})).0, 422, "a reason is needed");
    assert_eq!(fixture.post(APRIL, "/v1/payouts/po_none/hold", json!({"reason": "x"})).0, 404);
    let audit = fixture.get(APRIL, "/v1/audit");
    // All of one instant, in no order among themselves.
    let actions = audit["data"].as_array().unwrap().iter().filter_map(|a| a["action"].as_str());
    let mut actions: Vec<&str> = actions.filter(|action| action.starts_with("payout.")).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["payout.cancel", "payout.hold", "payout.release"]);
    fixture.is_sound();
}

#[test]
fn what_stripe_refuses_is_carried_forward_and_an_empty_balance_waited_for() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (closed, short) = (earned(&fixture, "closed"), earned(&fixture, "short"));
    let account = fixture.payable(&closed);
    fixture.payable(&short);
    fixture.stripe.borrow_mut().closed.insert(account.clone());
    fixture.stripe.borrow_mut().balance = 50;
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    fixture.sweep("2026-04-01T06:20:00Z");
    let failed = only(&fixture.get(APRIL, "/v1/payouts?state=failed"));
    assert!(failed["reason"].as_str().unwrap().starts_with("insufficient_capabilities"), "{failed}");
    assert_eq!((fixture.balance(&closed), fixture.balance(&short)), ((10_000, 0), (0, 0)));
    assert_eq!(fixture.messages("payout.failed"), [(Some(closed.clone()), 10_000)]);
    assert_eq!(fixture.messages("payout.funds").len(), 1, "the operator is told");
    fixture.stripe.borrow_mut().balance = 1_000_000;
    fixture.sweep("2026-04-01T11:00:00Z");
    assert_eq!(fixture.balance(&short).1, 0, "it waits six hours");
    fixture.sweep("2026-04-01T13:00:00Z");
    assert_eq!(fixture.balance(&short), (0, 10_000));
    assert_eq!(only(&fixture.get(MAY, "/v1/payouts?state=paid"))["attempt"], 2);
    fixture.stripe.borrow_mut().closed.remove(&account);
    fixture.run(AGENCY, MAY);
    fixture.sweep(MAY);
    assert_eq!(fixture.balance(&closed), (0, 10_000));
    let receipt = fixture.get(MAY, &format!("/v1/payouts?run={}", fixture.run_of(AGENCY, MAY)));
    let receipt = fixture.get(MAY, &format!("/v1/payouts/{}", only(&receipt)["id"].as_str().unwrap()));
    assert_eq!(receipt["movements"]["data"][0]["type"], "payout_came_back");
    fixture.is_sound();
}

#[test]
fn a_key_that_stripe_does_not_take_fails_nothing() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.stripe.borrow_mut().mishap = Some(Mishap::Locked);
    fixture.sweep(APRIL);
    assert_eq!(only(&fixture.get(APRIL, "/v1/payouts"))["state"], "submitting");
    assert_eq!(fixture.messages("payout.access").len(), 1);
    fixture.sweep("2026-04-01T06:30:00Z");
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    assert_eq!(fixture.stripe.borrow().transfers.len(), 1);
}

#[test]
fn a_payout_under_review_is_resolved_by_what_stands_at_stripe() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    // As if the answer had been lost, and somebody had sent it by hand as well.
    let mut twin = fixture.stripe.borrow().transfers[0].clone();
    twin.id = "tr_twin".to_owned();
    fixture.stripe.borrow_mut().transfers.push(twin);
    let partner2 = earned(&fixture, "q");
    let account = fixture.payable(&partner2);
    fixture.run(AGENCY, MAY);
    let id = only(&fixture.get(MAY, &format!("/v1/payouts?partner={partner2}")))["id"].as_str().unwrap().to_owned();
    {
        let mut stripe = fixture.stripe.borrow_mut();
        let mut made = stripe.transfers[0].clone();
        (made.id, made.group, made.destination) = ("tr_hand".to_owned(), id.clone(), account);
        stripe.transfers.push(made.clone());
        made.id = "tr_hand_2".to_owned();
        stripe.transfers.push(made);
        stripe.mishap = Some(Mishap::FailedUndone);
    }
    fixture.sweep(MAY);
    fixture.sweep("2026-05-03T06:00:00Z");
    let shown = fixture.get("2026-05-03T06:00:00Z", &format!("/v1/payouts/{id}"));
    assert_eq!(shown["state"], "review", "{shown}");
    assert_eq!(fixture.messages("payout.review").len(), 1);
    let resolve = |body: Value| fixture.post("2026-05-03T07:00:00Z", &format!("/v1/payouts/{id}/resolve"), body);
    assert_eq!(resolve(json!({"decision": "failed", "reason": "x"})).1["code"], "transfer_stands");
    let paid = json!({"decision": "paid", "transfer": "tr_hand", "reason": "one of them was taken back"});
    assert_eq!(resolve(paid.clone()).1["code"], "transfers_differ");
    {
        let mut stripe = fixture.stripe.borrow_mut();
        let twice = stripe.transfers.iter_mut().find(|t| t.id == "tr_hand_2").unwrap();
        let back =
            stripe::Reversal { id: "trr_hand".to_owned(), amount: 10_000, metadata: Default::default(), created: 0 };
        twice.reversals.push(back);
    }
    assert_eq!(resolve(paid.clone()).1["transfer"], "tr_hand");
    assert_eq!(resolve(paid).0, 200, "again");
    assert_eq!(fixture.balance(&partner2), (0, 10_000));
    // A part of what stands was taken back before it was known here.
    let partner3 = earned(&fixture, "r");
    let account = fixture.payable(&partner3);
    fixture.run(AGENCY, JUNE);
    let id = only(&fixture.get(JUNE, &format!("/v1/payouts?partner={partner3}")))["id"].as_str().unwrap().to_owned();
    {
        let mut stripe = fixture.stripe.borrow_mut();
        let mut made = stripe.transfers[0].clone();
        (made.id, made.group, made.destination) = ("tr_part".to_owned(), id.clone(), account);
        let back =
            stripe::Reversal { id: "trr_part".to_owned(), amount: 4_000, metadata: Default::default(), created: 0 };
        made.reversals.push(back);
        stripe.transfers.push(made);
        stripe.mishap = Some(Mishap::FailedUndone);
    }
    fixture.sweep(JUNE);
    fixture.sweep("2026-06-03T06:00:00Z");
    let path = format!("/v1/payouts/{id}/resolve");
    let paid = json!({"decision": "paid", "transfer": "tr_part", "reason": "it is ours"});
    assert_eq!(fixture.post("2026-06-03T07:00:00Z", &path, paid).1["state"], "paid");
    assert_eq!(fixture.balance(&partner3), (4_000, 6_000));
    fixture.is_sound();
}

#[test]
fn entries_are_what_was_earned_paid_and_taken_back_and_add_up() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    let other = earned(&fixture, "other");
    let account = fixture.payable(&partner);
    fixture.payable(&other);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    let paid = only(&fixture.get(APRIL, &format!("/v1/payouts?partner={partner}")));
    let id = paid["id"].as_str().expect("an id");
    let back = json!({"amount_cents": 2_500, "reason": "too much"});
    let path = format!("/v1/payouts/{id}/reversals");
    assert_eq!(fixture.post_with("2026-04-02T00:00:00Z", &path, back, &[("idempotency-key", "k")]).0, 201);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    fixture.stripe.borrow_mut().closed.insert(account);
    fixture.run(AGENCY, MAY);
    fixture.sweep(MAY);
    fixture.sweep("2026-05-01T06:20:00Z");
    fixture.paid("p", "in_3", "2026-05-10T00:00:00Z", 10_000);

    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = fixture.get(JUNE, &format!("/v1/partners/{partner}/balance-transactions?limit=2&cursor={cursor}"));
        all.extend(page["data"].as_array().expect("entries").iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    let shown: Vec<(&str, i64, &str, &str)> = all
        .iter()
        .map(|e| {
            let text = |name: &str| e[name].as_str().expect("a text");
            (text("type"), e["amount_cents"].as_i64().expect("cents"), text("state"), text("period"))
        })
        .collect();
    let want = [
        ("accrual", 10_000, "available", "2026-01"),
        ("payout", -10_000, "paid", "2026-03"),
        ("payout_return", 2_500, "reversed", "2026-04"),
        ("accrual", 6_000, "available", "2026-04"),
        ("payout", 0, "failed", "2026-04"),
        ("accrual", 2_000, "pending", "2026-05"),
    ];
    assert_eq!(shown, want);
    assert_eq!((&all[1]["id"], &all[1]["transfer"]), (&paid["id"], &paid["transfer"]));
    let whole = fixture.get(JUNE, &format!("/v1/partners/{partner}/balance-transactions"));
    assert_eq!(whole["data"], json!(all), "however it is paged");
    let balances = fixture.get(JUNE, &format!("/v1/partners/{partner}"))["balances"][0].clone();
    let has: i64 = ["pending_cents", "available_cents"].iter().filter_map(|name| balances[*name].as_i64()).sum();
    assert_eq!(sum(&whole["data"]), has, "{balances}");
}

#[test]
fn a_transfer_is_taken_back_once_whoever_says_so_first() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    let account = fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    let id = only(&fixture.get(APRIL, "/v1/payouts"))["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/payouts/{id}/reversals");
    let ask = |body: Value, key: &str| fixture.post_with(APRIL, &path, body, &[("idempotency-key", key)]);
    let (status, back) = ask(json!({"amount_cents": 2_500, "reason": "too much"}), "k1");
    assert_eq!((status, back["state"].as_str(), back["reversal"].as_str()), (201, Some("reversed"), Some("trr_1")));
    let again = ask(json!({"amount_cents": 2_500, "reason": "too much"}), "k1");
    assert_eq!(again.1["id"], back["id"], "the same request is the same reversal");
    assert_eq!(fixture.balance(&partner), (2_500, 7_500));
    fixture.refresh_reversed(APRIL, "tr_1");
    assert_eq!(fixture.balance(&partner), (2_500, 7_500), "the webhook books the same one");
    // Somebody takes more back at Stripe itself.
    fixture.stripe.borrow_mut().transfers[0].reversals.push(stripe::Reversal {
        id: "trr_9".to_owned(),
        amount: 1_500,
        metadata: Default::default(),
        created: 0,
    });
    fixture.refresh_reversed(APRIL, "tr_1");
    fixture.refresh_reversed(APRIL, "tr_1");
    assert_eq!(fixture.balance(&partner), (4_000, 6_000));
    assert_eq!(ask(json!({"amount_cents": 7_501, "reason": "x"}), "k2").1["code"], "more_than_paid");
    fixture.stripe.borrow_mut().accounts.insert(account, 0);
    let (_, failed) = ask(json!({"reason": "all of it"}), "k3");
    assert_eq!(failed["state"], "failed", "{failed}");
    let receipt = fixture.get(APRIL, &format!("/v1/payouts/{id}"));
    assert_eq!(receipt["reversals"].as_array().unwrap().len(), 2);
    fixture.is_sound();
    let csv = fixture.text("2026-12-31T00:00:00Z", "/v1/reports/payouts?year=2026");
    let row = csv.lines().nth(1).unwrap();
    assert!(row.ends_with(",\"usd\",\"1\",\"10000\",\"4000\",\"6000\""), "{csv}");
    assert!(row.starts_with(&format!("\"2026\",\"{AGENCY}\",\"{partner}\",\"agency_p\",\"agency_p\",")), "{csv}");
    assert_eq!(fixture.text(APRIL, "/v1/reports/payouts?year=2025").lines().count(), 1);
}

#[test]
fn what_is_taken_back_before_the_transfer_is_known_is_booked_after() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    let id = only(&fixture.get(APRIL, "/v1/payouts"))["id"].as_str().expect("an id").to_owned();
    let reversed = json!({
        "id": "evt_back", "type": "transfer.reversed", "created": at(APRIL).0 / 1_000, "livemode": false,
        "data": {"object": {"id": "tr_1", "object": "transfer", "amount": 10_000, "amount_reversed": 10_000,
            "transfer_group": id}},
    });
    // Stripe makes the transfer, and nobody hears of it; an operator takes it back at Stripe.
    fixture.drop_answers(1);
    fixture.sweep(APRIL);
    assert_eq!(fixture.stripe.borrow().transfers.len(), 1);
    assert_eq!(only(&fixture.get(APRIL, "/v1/payouts"))["state"], "submitting");
    fixture.stripe.borrow_mut().transfers[0].reversals.push(stripe::Reversal {
        id: "trr_hand".to_owned(),
        amount: 10_000,
        metadata: Default::default(),
        created: 0,
    });
    let (status, told) = fixture.stripe_says(APRIL, &reversed);
    assert_eq!((status, told["code"].as_str()), (409, Some("payout_open")), "Stripe will say it again: {told}");
    // The answer that was lost is given again as it was, before anything was taken back.
    fixture.sweep("2026-04-01T06:30:00Z");
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    for _ in 0..2 {
        assert_eq!(fixture.stripe_says("2026-04-01T07:00:00Z", &reversed).1["outcome"], "applied");
    }
    assert_eq!(fixture.balance(&partner), (10_000, 0));
    // A transfer of somebody else's is nothing of ours: Stripe is not even asked.
    let mut other = reversed.clone();
    (other["id"], other["data"]["object"]["id"]) = (json!("evt_other"), json!("tr_of_another"));
    other["data"]["object"]["transfer_group"] = json!("ORDER_7");
    let calls = fixture.stripe.borrow().calls;
    assert_eq!(fixture.stripe_says(APRIL, &other).1["outcome"], "ignored");
    assert_eq!(fixture.stripe.borrow().calls, calls);
    fixture.is_sound();
}

#[test]
fn what_keeps_payouts_from_going_keeps_no_message() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    let waiting = || fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE addressed_at_ms IS NULL");
    assert!(waiting() > 0);
    fixture
        .world
        .db
        .connection
        .borrow()
        .execute_batch("DROP VIEW payout_check; ALTER TABLE payout RENAME TO gone")
        .expect("gone");
    let ctx = fixture.world.at(at(APRIL));
    let swept = crate::support::world::now(manicule::jobs::run(&ctx, "*/10 * * * *", at(APRIL)));
    assert!(swept.is_err(), "what is broken is told");
    assert_eq!(waiting(), 0, "and keeps nothing else back");
}

#[test]
fn partners_are_onboarded() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (id, _) = fixture.partner(AGENCY, "p");
    let path = format!("/v1/partners/{id}");
    let (status, error) = fixture.post(APRIL, &format!("{path}/dashboard"), json!({}));
    assert_eq!((status, error["code"].as_str()), (409, Some("not_onboarded")));
    fixture.stripe.borrow_mut().mishap = Some(Mishap::FailedUndone);
    assert_eq!(fixture.post(APRIL, &format!("{path}/onboarding"), json!({"country": "de"})).0, 503);
    let later = "2026-04-03T06:00:00Z";
    let (status, link) = fixture.post(later, &format!("{path}/onboarding"), json!({"country": "de"}));
    assert_eq!((status, link["payability"]["country"].as_str()), (200, Some("DE")));
    let again = fixture.post(later, &format!("{path}/onboarding"), json!({})).1;
    assert_eq!(again["payability"]["account"], link["payability"]["account"]);
    assert_ne!(again["url"], link["url"], "a link works once");
    assert_eq!(fixture.get(later, &path)["payability"]["currently_due"], json!(["external_account"]));
    assert_eq!(fixture.post(later, &format!("{path}/dashboard"), json!({})).0, 200);
    assert_eq!(fixture.post(later, "/v1/partners/ptn_none/onboarding", json!({})).0, 404);
}

#[test]
fn without_a_key_money_calls_say_so_and_the_ledger_goes_on() {
    let mut fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.without_key();
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    assert_eq!((fixture.balance(&partner), fixture.messages("payout.onboarding").len()), ((10_000, 0), 0));
    let run = fixture.run_of(AGENCY, APRIL);
    for path in [
        format!("/v1/runs/{run}/approve"),
        format!("/v1/partners/{partner}/onboarding"),
        "/v1/payouts/po_1/reversals".to_owned(),
    ] {
        let (status, error) = fixture.post(APRIL, &path, json!({"reason": "x"}));
        assert_eq!((status, error["code"].as_str()), (409, Some("stripe_not_set_up")), "{path}");
    }
}

#[test]
fn a_thousand_payouts_take_few_statements() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    for number in 0..1_000 {
        let (id, _) = fixture.partner(AGENCY, &format!("p{number}"));
        fixture.payable(&id);
        fixture.adjust(AGENCY, &id, 1_000 + number);
    }
    fixture.run(AGENCY, APRIL);
    let before = fixture.world.db.statements.get();
    fixture.sweep(APRIL);
    let statements = fixture.world.db.statements.get() - before;
    assert_eq!(fixture.stripe.borrow().transfers.len(), 1_000);
    assert!(statements < 350, "{statements} statements");
    println!("{statements} statements for 1,000 payouts");
    fixture.is_sound();
}
