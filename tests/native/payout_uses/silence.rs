//! What is not known: payouts that Stripe never answered, and transfers that nobody asked for.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, MAY, earned, only};
use crate::support::world::{at, now};
use manicule::codec::outgoing::{IncomingResponse, RequestFailed};
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};
use std::rc::Rc;

fn planned() -> (PayoutFixture, String, String) {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    let id = only(&fixture.get(APRIL, "/v1/payouts"))["id"].as_str().expect("an id").to_owned();
    (fixture, partner, id)
}

/// Every sending ends like this; reads are answered.
fn sending(fixture: &PayoutFixture, end: Result<(u16, &'static str), &'static str>) {
    let model = Rc::clone(&fixture.stripe);
    *fixture.world.service.borrow_mut() = Box::new(move |request| match (request.method, end) {
        ("POST", Err(why)) => Err(RequestFailed(why.to_owned())),
        ("POST", Ok((status, code))) => {
            let error = json!({"error": {"type": "invalid_request_error", "code": code, "message": "no"}});
            Ok(IncomingResponse { status, headers: Vec::new(), body: error.to_string().into_bytes() })
        }
        _ => Ok(model.borrow_mut().answer(&request, at(APRIL).0)),
    });
}

fn works(fixture: &PayoutFixture, when: &'static str) {
    let model = Rc::clone(&fixture.stripe);
    *fixture.world.service.borrow_mut() = Box::new(move |request| Ok(model.borrow_mut().answer(&request, at(when).0)));
}

#[test]
fn a_day_of_silence_is_a_person_s_decision() {
    for end in [
        Err("the connection was reset"),
        Err("no response within 20000 ms"),
        Ok((500, "api_error")),
        Ok((503, "api_error")),
        Ok((429, "rate_limit")),
        Ok((409, "lock_timeout")),
        Ok((400, "")),
        Ok((302, "moved")),
    ] {
        let (fixture, partner, id) = planned();
        sending(&fixture, end);
        for when in ["2026-04-01T06:00:00Z", "2026-04-01T07:00:00Z", "2026-04-01T20:00:00Z", "2026-04-02T04:59:00Z"] {
            fixture.sweep(when);
            assert_eq!(only(&fixture.get(when, "/v1/payouts"))["state"], "submitting", "{end:?}");
        }
        works(&fixture, "2026-04-02T09:00:00Z");
        for when in ["2026-04-02T09:00:00Z", "2026-04-05T09:00:00Z", MAY] {
            fixture.sweep(when);
        }
        let shown = only(&fixture.get(MAY, "/v1/payouts"));
        assert_eq!((&shown["state"], &shown["attempt"]), (&json!("review"), &json!(1)), "{end:?}: {shown}");
        let reason = shown["reason"].as_str().expect("a reason");
        for part in ["10000 usd", &format!("acct_{partner}"), &format!("{id}-a1"), "2026-04-01T06:00:00Z"] {
            assert!(reason.contains(part), "{part}: {reason}");
        }
        assert_eq!(
            (fixture.stripe.borrow().transfers.len(), fixture.messages("payout.review").len()),
            (0, 1),
            "{end:?}"
        );
        // The person looked, and has it sent again.
        let again = json!({"decision": "again", "reason": "Stripe has nothing"});
        assert_eq!(fixture.post(MAY, &format!("/v1/payouts/{id}/resolve"), again).0, 200);
        works(&fixture, MAY);
        fixture.sweep(MAY);
        assert_eq!(fixture.balance(&partner), (0, 10_000));
        fixture.is_sound();
    }
}

#[test]
fn a_look_up_that_fails_or_is_cut_off_decides_nothing() {
    for whole in [false, true] {
        let (fixture, partner, id) = planned();
        sending(&fixture, Err("silence"));
        fixture.sweep(APRIL);
        *fixture.world.service.borrow_mut() = Box::new(move |request| {
            assert_eq!(request.method, "GET", "nothing is sent");
            let page = json!({"object": "list", "has_more": true, "data": []});
            let status = if whole { 500 } else { 200 };
            Ok(IncomingResponse { status, headers: Vec::new(), body: page.to_string().into_bytes() })
        });
        for when in ["2026-04-03T06:00:00Z", "2026-04-10T06:00:00Z"] {
            fixture.sweep(when);
            assert_eq!(fixture.get(when, &format!("/v1/payouts/{id}"))["state"], "submitting");
        }
        assert_eq!(fixture.balance(&partner), (0, 0), "it stays set aside");
    }
}

#[test]
fn a_key_that_was_rejected_for_days_makes_no_review() {
    for (status, code) in [(401, "api_key_expired"), (403, "more_permissions_required")] {
        let (fixture, partner, _) = planned();
        let more: Vec<String> = (0..30).map(|n| fixture.partner(AGENCY, &format!("m{n}")).0).collect();
        for id in &more {
            fixture.payable(id);
            fixture.adjust(AGENCY, id, 1_000);
        }
        fixture.run(AGENCY, MAY);
        sending(&fixture, Ok((status, code)));
        for when in ["2026-05-01T06:00:00Z", "2026-05-01T12:00:00Z", "2026-05-03T06:00:00Z", "2026-05-05T06:00:00Z"] {
            fixture.sweep(when);
        }
        assert_eq!(fixture.get(MAY, "/v1/payouts?state=review")["data"], json!([]), "{status}");
        works(&fixture, "2026-05-06T06:00:00Z");
        fixture.sweep("2026-05-06T06:00:00Z");
        fixture.sweep("2026-05-06T07:00:00Z");
        assert_eq!(fixture.get(MAY, "/v1/payouts?state=paid&limit=100")["data"].as_array().map(Vec::len), Some(31));
        assert_eq!(fixture.world.db.number("SELECT MAX(attempt) FROM payout"), 1, "{status}: the first key");
        assert_eq!(fixture.balance(&partner), (0, 10_000));
        fixture.is_sound();
    }
}

/// What never reached Stripe is no promise: at the next claim, what is sent is again the least of what is left.
#[test]
fn a_payout_that_never_reached_stripe_is_reduced_by_later_refunds() {
    let refund = |fixture: &PayoutFixture| fixture.refunded("re_1", "in_p_1", "2026-04-02T00:00:00Z", 20_000);
    let dispute =
        |fixture: &PayoutFixture| super::changes::dispute(fixture, "opened", "p", "in_p_1", "2026-04-02T00:00:00Z");
    let cases: [(u16, &str); 4] =
        [(401, "api_key_expired"), (403, "more_permissions_required"), (400, "balance_insufficient"), (0, "skipped")];
    for (status, code) in cases {
        for (change, left) in [(&refund as &dyn Fn(&PayoutFixture), vec![6_000]), (&dispute, vec![])] {
            let (fixture, partner, id) = planned();
            if status == 0 {
                // Six of which the first five are refused: the last is not called.
                for n in 0..5 {
                    let (other, _) = fixture.partner(AGENCY, &format!("a{n}"));
                    fixture.payable(&other);
                    fixture.adjust(AGENCY, &other, 1_000);
                }
                fixture.run(AGENCY, MAY);
                fixture
                    .world
                    .db
                    .connection
                    .borrow()
                    .execute_batch("UPDATE payout SET due_at_ms = 0, revision = revision + 1 WHERE amount_cents = 1000")
                    .expect("first");
                sending(&fixture, Ok((401, "api_key_expired")));
                fixture.sweep(APRIL);
            } else {
                sending(&fixture, Ok((status, code)));
                fixture.sweep(APRIL);
                fixture.sweep("2026-04-01T13:00:00Z");
            }
            change(&fixture);
            let shown = fixture.get("2026-04-02T01:00:00Z", &format!("/v1/payouts/{id}"));
            assert_eq!(
                (&shown["state"], shown["left_cents"].as_i64()),
                (&json!("planned"), Some(left.iter().sum())),
                "{code}"
            );
            works(&fixture, "2026-04-03T09:00:00Z");
            fixture.sweep("2026-04-03T09:00:00Z");
            let sent: Vec<i64> = fixture
                .stripe
                .borrow()
                .transfers
                .iter()
                .filter(|t| t.destination.contains(&partner))
                .map(|t| t.amount)
                .collect();
            assert_eq!(sent, left, "{code}");
            fixture.is_sound();
        }
    }
    // An operator can cancel it, since nothing was sent.
    let (fixture, partner, id) = planned();
    sending(&fixture, Ok((401, "api_key_expired")));
    fixture.sweep(APRIL);
    assert_eq!(fixture.post(APRIL, &format!("/v1/payouts/{id}/cancel"), json!({"reason": "not now"})).0, 200);
    assert_eq!(fixture.balance(&partner), (10_000, 0));
    fixture.is_sound();
}

/// A run plans no other payout for less instead.
#[test]
fn a_payout_that_waits_for_funds_is_reduced_before_others_are_planned() {
    let (fixture, partner, _) = planned();
    fixture.stripe.borrow_mut().balance = 1;
    fixture.sweep(APRIL);
    fixture.refunded("re_1", "in_p_1", "2026-04-02T00:00:00Z", 20_000);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    let listed = fixture.get(MAY, "/v1/payouts");
    let amounts: Vec<_> =
        listed["data"].as_array().expect("a list").iter().map(|p| p["amount_cents"].clone()).collect();
    assert_eq!(amounts, [json!(6_000), json!(6_000)]);
    fixture.stripe.borrow_mut().balance = 1_000_000;
    fixture.sweep("2026-05-02T06:00:00Z");
    fixture.sweep("2026-05-02T12:00:00Z");
    assert_eq!(fixture.stripe.borrow().transfers.iter().map(|t| t.amount).collect::<Vec<_>>(), [6_000, 6_000]);
    assert_eq!(fixture.balance(&partner), (0, 12_000));
    fixture.is_sound();
}

#[test]
fn a_balance_that_is_short_for_days_makes_no_review() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let many: Vec<String> = (0..30).map(|n| fixture.partner(AGENCY, &format!("m{n}")).0).collect();
    for id in &many {
        fixture.payable(id);
        fixture.adjust(AGENCY, id, 1_000);
    }
    fixture.run(AGENCY, APRIL);
    fixture.stripe.borrow_mut().balance = 1;
    for day in 1..6 {
        fixture.sweep(&format!("2026-04-0{day}T06:00:00Z"));
        fixture.sweep(&format!("2026-04-0{day}T18:00:00Z"));
    }
    assert_eq!(fixture.get(APRIL, "/v1/payouts?state=review")["data"], json!([]));
    fixture.stripe.borrow_mut().balance = 1_000_000;
    for hour in 10..23 {
        fixture.sweep(&format!("2026-04-07T{hour}:00:00Z"));
    }
    assert_eq!(fixture.stripe.borrow().transfers.len(), 30);
    fixture.is_sound();
}

