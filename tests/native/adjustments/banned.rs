//! A ban voids what operators added to a partner, as it voids everything else that was not paid.

use super::approval::{decide, with_limit};
use super::fixture::{AGENCY, Agency};
use crate::payout_uses::{APRIL, MAY};
use crate::support::world::{at, now};
use manicule::codec::outgoing::RequestFailed;
use manicule::service::partner::standing;
use serde_json::{Value, json};
use std::rc::Rc;

const JANUARY: &str = "2026-01-12T00:00:00Z";
const FEBRUARY: &str = "2026-02-12T00:00:00Z";

fn stand(agency: &Agency, when: &str, to: &str) {
    let path = format!("/v1/partners/{}/{to}", agency.partner);
    let (status, answer) = agency.uses.post(when, &path, json!({"reason": "looked into"}));
    assert_eq!(status, 200, "{answer}");
    agency.is_sound();
}

fn id(booked: &Value) -> String {
    booked["accrual"].as_str().expect("an accrual").to_owned()
}

fn void(balance: &str) -> (String, String, i64, i64) {
    ("void".to_owned(), balance.to_owned(), 0, 0)
}

#[test]
fn a_ban_voids_adjustments_of_every_kind() {
    let agency = Agency::with_client();
    // It is bound to somebody else.
    let (_, other) = agency.uses.partner(AGENCY, "bob");
    let up = json!({"attribution": {"code": other}});
    agency.uses.event("up-q", "account.signed_up", "2026-01-02T00:00:00Z", "q", up);
    let mut booked = Vec::new();
    for account in [json!({}), json!({"account": "p"}), json!({"account": "q"})] {
        for more in [
            json!({"amount_cents": 900}),
            json!({"amount_cents": 70, "balance": "pending"}),
            json!({"amount_cents": -200}),
        ] {
            let mut more = more;
            more.as_object_mut().unwrap().extend(account.as_object().unwrap().clone());
            let balance = more["balance"].as_str().unwrap_or("available").to_owned();
            booked.push((id(&agency.book(JANUARY, more)), balance));
        }
    }
    let changed = id(&agency.book(JANUARY, json!({"accrual": booked[0].0, "amount_cents": -100})));
    assert_eq!(changed, booked[0].0);
    assert_eq!(agency.balances(), (20_210, 2_000));
    stand(&agency, FEBRUARY, "ban");
    for (id, balance) in &booked {
        assert_eq!(agency.accrual(id), void(balance), "{id}");
    }
    assert_eq!(agency.balances(), (0, 0));
    let sql = "SELECT COUNT(*) FROM transfer WHERE reason = 'the partner was banned' AND accrual_id IN (SELECT accrual_id FROM adjustment)";
    assert_eq!(agency.uses.world.db.number(sql), 9);
    agency.recompute("2026-02-13T00:00:00Z");
    stand(&agency, "2026-03-12T00:00:00Z", "reinstate");
    agency.recompute("2026-03-13T00:00:00Z");
    assert_eq!(agency.balances(), (0, 0), "nothing comes back");
    agency.book("2026-03-14T00:00:00Z", json!({"amount_cents": 30}));
    agency.book("2026-03-14T00:00:00Z", json!({"amount_cents": 5, "account": "p"}));
    agency.recompute("2026-03-15T00:00:00Z");
    assert_eq!(agency.balances(), (0, 35));
}

#[test]
fn a_held_and_a_disputed_one_are_void_too() {
    let agency = Agency::with_client();
    let frozen = id(&agency.book(JANUARY, json!({"account": "p", "invoice": "in_1", "amount_cents": 1_000})));
    let dispute =
        json!({"amount": {"cents": 100_000, "currency": "usd"}, "data": {"dispute_id": "d1", "invoice_id": "in_1"}});
    agency.uses.event("dp_1", "dispute.opened", "2026-01-13T00:00:00Z", "p", dispute.clone());
    assert_eq!(agency.accrual(&frozen).0, "disputed");
    stand(&agency, FEBRUARY, "ban");
    assert_eq!(agency.accrual(&frozen), void("available"));
    agency.uses.event("dp_2", "dispute.won", "2026-02-13T00:00:00Z", "p", dispute);
    assert_eq!(agency.accrual(&frozen), void("available"));
    agency.recompute("2026-02-14T00:00:00Z");
}

