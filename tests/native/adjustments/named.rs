//! Adjustments that change an accrual, and those that take an earlier one back.

use super::fixture::{AGENCY, Agency};
use crate::payout_uses::fixture::PayoutFixture;
use crate::support::world::at;
use manicule::service::setup::PayoutApproval;
use serde_json::json;

const NOW: &str = "2026-01-12T00:00:00Z";

#[test]
fn it_takes_at_most_what_is_left() {
    let agency = Agency::with_client();
    let accrual = agency.invoiced();
    let named = |cents: i64| json!({"accrual": accrual, "amount_cents": cents});
    assert_eq!(agency.refusal(NOW, named(-20_001)), "more_than_is_left");
    assert_eq!(agency.refusal(NOW, named(1)), "more_than_is_left");
    agency.book(NOW, named(-15_000));
    assert_eq!(agency.accrual(&accrual), ("pending".to_owned(), "pending".to_owned(), 5_000, -15_000));
    assert_eq!(agency.refusal(NOW, named(-5_001)), "more_than_is_left");
    agency.recompute(NOW);
    agency.book(NOW, named(-5_000));
    assert_eq!(agency.accrual(&accrual), ("reversed".to_owned(), "pending".to_owned(), 0, -20_000));
    assert_eq!(agency.refusal(NOW, named(-1)), "more_than_is_left");
    agency.recompute(NOW);
}

#[test]
fn another_one_takes_it_back_and_no_more() {
    let agency = Agency::with_client();
    let accrual = agency.invoiced();
    let first = agency.book(NOW, json!({"accrual": accrual, "amount_cents": -20_000}))["id"].clone();
    let undo = |cents: i64| json!({"adjustment": first, "amount_cents": cents});
    assert_eq!(agency.refusal(NOW, undo(20_001)), "more_than_is_left");
    assert_eq!(agency.refusal(NOW, undo(-1)), "more_than_is_left");
    let back = agency.book(NOW, undo(12_000))["id"].clone();
    assert_eq!(agency.accrual(&accrual), ("pending".to_owned(), "pending".to_owned(), 12_000, -8_000));
    assert_eq!(agency.refusal(NOW, undo(8_001)), "more_than_is_left");
    assert_eq!(agency.refusal(NOW, json!({"adjustment": back, "amount_cents": -1})), "undoes_another");
    agency.book(NOW, undo(8_000));
    assert_eq!(agency.accrual(&accrual), ("pending".to_owned(), "pending".to_owned(), 20_000, 0));
    agency.recompute(NOW);
}

#[test]
fn an_accrual_of_its_own_is_taken_back_by_either_name() {
    let agency = Agency::new();
    let plus = agency.book(NOW, json!({"amount_cents": 900}));
    agency.book(NOW, json!({"adjustment": plus["id"], "amount_cents": -400}));
    agency.book(NOW, json!({"accrual": plus["accrual"], "amount_cents": -500}));
    assert_eq!(agency.balances(), (0, 0));
    let minus = agency.book(NOW, json!({"amount_cents": -900}));
    assert_eq!(agency.refusal(NOW, json!({"accrual": minus["accrual"], "amount_cents": -1})), "more_than_is_left");
    agency.book(NOW, json!({"accrual": minus["accrual"], "amount_cents": 900}));
    assert_eq!(agency.balances(), (0, 0));
    assert_eq!(agency.refusal(NOW, json!({"adjustment": minus["id"], "amount_cents": 1})), "more_than_is_left");
}

/// A refund and an adjustment take together at most everything, whichever comes first.
#[test]
fn refunds_and_adjustments_leave_the_same_in_any_order() {
    let refund = |agency: &Agency| agency.uses.refunded("rf_1", "in_1", "2026-01-11T00:00:00Z", 50_000);
    let take = |agency: &Agency, cents: i64| {
        agency.book(NOW, json!({"accrual": agency.invoiced(), "amount_cents": cents}))["id"].clone()
    };
    let one = Agency::with_client();
    refund(&one);
    take(&one, -4_000);
    let other = Agency::with_client();
    take(&other, -4_000);
    refund(&other);
    assert_eq!(one.accrual(&one.invoiced()), other.accrual(&other.invoiced()));
    assert_eq!(one.balances(), (6_000, 0));

    // More than the refund leaves: nothing is left, and taking it back gives back only what the refund did not take.
    let more = Agency::with_client();
    let taken = take(&more, -15_000);
    refund(&more);
    assert_eq!(more.accrual(&more.invoiced()), ("reversed".to_owned(), "pending".to_owned(), 0, -10_000));
    more.recompute(NOW);
    more.book(NOW, json!({"adjustment": taken, "amount_cents": 4_000}));
    assert_eq!(more.balances(), (0, 0), "11,000 are still taken of the 10,000 that the refund leaves");
    more.book(NOW, json!({"adjustment": taken, "amount_cents": 11_000}));
    assert_eq!(more.balances(), (10_000, 0));
    more.recompute(NOW);
}

