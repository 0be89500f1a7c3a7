//! An older copy of the database goes on: what the lost one had sent is found at Stripe and booked, and nothing is sent twice.

use super::fixture::{PayoutFixture, copy_of};
use super::{AGENCY, APRIL, MAY, earned, only};
use crate::payout::stripe::Mishap;
use crate::support::world::{at, now};
use manicule::service::credit;
use manicule::service::retention;
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};
use std::rc::Rc;

/// Later than Stripe remembers keys.
const RESTORED: &str = "2026-04-10T00:00:00Z";
const AFTER: &str = "2026-04-10T00:10:00Z";

/// An event of a transfer that could not be taken in.
const FAILED: &str = "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms)
     VALUES ('evt_1', 'transfer.created', 'database_fault', 1, 0, 0)";

/// A partner with $100 that the run of April pays.
fn earning() -> (PayoutFixture, String) {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    (fixture, partner)
}

fn paid_at_stripe(fixture: &PayoutFixture) -> Vec<(String, i64)> {
    fixture.stripe.borrow().transfers.iter().map(|t| (t.group.clone(), t.amount)).collect()
}

/// The one payout is paid by the one transfer that Stripe has.
fn is_paid_once(fixture: &PayoutFixture, partner: &str) {
    let payout = only(&fixture.get(AFTER, "/v1/payouts"));
    assert_eq!((&payout["state"], payout["transfer"].is_string()), (&json!("paid"), true), "{payout}");
    assert_eq!(paid_at_stripe(fixture), [(payout["id"].as_str().expect("an id").to_owned(), 10_000)]);
    assert_eq!(fixture.balance(partner), (0, 10_000));
    fixture.is_sound();
}

#[test]
fn what_was_paid_after_the_copy_was_made_is_found_and_booked() {
    let (fixture, partner) = earning();
    let before_the_run = fixture.copy();
    fixture.run(AGENCY, APRIL);
    let before_sending = fixture.copy();
    fixture.drop_answers(1);
    fixture.sweep(APRIL);
    assert_eq!(only(&fixture.get(APRIL, "/v1/payouts"))["state"], "submitting");
    let before_the_answer = fixture.copy();
    fixture.sweep("2026-04-01T07:00:00Z");
    is_paid_once(&fixture, &partner);

    for (copy, taken, what) in [
        (before_the_run, "2026-03-31T23:00:00Z", "before the run"),
        (before_sending, APRIL, "planned"),
        (before_the_answer, APRIL, "sent, no answer"),
    ] {
        let restored = fixture.restored(copy, taken, RESTORED);
        if what == "before the run" {
            restored.run(AGENCY, APRIL);
        }
        restored.sweep(RESTORED);
        restored.sweep(AFTER);
        println!("{what}");
        is_paid_once(&restored, &partner);
        restored.run(AGENCY, MAY);
        restored.sweep(MAY);
        is_paid_once(&restored, &partner);
    }
}