#[test]
fn what_was_paid_stays() {
    for account in [json!({}), json!({"account": "p"})] {
        let agency = Agency::with_client();
        agency.uses.payable(&agency.partner);
        let with = |mut more: Value| {
            more.as_object_mut().unwrap().extend(account.as_object().unwrap().clone());
            more
        };
        let plus = id(&agency.book(JANUARY, with(json!({"amount_cents": 9_000}))));
        let minus = id(&agency.book(JANUARY, with(json!({"amount_cents": -400}))));
        agency.book(JANUARY, json!({"accrual": plus, "amount_cents": -1_000}));
        agency.uses.run(AGENCY, APRIL);
        agency.uses.sweep(APRIL);
        assert_eq!(agency.uses.balance(&agency.partner), (0, 27_600));
        let later = id(&agency.book("2026-04-10T00:00:00Z", with(json!({"amount_cents": 50}))));
        stand(&agency, "2026-04-12T00:00:00Z", "ban");
        let paid = |net: i64, adjusted: i64| ("available".to_owned(), "available".to_owned(), net, adjusted);
        assert_eq!(agency.accrual(&plus), paid(8_000, -1_000));
        assert_eq!(agency.accrual(&minus), paid(-400, 0));
        assert_eq!(agency.accrual(&later), void("available"));
        assert_eq!(agency.accrual(&agency.invoiced()), paid(20_000, 0));
        assert_eq!(agency.uses.balance(&agency.partner), (0, 27_600));
        agency.recompute("2026-04-13T00:00:00Z");
    }
}

#[test]
fn what_was_paid_of_a_reduced_commission_stays() {
    let agency = Agency::with_client();
    agency.uses.payable(&agency.partner);
    let invoiced = agency.invoiced();
    agency.book(JANUARY, json!({"accrual": invoiced, "amount_cents": -3_000}));
    agency.uses.run(AGENCY, APRIL);
    agency.uses.sweep(APRIL);
    stand(&agency, "2026-04-12T00:00:00Z", "ban");
    let kept = ("available".to_owned(), "available".to_owned(), 17_000, -3_000);
    assert_eq!(agency.accrual(&invoiced), kept);
    assert_eq!(agency.uses.balance(&agency.partner), (0, 17_000));
    agency.recompute("2026-04-13T00:00:00Z");
}

#[test]
fn a_debt_stays_a_debt_and_takes_what_it_can() {
    for (plus, left) in [(300, -200), (500, 0), (700, 0)] {
        let agency = Agency::with_client();
        agency.book(JANUARY, json!({"amount_cents": -500, "account": "p"}));
        agency.book(JANUARY, json!({"amount_cents": plus}));
        agency.book(JANUARY, json!({"amount_cents": 5_000, "balance": "pending"}));
        stand(&agency, FEBRUARY, "ban");
        assert_eq!(agency.balances(), (0, left));
        agency.recompute("2026-02-13T00:00:00Z");
        stand(&agency, "2026-03-12T00:00:00Z", "reinstate");
        stand(&agency, "2026-03-12T00:00:01Z", "ban");
        assert_eq!(agency.balances(), (0, left), "again");
        agency.recompute("2026-03-13T00:00:00Z");
    }
}

#[test]
fn a_clawed_back_commission_is_a_debt_that_earnings_pay_first() {
    for (plus, left) in [(3_000, -7_000), (12_000, 0)] {
        let agency = Agency::with_client();
        agency.uses.payable(&agency.partner);
        agency.uses.run(AGENCY, APRIL);
        agency.uses.sweep(APRIL);
        agency.uses.refunded("rf", "in_1", "2026-04-05T00:00:00Z", 50_000);
        agency.book("2026-04-10T00:00:00Z", json!({"amount_cents": plus}));
        stand(&agency, "2026-04-12T00:00:00Z", "ban");
        assert_eq!(agency.balances(), (0, left));
        agency.recompute("2026-04-13T00:00:00Z");
    }
}

#[test]
fn a_request_that_waits_is_rejected_and_none_is_accepted() {
    let agency = with_limit();
    let (_, plus) = agency.ask(JANUARY, json!({"amount_cents": 5_000}));
    let (_, minus) = agency.ask(JANUARY, json!({"amount_cents": -5_000}));
    stand(&agency, FEBRUARY, "ban");
    for asked in [&plus, &minus] {
        let shown = agency.uses.get(FEBRUARY, &format!("/v1/adjustments/{}", asked["id"].as_str().unwrap()));
        assert_eq!(
            (&shown["state"], &shown["decision_reason"]),
            (&json!("rejected"), &json!("the partner was banned"))
        );
        assert_eq!(decide(&agency, FEBRUARY, &asked["id"], true), Err("adjustment_decided"));
    }
    assert_eq!(agency.uses.world.db.number("SELECT COUNT(*) FROM audit WHERE action = 'adjustment.reject'"), 2);
    for more in
        [json!({"amount_cents": 10}), json!({"amount_cents": -10}), json!({"amount_cents": 10_000, "account": "p"})]
    {
        assert_eq!(agency.refusal(FEBRUARY, more), "partner_banned");
    }
    stand(&agency, "2026-03-12T00:00:00Z", "reinstate");
    agency.book("2026-03-13T00:00:00Z", json!({"amount_cents": 10}));
}

