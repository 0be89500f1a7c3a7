//! Partners' accounts at Stripe over time: gone, replaced, or in a country that the platform does not reach.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, JUNE, MAY, earned, only};
use crate::payout::stripe::Mishap;
use crate::support::sqlite::Fault;
use crate::support::world::{at, now};
use manicule::codec::outgoing::IncomingResponse;
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};

const SOON: &str = "2026-04-01T06:20:00Z";

fn deauthorized(id: &str, account: &str, when: &str) -> Value {
    json!({
        "id": id, "type": "account.application.deauthorized", "created": at(when).0 / 1_000, "livemode": false,
        "account": account, "data": {"object": {"id": "ca_1", "object": "application", "name": "Manicule"}},
    })
}

fn payability(fixture: &PayoutFixture, when: &str, partner: &str) -> Value {
    fixture.get(when, &format!("/v1/partners/{partner}"))["payability"].clone()
}

fn onboard(fixture: &PayoutFixture, when: &str, partner: &str, body: Value) -> (u16, Value) {
    fixture.post(when, &format!("/v1/partners/{partner}/onboarding"), body)
}

/// A payable partner whose run has planned a payout.
fn planned(approval: PayoutApproval) -> (PayoutFixture, String, String) {
    let fixture = PayoutFixture::new(approval);
    let partner = earned(&fixture, "p");
    let account = fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    (fixture, partner, account)
}

/// The whole ten-minute job.
fn job(fixture: &PayoutFixture, when: &str) {
    now(manicule::jobs::run(&fixture.world.at(at(when)), "*/10 * * * *", at(when))).expect("a sweep");
}

/// Stripe activates a new account.
fn active(fixture: &PayoutFixture, when: &str, account: &str) {
    let event = json!({
        "id": format!("evt_{account}"), "type": "account.updated", "created": at(when).0 / 1_000, "livemode": false,
        "account": account, "data": {"object": {"id": account, "object": "account", "country": "US",
            "default_currency": "usd", "payouts_enabled": true, "capabilities": {"transfers": "active"}}},
    });
    assert_eq!(fixture.stripe_says(when, &event).1["outcome"], "applied");
}

#[test]
fn a_deauthorized_account_is_closed_and_a_new_one_is_paid() {
    let (fixture, partner, account) = planned(PayoutApproval::Manual);
    let event = deauthorized("evt_1", &account, APRIL);
    for _ in 0..2 {
        assert_eq!(fixture.stripe_says(APRIL, &event).1["outcome"], "applied");
    }
    let carried = only(&fixture.get(APRIL, "/v1/payouts?state=cancelled"));
    assert!(
        carried["reason"].as_str().is_some_and(|r| r.contains(&account) && r.contains("deauthorized")),
        "{carried}"
    );
    assert_eq!(fixture.balance(&partner), (10_000, 0), "nothing is lost, though nobody approved it");
    let shown = payability(&fixture, APRIL, &partner);
    assert_eq!((&shown["payable"], &shown["account"]), (&json!(false), &Value::Null));
    assert_eq!(shown["disabled_reason"], "deauthorized");
    assert_eq!(shown["closed_accounts"][0]["account"], json!(account));
    // What is heard about it later revives nothing, and neither does another report of its end.
    let late = json!({
        "id": "evt_2", "type": "account.updated", "created": at(SOON).0 / 1_000, "livemode": false, "account": account,
        "data": {"object": {"id": account, "payouts_enabled": true, "capabilities": {"transfers": "active"}}},
    });
    assert_eq!(fixture.stripe_says(SOON, &late).1["outcome"], "ignored");
    assert_eq!(fixture.stripe_says(SOON, &deauthorized("evt_3", &account, SOON)).1["outcome"], "ignored");
    let (status, made) = onboard(&fixture, SOON, &partner, json!({}));
    let new = made["payability"]["account"].as_str().expect("an account").to_owned();
    assert_eq!((status, new == account), (200, false));
    assert_eq!(made["payability"]["closed_accounts"].as_array().map(Vec::len), Some(1));
    // Closed again within the day in which Stripe would answer the same request with the same account.
    assert_eq!(fixture.stripe_says(SOON, &deauthorized("evt_4", &new, SOON)).1["outcome"], "applied");
    let third = onboard(&fixture, SOON, &partner, json!({})).1["payability"]["account"].clone();
    assert!(third != json!(new) && third != json!(account), "{third}");
    active(&fixture, SOON, third.as_str().expect("an account"));
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    assert_eq!(fixture.post(MAY, &format!("/v1/runs/{}/approve", fixture.run_of(AGENCY, MAY)), json!({})).0, 200);
    assert_eq!(fixture.stripe.borrow().paid(third.as_str().expect("an account")), 16_000);
    assert_eq!(fixture.balance(&partner), (0, 16_000));
    fixture.is_sound();
}