#[test]
fn a_later_payout_waits_while_a_transfer_of_the_lost_database_has_no_payout() {
    let (fixture, partner) = earning();
    let copy = fixture.copy();
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    is_paid_once(&fixture, &partner);

    // Nobody starts April's run: May's would pay the same again, under another name.
    let restored = fixture.restored(copy_of(&copy), "2026-03-31T23:00:00Z", RESTORED);
    restored.run(AGENCY, MAY);
    restored.sweep(MAY);
    assert_eq!(only(&restored.get(MAY, "/v1/payouts"))["state"], "planned");
    assert_eq!(paid_at_stripe(&restored).len(), 1);
    // An operator who has dealt with it lets it go.
    restored.sql("UPDATE reported_transfer SET acknowledged_at_ms = 1, acknowledged_by = 'ann'");
    restored.sweep(MAY);
    assert_eq!(paid_at_stripe(&restored).len(), 2);

    // So does one that could not be taken in: nobody knows which payout it is of. Operators see it.
    let restored = fixture.restored(copy_of(&copy), "2026-03-31T23:00:00Z", RESTORED);
    restored.sql("DELETE FROM reported_transfer");
    restored.sql(FAILED);
    restored.run(AGENCY, MAY);
    restored.sweep(MAY);
    assert_eq!(only(&restored.get(MAY, "/v1/payouts"))["state"], "planned");
    let (status, health) = restored.health(MAY);
    let shown = json!({"failed": 1, "events": [{"event": "evt_1", "type": "transfer.created", "reason": "database_fault", "tries": 1, "since": "1970-01-01T00:00:00Z"}]});
    assert_eq!((status, &health["stripe"]), (503, &shown));
    // Its age alone ends nothing; an operator who has dealt with it lets it go.
    now(retention::sweep(&restored.world.at(at("2027-02-01T00:00:00Z")))).expect("a sweep");
    restored.sweep(MAY);
    assert_eq!(only(&restored.get(MAY, "/v1/payouts"))["state"], "planned");
    let listed = only(&restored.get(MAY, "/v1/failed-events"));
    assert_eq!((&listed["id"], &listed["type"]), (&json!("evt_1"), &json!("transfer.created")));
    let handled = |id: &str, body: Value| restored.post(MAY, &format!("/v1/failed-events/{id}"), body).0;
    assert_eq!((handled("evt_1", json!({})), handled("evt_none", json!({"reason": "x"}))), (422, 404));
    assert_eq!(handled("evt_1", json!({"reason": "April's payout"})), 200);
    assert_eq!(restored.get(MAY, "/v1/failed-events")["data"], json!([]));
    assert_eq!(restored.health(MAY).1["stripe"], json!({"failed": 0, "events": []}));
    restored.sweep(MAY);
    assert_eq!(only(&restored.get(MAY, "/v1/payouts"))["state"], "paid", "by the transfer that it finds");
    assert_eq!(paid_at_stripe(&restored).len(), 2);

    // Before the transfers are known, nothing goes.
    let restored = fixture.restored(copy, "2026-03-31T23:00:00Z", RESTORED);
    restored.sql("DELETE FROM heartbeat; DELETE FROM reported_transfer");
    restored.run(AGENCY, MAY);
    restored.sweep(MAY);
    assert_eq!(paid_at_stripe(&restored).len(), 2);
}

#[test]
fn without_the_mark_of_a_restoration_it_would_be_paid_twice() {
    let (fixture, _) = earning();
    fixture.run(AGENCY, APRIL);
    let copy = fixture.copy();
    fixture.sweep(APRIL);
    let restored = fixture.restored(copy, APRIL, RESTORED);
    restored.sql("DROP TRIGGER restoration_no_delete; DELETE FROM restoration");
    restored.sweep(RESTORED);
    assert_eq!(paid_at_stripe(&restored).len(), 2, "Stripe has forgotten the key: this is what the mark is for");
}

#[test]
fn what_was_never_sent_is_sent_once() {
    let (fixture, partner) = earning();
    fixture.run(AGENCY, APRIL);
    let restored = fixture.restored(fixture.copy(), APRIL, RESTORED);
    restored.sweep(RESTORED);
    is_paid_once(&restored, &partner);
    assert_eq!(restored.stripe.borrow().transfers.len(), 1);
}

#[test]
fn an_attempt_that_stripe_has_not_executed_is_sent_again_under_its_key() {
    let (fixture, partner) = earning();
    fixture.run(AGENCY, APRIL);
    fixture.stripe.borrow_mut().mishap = Some(Mishap::TooMany);
    fixture.sweep(APRIL);
    let restored = fixture.restored(fixture.copy(), APRIL, "2026-04-01T08:00:00Z");
    restored.sweep("2026-04-01T08:00:00Z");
    is_paid_once(&restored, &partner);
}

#[test]
fn another_attempt_of_the_lost_database_is_found_too() {
    let (fixture, partner) = earning();
    fixture.run(AGENCY, APRIL);
    // The first attempt lacks funds; the second one pays.
    let balance = std::mem::take(&mut fixture.stripe.borrow_mut().balance);
    fixture.drop_answers(1);
    fixture.sweep(APRIL);
    let copy = fixture.copy();
    fixture.sweep("2026-04-01T06:30:00Z");
    fixture.stripe.borrow_mut().balance = balance;
    fixture.sweep("2026-04-01T13:00:00Z");
    is_paid_once(&fixture, &partner);
    for when in ["2026-04-01T14:00:00Z", RESTORED] {
        let copy = fixture.restored(copy_of(&copy), APRIL, when);
        copy.sweep(when);
        is_paid_once(&copy, &partner);
    }
}