#[test]
fn the_database_books_nothing_for_a_banned_partner() {
    let agency = with_limit();
    let (_, asked) = agency.ask(JANUARY, json!({"amount_cents": 5_000}));
    agency.uses.sql(&format!("UPDATE partner SET standing = 'banned' WHERE id = '{}'", agency.partner));
    let sql = format!(
        "UPDATE adjustment SET state = 'booked', decided_by = 'somebody', decided_at_ms = 1 WHERE id = '{}'",
        asked["id"].as_str().unwrap()
    );
    assert!(agency.uses.world.db.connection.borrow().execute(&sql, ()).is_err());
}

#[test]
fn a_payout_in_flight_that_moved_nothing_is_void_too() {
    for decision in ["failed", "again"] {
        in_flight(decision);
    }
}

fn in_flight(decision: &str) {
    let agency = Agency::with_client();
    agency.uses.payable(&agency.partner);
    let plus = id(&agency.book(JANUARY, json!({"amount_cents": 1_000})));
    let of_account = id(&agency.book(JANUARY, json!({"amount_cents": 500, "account": "p"})));
    agency.uses.run(AGENCY, APRIL);
    let model = Rc::clone(&agency.uses.stripe);
    *agency.uses.world.service.borrow_mut() = Box::new(move |request| match request.method {
        "POST" => Err(RequestFailed("silence".to_owned())),
        _ => Ok(model.borrow_mut().answer(&request, at(APRIL).0)),
    });
    agency.uses.sweep(APRIL);
    stand(&agency, "2026-04-02T00:00:00Z", "ban");
    let standing = |net: i64| ("available".to_owned(), "available".to_owned(), net, 0);
    let sweep = |when: &str| {
        agency.uses.sweep(when);
        now(standing::sweep(&agency.uses.world.at(at(when)))).expect("swept");
        agency.uses.world.catch_up(at(when));
        agency.is_sound();
    };
    sweep("2026-04-05T00:00:00Z");
    assert_eq!(agency.accrual(&plus), standing(1_000));
    assert_eq!(agency.accrual(&of_account), standing(500));
    let payout = agency.text("SELECT id FROM payout WHERE state = 'review'");
    let body = json!({"decision": decision, "reason": "Stripe has nothing"});
    let (status, answer) = agency.uses.post("2026-04-06T00:00:00Z", &format!("/v1/payouts/{payout}/resolve"), body);
    assert_eq!(status, 200, "{answer}");
    sweep("2026-04-06T00:10:00Z");
    sweep("2026-04-06T00:20:00Z");
    assert_eq!(agency.balances(), (0, 0), "{decision}");
    for accrual in [plus, of_account, agency.invoiced()] {
        assert_eq!(agency.accrual(&accrual), void("available"));
    }
    agency.recompute("2026-04-07T00:00:00Z");
    stand(&agency, MAY, "reinstate");
    assert_eq!(agency.balances(), (0, 0));
}

#[test]
fn what_was_taken_back_before_a_ban_does_not_come_back_after_it() {
    for account in [json!({}), json!({"account": "p"})] {
        let agency = Agency::with_client();
        let mut more = json!({"amount_cents": 250});
        more.as_object_mut().unwrap().extend(account.as_object().unwrap().clone());
        let plus = id(&agency.book(JANUARY, more));
        let taken = agency.book(JANUARY, json!({"accrual": plus, "amount_cents": -250}));
        assert_eq!(agency.accrual(&plus).0, "reversed");
        stand(&agency, FEBRUARY, "ban");
        assert_eq!(agency.accrual(&plus), void("available"));
        stand(&agency, "2026-03-12T00:00:00Z", "reinstate");
        agency.book("2026-03-13T00:00:00Z", json!({"adjustment": taken["id"], "amount_cents": 250}));
        assert_eq!((agency.accrual(&plus), agency.balances()), (void("available"), (0, 0)));
        agency.recompute("2026-03-14T00:00:00Z");
    }
}