#[test]
fn an_account_of_nobody_is_none_of_ours() {
    let (fixture, partner, _) = planned(PayoutApproval::Manual);
    assert_eq!(fixture.stripe_says(APRIL, &deauthorized("evt_1", "acct_other", APRIL)).1["outcome"], "ignored");
    assert_eq!(payability(&fixture, APRIL, &partner)["payable"], true);
    // The thin event names the account too, and needs no object.
    let thin = json!({
        "id": "evt_2", "object": "v2.core.event", "type": "v1.account.application.deauthorized",
        "created": "2026-04-01T06:00:00Z", "livemode": false, "context": format!("acct_{partner}"),
    });
    assert_eq!(fixture.stripe_says(APRIL, &thin).1["outcome"], "applied");
}

#[test]
fn a_refused_transfer_closes_an_account_that_is_gone() {
    for (status, code) in [(400, "resource_missing"), (404, "resource_missing"), (403, "account_invalid")] {
        let (fixture, partner, account) = planned(PayoutApproval::Automatic);
        fixture.stripe.borrow_mut().gone.insert(account.clone(), (status, code));
        fixture.sweep(APRIL);
        fixture.sweep(SOON);
        assert_eq!(only(&fixture.get(SOON, "/v1/payouts"))["state"], "failed", "{code}");
        let shown = payability(&fixture, SOON, &partner);
        assert_eq!((&shown["payable"], &shown["disabled_reason"]), (&json!(false), &json!("missing")), "{code}");
        assert_eq!((fixture.balance(&partner), fixture.stripe.borrow().transfers.len()), ((10_000, 0), 0));
        let audit = fixture.get(SOON, "/v1/audit");
        let closed = audit["data"].as_array().expect("a list").iter().find(|a| a["action"] == "partner.account_closed");
        assert!(closed.is_some_and(|a| a["reason"].as_str().is_some_and(|r| r.contains(code))), "{audit}");
        fixture.is_sound();
    }
}

#[test]
fn every_other_call_about_an_account_closes_it_too() {
    for (what, status, code) in [
        ("onboarding", 400, "resource_missing"),
        ("onboarding", 403, "account_invalid"),
        ("dashboard", 404, "resource_missing"),
        ("dashboard", 403, "account_invalid"),
    ] {
        let (fixture, partner, account) = planned(PayoutApproval::Manual);
        fixture.stripe.borrow_mut().gone.insert(account.clone(), (status, code));
        let (status, told) = fixture.post(SOON, &format!("/v1/partners/{partner}/{what}"), json!({}));
        assert_eq!(fixture.balance(&partner), (10_000, 0), "{what} {code}: what was planned is carried");
        let shown = payability(&fixture, SOON, &partner);
        assert_eq!(shown["closed_accounts"][0]["reason"], "missing", "{what} {code}");
        match what {
            "onboarding" => assert!(status == 200 && shown["account"] != json!(account), "{told}"),
            _ => assert_eq!((status, told["code"].as_str()), (409, Some("not_onboarded"))),
        }
        fixture.is_sound();
    }
    // The daily look at accounts that cannot be paid.
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let (partner, _) = fixture.partner(AGENCY, "p");
    let account = onboard(&fixture, APRIL, &partner, json!({})).1["payability"]["account"].clone();
    let account = account.as_str().expect("an account").to_owned();
    fixture.stripe.borrow_mut().gone.insert(account, (403, "account_invalid"));
    job(&fixture, SOON);
    assert_eq!(payability(&fixture, SOON, &partner)["disabled_reason"], "missing");
}