#[test]
fn nothing_is_sent_while_stripe_does_not_answer_the_lookup() {
    let (fixture, partner) = earning();
    fixture.run(AGENCY, APRIL);
    let copy = fixture.copy();
    fixture.sweep(APRIL);
    let restored = fixture.restored(copy, APRIL, RESTORED);
    restored.drop_answers(1);
    restored.sweep(RESTORED);
    assert_eq!(only(&restored.get(RESTORED, "/v1/payouts"))["state"], "planned");
    assert_eq!(paid_at_stripe(&restored).len(), 1);
    restored.sweep("2026-04-10T06:00:00Z");
    is_paid_once(&restored, &partner);
}

#[test]
fn an_operator_cannot_cancel_what_the_lost_database_paid() {
    let (fixture, partner) = earning();
    fixture.run(AGENCY, APRIL);
    let copy = fixture.copy();
    fixture.sweep(APRIL);
    let restored = fixture.restored(copy, APRIL, RESTORED);
    let id = only(&restored.get(RESTORED, "/v1/payouts"))["id"].as_str().expect("an id").to_owned();
    let (status, answer) =
        restored.post(RESTORED, &format!("/v1/payouts/{id}/cancel"), json!({"reason": "by mistake"}));
    assert_eq!(status, 409, "{answer}");
    is_paid_once(&restored, &partner);
}

/// A payout of the restored books that Stripe has with another amount: both are given.
fn differing(planned: i64, sent: i64) -> (PayoutFixture, String, String) {
    let (fixture, partner) = earning();
    let copy = fixture.copy();
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    let restored = fixture.restored(copy, "2026-03-31T23:00:00Z", RESTORED);
    restored.stripe.borrow_mut().transfers[0].amount = sent;
    // A refund that the lost database had not heard of when it paid.
    if planned < 10_000 {
        restored.refunded("re_1", "in_p_1", "2026-03-20T00:00:00Z", (10_000 - planned) * 5);
    }
    restored.run(AGENCY, APRIL);
    restored.sweep(RESTORED);
    let payout = only(&restored.get(RESTORED, "/v1/payouts"));
    assert_eq!((&payout["state"], &payout["amount_cents"]), (&json!("review"), &json!(planned)), "{payout}");
    (restored, partner, payout["id"].as_str().expect("an id").to_owned())
}

#[test]
fn what_differs_from_what_stripe_has_waits_for_a_person() {
    let (restored, partner, _) = differing(5_000, 10_000);
    assert_eq!(
        (paid_at_stripe(&restored).len(), restored.balance(&partner)),
        (1, (0, 0)),
        "its amount stays set aside"
    );
    restored.is_sound();
}

#[test]
fn a_person_books_it_with_the_amount_that_stripe_has() {
    for (planned, sent) in [(5_000, 10_000), (10_000, 6_000), (10_000, 12_500)] {
        let (restored, partner, id) = differing(planned, sent);
        let resolve = |more: Value| {
            let mut body = json!({"decision": "paid", "transfer": "tr_1", "reason": "Stripe has it"});
            body.as_object_mut().expect("a body").extend(more.as_object().expect("more").clone());
            restored.post(AFTER, &format!("/v1/payouts/{id}/resolve"), body)
        };
        // Nobody books another amount without naming it.
        for more in [json!({}), json!({"amount_cents": planned}), json!({"amount_cents": sent, "transfer": "tr_2"})] {
            let (status, answer) = resolve(more.clone());
            assert_eq!((status, &answer["code"]), (409, &json!("transfers_differ")), "{more}: {answer}");
            // The advice is given where it helps.
            let advises = answer["detail"].as_str().is_some_and(|detail| detail.contains("pass it as amount_cents"));
            assert_eq!(advises, more["transfer"].is_null(), "{more}: {answer}");
        }
        let (status, paid) = resolve(json!({"amount_cents": sent}));
        assert_eq!((status, &paid["state"], &paid["amount_cents"]), (200, &json!("paid"), &json!(sent)), "{paid}");
        assert_eq!(resolve(json!({"amount_cents": sent})).0, 200, "again");
        assert_eq!(restored.balance(&partner), (planned - sent, sent), "what is left or owed");
        assert_eq!(restored.messages("payout.sent"), [(Some(partner.clone()), sent)]);
        assert_eq!(restored.healthy_transfers(), 0, "Stripe's transfer is no longer unexpected");
        restored.is_sound();
        let audited = restored.world.db.look(
            "SELECT before ->> '$.amount_cents' AS planned, after ->> '$.amount_cents' AS booked FROM audit WHERE action = 'payout.resolve'",
        );
        assert_eq!((&audited[0]["planned"], &audited[0]["booked"]), (&json!(planned), &json!(sent)), "who booked what");
        let path = format!("/v1/payouts/{id}");
        let changes = restored.get(AFTER, &path)["changes"].clone();
        assert!(changes.to_string().contains("\"transfer\""), "{changes}");

        // The next run pays what is left, or keeps what is owed, and nothing is paid twice.
        restored.paid("p", "in_p_2", "2026-04-20T00:00:00Z", 50_000);
        restored.run(AGENCY, MAY);
        restored.sweep(MAY);
        let all: i64 = paid_at_stripe(&restored).iter().map(|(_, cents)| cents).sum();
        assert_eq!((all, restored.balance(&partner)), (planned + 10_000, (0, planned + 10_000)), "{planned} {sent}");
        restored.is_sound();
    }
}