#[test]
fn what_was_paid_is_owed() {
    let agency = Agency::with_client();
    agency.uses.payable(&agency.partner);
    agency.uses.run(AGENCY, "2026-04-01T06:00:00Z");
    agency.uses.sweep("2026-04-01T06:10:00Z");
    assert_eq!(agency.uses.balance(&agency.partner), (0, 20_000));
    agency.book("2026-04-02T00:00:00Z", json!({"accrual": agency.invoiced(), "amount_cents": -20_000}));
    assert_eq!(agency.balances(), (0, -20_000));
    agency.uses.paid("p", "in_2", "2026-04-03T00:00:00Z", 200_000);
    agency.uses.run(AGENCY, "2026-05-01T06:00:00Z");
    agency.uses.sweep("2026-05-01T06:10:00Z");
    assert_eq!(agency.uses.balance(&agency.partner), (0, 40_000));
    agency.is_sound();
}

#[test]
fn a_payout_that_waits_is_reduced_by_it() {
    let mut agency = Agency::with_client();
    agency.uses = PayoutFixture::new(PayoutApproval::Manual);
    (agency.partner, agency.code) = agency.uses.partner(AGENCY, "ada");
    agency.client("p", "in_1");
    agency.uses.payable(&agency.partner);
    agency.uses.run(AGENCY, "2026-04-01T06:00:00Z");
    agency.book("2026-04-02T00:00:00Z", json!({"accrual": agency.invoiced(), "amount_cents": -5_000}));
    agency.book("2026-04-02T00:00:00Z", json!({"amount_cents": -2_000}));
    let run = agency.uses.run_of(AGENCY, "2026-04-01T06:00:00Z");
    agency.uses.post("2026-04-03T00:00:00Z", &format!("/v1/runs/{run}/approve"), json!({}));
    agency.uses.sweep("2026-04-03T00:10:00Z");
    assert_eq!(agency.uses.balance(&agency.partner), (0, 13_000));
    agency.is_sound();
}

#[test]
fn another_partners_accruals_are_nobodys() {
    let agency = Agency::with_client();
    let (other, _) = agency.uses.partner(AGENCY, "ali");
    let body = json!({"partner": other, "accrual": agency.invoiced(), "amount_cents": -1});
    assert_eq!(agency.refusal(NOW, body), "unknown_accrual");
}

/// The budget is used up: if the decision drew what was taken again, the reward would wait.
#[test]
fn a_reward_of_a_budget_is_not_drawn_again() {
    let agency = Agency::new();
    let (host, code) = agency.uses.partner("tiered-credits", "host");
    agency.uses.world.fund(at("2026-01-01T00:00:00Z"), "tiered-credits", 3_000).expect("funded");
    agency.uses.event("g1", "account.signed_up", "2026-01-02T00:00:00Z", "g", json!({"attribution": {"code": code}}));
    agency.uses.event("g2", "newsletter.confirmed", "2026-01-03T00:00:00Z", "g", json!({}));
    let row = &agency.uses.world.db.look("SELECT id, net_cents FROM accrual WHERE net_cents > 0")[0];
    let (id, net) = (row["id"].as_str().unwrap().to_owned(), row["net_cents"].as_i64().unwrap());
    let budget = || {
        agency
            .uses
            .world
            .db
            .number("SELECT SUM(cr_posted_cents - dr_posted_cents) FROM ledger_account WHERE kind = 'budget'")
    };
    let left = budget();
    assert!(left < net, "nothing more can be drawn: {left} of {net}");
    agency.book(NOW, json!({"partner": host, "accrual": id, "amount_cents": -net}));
    assert_eq!(budget(), left, "the program's expense, not its budget");
    agency.recompute(NOW);
    agency.book(
        NOW,
        json!({"partner": host, "adjustment": agency.text("SELECT id FROM adjustment"), "amount_cents": net}),
    );
    assert_eq!((agency.accrual(&id).2, budget()), (net, left));
    agency.recompute(NOW);
}