/// A key of the other mode, or of another platform, is refused for every account.
#[test]
fn a_wrong_key_closes_no_account() {
    let refuse = |fixture: &PayoutFixture, message: &'static str| {
        let model = std::rc::Rc::clone(&fixture.stripe);
        *fixture.world.service.borrow_mut() = Box::new(move |request| {
            let is_about_account = request.url.contains("/v1/accounts") || request.method == "POST";
            if !is_about_account {
                return Ok(model.borrow_mut().answer(&request, at(APRIL).0));
            }
            let error =
                json!({"error": {"type": "invalid_request_error", "code": "resource_missing", "message": message}});
            Ok(IncomingResponse { status: 400, headers: Vec::new(), body: error.to_string().into_bytes() })
        });
    };
    let closed = |fixture: &PayoutFixture| fixture.world.db.number("SELECT COUNT(*) FROM payee_closed");
    let (fixture, partner, _) = planned(PayoutApproval::Automatic);
    refuse(
        &fixture,
        "No such destination: 'acct_x'; a similar object exists in test mode, but a live mode key was used",
    );
    fixture.sweep(APRIL);
    fixture.sweep(SOON);
    assert_eq!(closed(&fixture), 0);
    assert_eq!(payability(&fixture, SOON, &partner)["payable"], true, "it is as good as before");

    let (fixture, partner, _) = planned(PayoutApproval::Automatic);
    let known = now(manicule::service::payout::platform::find(&fixture.world.at(at(APRIL))));
    assert_eq!(known.expect("an answer").map(|row| row.country), Some("US".to_owned()));
    fixture.stripe.borrow_mut().platform = Some(("acct_another".to_owned(), "US".to_owned()));
    fixture.another_key();
    refuse(&fixture, "No such destination: 'acct_x'");
    fixture.sweep(APRIL);
    fixture.sweep(SOON);
    assert_eq!(closed(&fixture), 0, "every account would be");
    let shown = payability(&fixture, SOON, &partner);
    assert_eq!(
        (&shown["payable"], &shown["disabled_reason"]),
        (&json!(false), &json!("account_invalid")),
        "nothing is planned"
    );
    // With the right key everything is as before.
    let model = std::rc::Rc::clone(&fixture.stripe);
    fixture.stripe.borrow_mut().platform = None;
    *fixture.world.service.borrow_mut() = Box::new(move |request| Ok(model.borrow_mut().answer(&request, at(MAY).0)));
    job(&fixture, MAY);
    assert_eq!(payability(&fixture, MAY, &partner)["payable"], true);
    fixture.is_sound();
}

#[test]
fn what_stripe_does_not_say_closes_nothing() {
    for mishap in [Mishap::TooMany, Mishap::FailedUndone, Mishap::Locked] {
        let (fixture, partner, account) = planned(PayoutApproval::Manual);
        fixture.stripe.borrow_mut().mishap = Some(mishap);
        onboard(&fixture, SOON, &partner, json!({}));
        assert_eq!(payability(&fixture, SOON, &partner)["account"], json!(account), "{mishap:?}");
    }
    let (fixture, partner, account) = planned(PayoutApproval::Automatic);
    fixture.stripe.borrow_mut().closed.insert(account.clone());
    fixture.sweep(APRIL);
    fixture.sweep(SOON);
    assert_eq!(payability(&fixture, SOON, &partner)["account"], json!(account), "it only lacks a capability");
}

#[test]
fn a_partner_who_moved_gets_another_account() {
    let (fixture, partner, account) = planned(PayoutApproval::Automatic);
    // The balance was too small, so a key was used and the payout waits.
    fixture.stripe.borrow_mut().balance = 1;
    fixture.sweep(APRIL);
    assert_eq!(only(&fixture.get(APRIL, "/v1/payouts"))["attempt"], 1);
    fixture.stripe.borrow_mut().balance = 100_000_000;
    assert_eq!(onboard(&fixture, SOON, &partner, json!({"country": "US"})).1["payability"]["account"], json!(account));
    let (status, moved) = onboard(&fixture, SOON, &partner, json!({"country": "DE"}));
    assert_eq!((status, &moved["payability"]["country"]), (200, &json!("DE")));
    let before = &moved["payability"]["closed_accounts"][0];
    assert_eq!(
        (&before["account"], &before["country"], &before["reason"]),
        (&json!(account), &json!("US"), &json!("moved"))
    );
    fixture.sweep("2026-04-01T13:00:00Z");
    let carried = only(&fixture.get(APRIL, "/v1/payouts"));
    assert_eq!((&carried["state"], fixture.stripe.borrow().transfers.len()), (&json!("cancelled"), 0), "{carried}");
    assert_eq!(fixture.balance(&partner), (10_000, 0));
    let (status, refused) = onboard(&fixture, SOON, &partner, json!({"country": "BR"}));
    assert_eq!((status, refused["code"].as_str()), (422, Some("country_not_offered")));
    assert_eq!(payability(&fixture, SOON, &partner)["country"], "DE", "the account stays");
    fixture.is_sound();
}

#[test]
fn the_platform_is_asked_once_and_again_while_it_is_unknown() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (partner, _) = fixture.partner(AGENCY, "p");
    let asked = || fixture.world.db.number("SELECT COUNT(*) FROM stripe_platform");
    fixture.stripe.borrow_mut().mishap = Some(Mishap::FailedUndone);
    assert_eq!((onboard(&fixture, APRIL, &partner, json!({"country": "DE"})).0, asked()), (503, 0));
    assert_eq!(fixture.stripe.borrow().accounts.len(), 0, "an account can't be moved later");
    onboard(&fixture, APRIL, &partner, json!({"country": "DE"}));
    assert_eq!(asked(), 1);
    let before = fixture.stripe.borrow().calls;
    onboard(&fixture, APRIL, &partner, json!({"country": "DE"}));
    assert_eq!(fixture.stripe.borrow().calls, before + 1, "a link, and nothing else");
    let agreements: Vec<String> = fixture.stripe.borrow().agreements.values().cloned().collect();
    assert_eq!(agreements, ["full"]);
}