/// Stripe's report of a transfer, as it is by now.
fn created(event: &str, id: &str, group: &str, destination: &str, cents: i64) -> Value {
    json!({
        "id": event, "type": "transfer.created", "created": at(APRIL).0 / 1_000, "livemode": false,
        "data": {"object": {"id": id, "object": "transfer", "amount": cents, "currency": "usd",
            "created": at(APRIL).0 / 1_000, "destination": destination, "transfer_group": group}},
    })
}

fn unexpected(fixture: &PayoutFixture) -> Vec<String> {
    let listed = fixture.get(MAY, "/v1/unexpected-transfers");
    let ids = listed["data"].as_array().expect("a list").iter().map(|t| t["id"].as_str().expect("an id").to_owned());
    let health = fixture.get(MAY, "/v1/unexpected-transfers?limit=1");
    let all: Vec<String> = ids.collect();
    assert_eq!(health["data"].as_array().map(Vec::len), Some(all.len().min(1)));
    assert_eq!(fixture.healthy_transfers(), all.len() as i64);
    all
}

#[test]
fn a_transfer_that_nobody_asked_for_is_an_alarm() {
    let (fixture, partner, id) = planned();
    let account = format!("acct_{partner}");
    let tell = |event: &Value| fixture.stripe_says(APRIL, event).1["outcome"].as_str().expect("an outcome").to_owned();
    // Others' transfers.
    assert_eq!(tell(&created("evt_1", "tr_other", "ORDER_7", "acct_other", 5)), "ignored");
    // By hand to a partner; with a payout's id although it was not sent; with our prefix to anybody.
    assert_eq!(tell(&created("evt_2", "tr_hand", "", &account, 700)), "applied");
    assert_eq!(tell(&created("evt_3", "tr_early", &id, &account, 10_000)), "applied");
    assert_eq!(tell(&created("evt_4", "tr_prefix", "po_unknown", "acct_other", 5)), "applied");
    assert_eq!(unexpected(&fixture), ["tr_early", "tr_hand", "tr_prefix"]);
    let job = |when: &str| {
        let ctx = fixture.world.at(at(when));
        now(manicule::service::payout::unexpected::announce(&ctx)).expect("announced");
    };
    job(APRIL);
    job(MAY);
    assert_eq!(fixture.messages("transfer.unexpected").len(), 3, "each once");
    let listed = fixture.get(MAY, "/v1/unexpected-transfers");
    assert_eq!((&listed["data"][0]["payout"], &listed["data"][0]["partner"]), (&json!(id), &json!(partner)));
    let handled = |id: &str, body: Value| fixture.post(MAY, &format!("/v1/unexpected-transfers/{id}"), body).0;
    assert_eq!((handled("tr_hand", json!({})), handled("tr_none", json!({"reason": "x"}))), (422, 404));
    for _ in 0..2 {
        assert_eq!(handled("tr_hand", json!({"reason": "a bonus, by hand"})), 200);
    }
    handled("tr_prefix", json!({"reason": "a test"}));
    assert_eq!(unexpected(&fixture), ["tr_early"]);
    // Stripe's report again, under another event.
    assert_eq!(tell(&created("evt_5", "tr_hand", "", &account, 700)), "ignored");
    assert_eq!(unexpected(&fixture), ["tr_early"]);
}