#[test]
fn two_people_who_book_it_at_once_book_it_once() {
    let (restored, partner, id) = differing(10_000, 6_000);
    let restored = Rc::new(restored);
    let body = json!({"decision": "paid", "transfer": "tr_1", "amount_cents": 6_000, "reason": "Stripe has it"});
    let path = format!("/v1/payouts/{id}/resolve");
    // The second one decides in between two calls of the first.
    let (other, again, to) = (Rc::clone(&restored), body.clone(), path.clone());
    let meanwhile = Box::new(move || assert_eq!(other.post(AFTER, &to, again).0, 200));
    let db = &restored.world.db;
    *db.meanwhile.borrow_mut() = Some((db.calls.get() + 1, meanwhile));
    assert_eq!(restored.post(AFTER, &path, body).0, 200);
    assert_eq!(restored.balance(&partner), (4_000, 6_000));
    restored.is_sound();
}

#[test]
fn a_run_does_not_reduce_or_carry_what_may_have_been_paid() {
    let (fixture, partner) = earning();
    fixture.run(AGENCY, APRIL);
    let copy = fixture.copy();
    fixture.sweep(APRIL);
    let restored = fixture.restored(copy, APRIL, RESTORED);
    restored.refunded("re_1", "in_p_1", "2026-04-05T00:00:00Z", 50_000);
    restored.run(AGENCY, MAY);
    let payout = only(&restored.get(MAY, "/v1/payouts"));
    assert_eq!((&payout["state"], &payout["amount_cents"]), (&json!("planned"), &json!(10_000)), "{payout}");
    restored.sweep(MAY);
    let payout = only(&restored.get(MAY, "/v1/payouts"));
    assert_eq!((&payout["state"], paid_at_stripe(&restored).len()), (&json!("paid"), 1), "{payout}");
    assert_eq!(restored.balance(&partner), (-10_000, 10_000), "it owes what it was paid");
    restored.is_sound();
}

#[test]
fn a_credit_on_a_customers_balance_is_not_given_twice() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    super::credits::due_at_stripe(&fixture);
    let copy = fixture.copy();
    let owed = |fixture: &PayoutFixture| fixture.stripe.borrow().owed("cus_owner");
    fixture.sweep(APRIL);
    assert_eq!(owed(&fixture), -5_500);
    let restored = fixture.restored(copy, "2026-03-31T23:00:00Z", RESTORED);
    now(credit::plan(&restored.world.at(at(RESTORED)))).expect("planned");
    restored.sweep(RESTORED);
    restored.sweep(AFTER);
    assert_eq!(owed(&restored), -5_500, "once");
    let delivered: Value = restored.get(AFTER, "/v1/credits/deliveries?state=paid");
    assert_eq!(delivered["data"].as_array().map(Vec::len), Some(2), "{delivered}");
    restored.is_sound();
}