#[test]
fn partners_are_paid_where_stripe_pays() {
    for (platform, country, offered) in [
        ("US", "DE", true),
        ("US", "IS", true),
        ("US", "US", true),
        ("US", "BR", false),
        ("US", "IN", false),
        ("DE", "CA", true),
        ("JP", "JP", true),
        ("JP", "US", false),
    ] {
        let fixture = PayoutFixture::new(PayoutApproval::Automatic);
        fixture.stripe.borrow_mut().platform = Some(("acct_platform".to_owned(), platform.to_owned()));
        let partner = earned(&fixture, "p");
        let (status, told) = onboard(&fixture, APRIL, &partner, json!({"country": country}));
        assert_eq!(status == 200, offered, "{platform} to {country}: {told}");
        let agreements: Vec<String> = fixture.stripe.borrow().agreements.values().cloned().collect();
        assert!(agreements.iter().all(|a| a == "full"), "{agreements:?}");
        // An account that was there before the platform's country was known.
        let account = if offered {
            told["payability"]["account"].as_str().expect("an account").to_owned()
        } else {
            let account = fixture.payable(&partner);
            fixture.world.db.connection.borrow().execute("UPDATE payee SET country = ?1", [country]).expect("set");
            fixture.stripe.borrow_mut().countries.insert(account.clone(), country.to_owned());
            account
        };
        if offered {
            active(&fixture, SOON, &account);
            fixture.world.db.connection.borrow().execute("UPDATE payee SET country = ?1", [country]).expect("set");
        }
        let shown = payability(&fixture, SOON, &partner);
        assert_eq!(shown["payable"], json!(offered), "{platform} to {country}");
        assert_eq!(shown["disabled_reason"] == "country_not_offered", !offered, "{shown}");
        fixture.run(AGENCY, MAY);
        fixture.sweep(MAY);
        let paid = if offered { (0, 10_000) } else { (10_000, 0) };
        assert_eq!(fixture.balance(&partner), paid, "{platform} to {country}: it is kept");
        assert_eq!(fixture.messages("payout.failed"), []);
        assert_eq!(fixture.messages("payout.onboarding"), [], "there is nothing to set up");
        fixture.is_sound();
    }
}

/// The stand-in refuses what Stripe refuses, if the platform's country was never known here.
#[test]
fn stripe_s_own_refusal_across_regions_is_an_answer() {
    for agreement in ["full", "recipient"] {
        let (fixture, partner, account) = planned(PayoutApproval::Automatic);
        let country = if agreement == "full" { "BR" } else { "GB" };
        fixture.stripe.borrow_mut().countries.insert(account.clone(), country.to_owned());
        fixture.stripe.borrow_mut().agreements.insert(account, agreement.to_owned());
        fixture.sweep(APRIL);
        fixture.sweep(SOON);
        assert_eq!(only(&fixture.get(SOON, "/v1/payouts"))["state"], "failed", "{agreement}");
        assert_eq!(fixture.balance(&partner), (10_000, 0));
        fixture.sweep(JUNE);
        fixture.is_sound();
    }
}

/// Whatever call to the database fails, before or after it was written: the next delivery or request ends it.
#[test]
fn closing_can_be_cut_off_anywhere() {
    for fault in [Fault::Before, Fault::AfterCommit] {
        for moves in [false, true] {
            let mut reached = 0;
            for call in 0..40 {
                let (fixture, partner, account) = planned(PayoutApproval::Manual);
                let db = &fixture.world.db;
                let act = || match moves {
                    true => onboard(&fixture, SOON, &partner, json!({"country": "DE"})).0,
                    false => fixture.stripe_says(SOON, &deauthorized("evt_1", &account, SOON)).0,
                };
                db.fault.set(Some((db.calls.get() + call, fault)));
                let first = act();
                db.fault.set(None);
                reached += u32::from(first != 200);
                assert_eq!(act(), 200, "{fault:?} at {call}");
                let count = |what: &str| db.number(&format!("SELECT COUNT(*) FROM {what}"));
                assert_eq!((count("payee_closed"), count("payee")), (1, i64::from(moves)), "{fault:?} at {call}");
                assert_eq!(fixture.balance(&partner), (10_000, 0), "{fault:?} at {call}");
                assert_eq!(fixture.stripe.borrow().accounts.len(), 1 + usize::from(moves), "one account at Stripe");
                fixture.is_sound();
            }
            assert!(reached >= 3, "{fault:?}: {reached}");
        }
    }
}
