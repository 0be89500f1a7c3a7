//! Payouts from the operators' point of view: planned by a run, approved, sent, explained, stopped, reversed, reported.

mod accruals;
mod attribution;
mod audited;
mod changes;
mod codes;
mod connect;
mod credits;
mod decisions;
pub mod fixture;
mod lists;
mod payability;
mod plans;
mod refused;
mod restored;
mod reversals;
mod rounding;
mod seal;
mod silence;
mod suspensions;

use crate::payout::stripe::{self, Mishap};
use crate::support::world::at;
use fixture::{PayoutFixture, sum};
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};

const AGENCY: &str = "agency-partner";
pub const APRIL: &str = "2026-04-01T06:00:00Z";
pub const MAY: &str = "2026-05-01T06:00:00Z";
const JUNE: &str = "2026-06-01T06:00:00Z";

/// A partner whose account paid $500 in January: $100 vests in the run of April.
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
    // Only those whom it can be sent to read what is ready to pay out.
    let said = |partner: &str| {
        let sql = format!(
            "SELECT payload ->> '$.payouts' AS said FROM outbox WHERE kind = 'statement.commission' AND partner_id = '{partner}'"
        );
        fixture.world.db.look(&sql)[0]["said"].clone()
    };
    assert_eq!((said(&ready), said(&waiting)), (json!("ready"), json!("setup")));
    let report = fixture.get(APRIL, &format!("/v1/runs/{run}/report"));
    assert_eq!(report["approval"], json!({"policy": "until_first", "approved": false, "by": null}));
    assert_eq!(report["carried_forward"][0]["why"], "not_onboarded");

    fixture.sweep(APRIL);
    assert_eq!(fixture.stripe.borrow().transfers.len(), 0, "nothing leaves without approval");
    let balances = fixture.get(APRIL, &format!("/v1/partners/{ready}"));
    assert_eq!(balances["balances"][0]["available_cents"], 0, "planned amounts are reserved");
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

    // The partner who was not onboarded is paid with the next run, which now needs no approval.
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
    // A run that was planned before the first approval of another run still needs its own, whatever the setting.
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
fn debt_is_netted_and_the_receipt_explains_it() {
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
fn receipt_entries_add_up_to_the_payout() {
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
fn blocked_payouts_do_not_block_messages() {
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
    assert!(swept.is_err(), "errors are reported");
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
fn without_a_key_payment_calls_fail_and_the_ledger_keeps_working() {
    let mut fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.without_key();
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    assert_eq!((fixture.balance(&partner), fixture.messages("payout.onboarding").len()), ((10_000, 0), 0));
    let run = fixture.run_of(AGENCY, APRIL);
    for (path, body) in [
        (format!("/v1/runs/{run}/approve"), json!({"reason": "x"})),
        (format!("/v1/partners/{partner}/onboarding"), json!({})),
        ("/v1/payouts/po_1/reversals".to_owned(), json!({"reason": "x"})),
    ] {
        let (status, error) = fixture.post(APRIL, &path, body);
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
    // Seven for each page of twenty.
    assert!(statements < 360, "{statements} statements");
    println!("{statements} statements for 1,000 payouts");
    fixture.is_sound();
}