#[test]
fn a_payout_s_own_transfer_is_none() {
    let (fixture, partner, id) = planned();
    let account = format!("acct_{partner}");
    // The report comes before the answer, which is lost at first.
    fixture.drop_answers(1);
    fixture.sweep(APRIL);
    let own = created("evt_1", "tr_1", &id, &account, 10_000);
    assert_eq!(fixture.stripe_says(APRIL, &own).1["outcome"], "ignored");
    assert_eq!(unexpected(&fixture), Vec::<String>::new());
    fixture.sweep("2026-04-01T06:30:00Z");
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM reported_transfer"), 0, "the payout has it");
    // It is told again later, and a second one with the same group.
    assert_eq!(fixture.stripe_says(MAY, &created("evt_2", "tr_1", &id, &account, 10_000)).1["outcome"], "ignored");
    assert_eq!(fixture.stripe_says(MAY, &created("evt_3", "tr_2", &id, &account, 10_000)).1["outcome"], "applied");
    assert_eq!(unexpected(&fixture), ["tr_2"]);
}

/// Money that moved after it was given up is seen, and an answer that clears it up ends the alarm.
#[test]
fn a_transfer_of_a_payout_that_is_over_or_under_review_is_an_alarm() {
    let (fixture, partner, id) = planned();
    let account = format!("acct_{partner}");
    sending(&fixture, Err("silence"));
    fixture.sweep(APRIL);
    let late = created("evt_1", "tr_late", &id, &account, 10_000);
    assert_eq!(fixture.stripe_says(APRIL, &late).1["outcome"], "ignored", "it may be its own");
    works(&fixture, MAY);
    fixture.sweep("2026-04-03T06:00:00Z");
    assert_eq!(only(&fixture.get(MAY, "/v1/payouts"))["state"], "review");
    assert_eq!(unexpected(&fixture), ["tr_late"], "the look-up did not find it");
    fixture.transferred("tr_late", &id, &account, 10_000);
    let paid = json!({"decision": "paid", "transfer": "tr_late", "reason": "Stripe has it"});
    assert_eq!(fixture.post(MAY, &format!("/v1/payouts/{id}/resolve"), paid).0, 200);
    assert_eq!(unexpected(&fixture), Vec::<String>::new());
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    fixture.is_sound();
}
