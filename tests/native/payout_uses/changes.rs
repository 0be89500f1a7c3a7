//! What changes between a payout's plan and its sending: disputes, refunds, earlier payouts that turn out to be too
//! high, in any order. What leaves is the least of what was approved, what its accruals still allow, and the balance.

use super::*;

const APPROVED: &str = "2026-04-10T00:00:00Z";

pub fn dispute(fixture: &PayoutFixture, what: &str, account: &str, invoice: &str, when: &str) {
    let data = json!({"dispute_id": format!("du_{invoice}"), "invoice_id": invoice});
    let more = json!({"amount": {"cents": 20_000, "currency": "usd"}, "data": data});
    fixture.event(&format!("{what}_{invoice}_{when}"), &format!("dispute.{what}"), when, account, more);
}

/// A partner with a planned payout of $100 that nobody has approved.
pub fn planned(approval: PayoutApproval) -> (PayoutFixture, String) {
    let fixture = PayoutFixture::new(approval);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    (fixture, partner)
}

pub fn approve(fixture: &PayoutFixture, run: &str, when: &str) {
    let (status, answer) = fixture.post(when, &format!("/v1/runs/{}/approve", fixture.run_of(AGENCY, run)), json!({}));
    assert_eq!(status, 200, "{answer}");
}

fn sent(fixture: &PayoutFixture) -> Vec<i64> {
    fixture.stripe.borrow().transfers.iter().map(|t| t.amount).collect()
}

/// April's payout is sent, and May's is planned.
fn paid_and_planned() -> (PayoutFixture, String) {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    approve(&fixture, APRIL, APRIL);
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    (fixture, partner)
}

/// And June's.
fn paid_and_planned_twice() -> (PayoutFixture, String) {
    let (fixture, partner) = paid_and_planned();
    fixture.paid("p", "in_3", "2026-05-10T00:00:00Z", 40_000);
    fixture.run(AGENCY, JUNE);
    (fixture, partner)
}

#[test]
fn a_refund_after_the_plan_is_not_sent() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    fixture.refunded("re_1", "in_p_1", "2026-04-02T00:00:00Z", 20_000);
    approve(&fixture, APRIL, APPROVED);
    assert_eq!(sent(&fixture), [6_000]);
    assert_eq!(fixture.balance(&partner), (0, 6_000));
    assert_eq!(fixture.messages("payout.sent"), [(Some(partner), 6_000)]);
    fixture.is_sound();
}

#[test]
fn a_disputed_accrual_stays_until_the_dispute_is_won() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    fixture.paid("p", "in_2", "2026-03-20T00:00:00Z", 30_000);
    dispute(&fixture, "opened", "p", "in_p_1", "2026-04-02T00:00:00Z");
    approve(&fixture, APRIL, APPROVED);
    assert_eq!(sent(&fixture), Vec::<i64>::new(), "all of it is frozen");
    assert_eq!(only(&fixture.get(APPROVED, "/v1/payouts"))["state"], "cancelled");
    fixture.run(AGENCY, MAY);
    assert_eq!(only(&fixture.get(MAY, "/v1/payouts?state=planned"))["planned_cents"], 6_000, "the other one");
    approve(&fixture, MAY, MAY);
    assert_eq!(sent(&fixture), [6_000]);
    dispute(&fixture, "won", "p", "in_p_1", "2026-05-20T00:00:00Z");
    fixture.run(AGENCY, JUNE);
    approve(&fixture, JUNE, JUNE);
    assert_eq!(sent(&fixture), [6_000, 10_000]);
    assert_eq!(fixture.balance(&partner), (0, 16_000));
    fixture.is_sound();
}

#[test]
fn a_frozen_part_stays_and_the_rest_is_sent() {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.paid("p", "in_2", "2026-03-20T00:00:00Z", 20_000);
    fixture.run(AGENCY, APRIL);
    dispute(&fixture, "opened", "p", "in_2", "2026-04-02T00:00:00Z");
    fixture.refunded("re_1", "in_p_1", "2026-04-03T00:00:00Z", 20_000);
    approve(&fixture, APRIL, APPROVED);
    assert_eq!(sent(&fixture), [6_000]);
    dispute(&fixture, "lost", "p", "in_2", "2026-04-20T00:00:00Z");
    fixture.run(AGENCY, MAY);
    approve(&fixture, MAY, MAY);
    assert_eq!(sent(&fixture), [6_000]);
    fixture.is_sound();
}

#[test]
fn a_dispute_that_is_won_before_the_approval_changes_nothing() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    dispute(&fixture, "opened", "p", "in_p_1", "2026-04-02T00:00:00Z");
    dispute(&fixture, "won", "p", "in_p_1", "2026-04-03T00:00:00Z");
    approve(&fixture, APRIL, APPROVED);
    assert_eq!(sent(&fixture), [10_000]);
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    fixture.is_sound();
}

#[test]
fn what_an_earlier_payout_paid_too_much_is_taken_off() {
    let (fixture, partner) = paid_and_planned();
    fixture.refunded("re_1", "in_p_1", "2026-05-02T00:00:00Z", 10_000);
    approve(&fixture, MAY, "2026-05-03T00:00:00Z");
    assert_eq!(sent(&fixture), [10_000, 4_000]);
    assert_eq!(fixture.balance(&partner), (0, 14_000));
    fixture.is_sound();
}

#[test]
fn a_debt_is_taken_off_one_payout_only() {
    let (fixture, partner) = paid_and_planned_twice();
    fixture.refunded("re_1", "in_p_1", "2026-06-02T00:00:00Z", 10_000);
    approve(&fixture, MAY, "2026-06-03T00:00:00Z");
    approve(&fixture, JUNE, "2026-06-03T00:10:00Z");
    assert_eq!(sent(&fixture), [10_000, 4_000, 8_000]);
    assert_eq!(fixture.balance(&partner), (0, 22_000));
    fixture.is_sound();
}

#[test]
fn a_debt_above_the_first_payout_is_taken_off_the_next() {
    let (fixture, partner) = paid_and_planned_twice();
    fixture.refunded("re_1", "in_p_1", "2026-06-02T00:00:00Z", 50_000);
    approve(&fixture, MAY, "2026-06-03T00:00:00Z");
    approve(&fixture, JUNE, "2026-06-03T00:10:00Z");
    assert_eq!(sent(&fixture), [10_000, 4_000], "6,000 + 8,000 - 10,000");
    assert_eq!(fixture.balance(&partner), (0, 14_000));
    fixture.is_sound();
}

#[test]
fn a_payout_is_not_charged_for_another_that_waits() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    fixture.paid("p", "in_2", "2026-04-05T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    fixture.refunded("re_1", "in_p_1", "2026-05-02T00:00:00Z", 25_000);
    approve(&fixture, MAY, "2026-05-03T00:00:00Z");
    assert_eq!(sent(&fixture), [6_000], "the refund is of the payout of April");
    approve(&fixture, APRIL, "2026-05-04T00:00:00Z");
    assert_eq!(sent(&fixture), [6_000, 5_000]);
    assert_eq!(fixture.balance(&partner), (0, 11_000));
    fixture.is_sound();
}

#[test]
fn a_run_takes_what_changed_off_the_payouts_that_wait() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    fixture.refunded("re_1", "in_p_1", "2026-04-02T00:00:00Z", 25_000);
    fixture.paid("p", "in_2", "2026-04-05T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    approve(&fixture, APRIL, MAY);
    approve(&fixture, MAY, "2026-05-01T07:00:00Z");
    assert_eq!(sent(&fixture), [5_000, 6_000]);
    assert_eq!(fixture.balance(&partner), (0, 11_000));
    fixture.is_sound();
}

#[test]
fn nothing_below_the_minimum_is_sent() {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    let mut document = fixture.get(APRIL, &format!("/v1/programs/{AGENCY}"))["document"].clone();
    document["settlement"]["minimum_cents"] = json!(5_000);
    document["effective_from"] = json!("2026-03-01T00:00:00Z");
    document["version"] = json!(2);
    fixture.put("2026-02-01T00:00:00Z", &format!("/v1/programs/{AGENCY}"), document);
    fixture.run(AGENCY, APRIL);
    fixture.refunded("re_1", "in_p_1", "2026-04-02T00:00:00Z", 25_005);
    approve(&fixture, APRIL, APPROVED);
    assert_eq!(sent(&fixture), Vec::<i64>::new());
    assert_eq!(fixture.balance(&partner), (4_999, 0), "it is carried");
    fixture.paid("p", "in_2", "2026-04-12T00:00:00Z", 10_000);
    fixture.run(AGENCY, MAY);
    approve(&fixture, MAY, MAY);
    assert_eq!(sent(&fixture), [6_999]);
    fixture.is_sound();
}

#[test]
fn a_retry_under_the_same_key_keeps_its_sum() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    fixture.drop_answers(1);
    approve(&fixture, APRIL, APPROVED);
    fixture.refunded("re_1", "in_p_1", "2026-04-10T00:30:00Z", 20_000);
    fixture.sweep("2026-04-10T01:00:00Z");
    assert_eq!(sent(&fixture), [10_000]);
    assert_eq!(only(&fixture.get(APPROVED, "/v1/payouts"))["state"], "paid");
    assert_eq!(fixture.balance(&partner), (-4_000, 10_000), "the next payout is netted");
    fixture.is_sound();
}

#[test]
fn a_payout_that_waited_for_funds_is_sent_for_what_is_left() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    fixture.stripe.borrow_mut().balance = 10;
    approve(&fixture, APRIL, APPROVED);
    assert_eq!(sent(&fixture), Vec::<i64>::new());
    fixture.refunded("re_1", "in_p_1", "2026-04-10T01:00:00Z", 20_000);
    fixture.stripe.borrow_mut().balance = 100_000;
    fixture.sweep("2026-04-10T12:00:00Z");
    assert_eq!(sent(&fixture), [6_000]);
    assert_eq!(fixture.balance(&partner), (0, 6_000));
    fixture.is_sound();
}

#[test]
fn a_dispute_of_what_was_paid_keeps_nothing_else_back() {
    let (fixture, partner) = planned(PayoutApproval::Manual);
    approve(&fixture, APRIL, APRIL);
    dispute(&fixture, "opened", "p", "in_p_1", "2026-04-02T00:00:00Z");
    fixture.paid("p", "in_2", "2026-04-05T00:00:00Z", 30_000);
    fixture.run(AGENCY, MAY);
    approve(&fixture, MAY, MAY);
    assert_eq!(sent(&fixture), [10_000, 6_000]);
    dispute(&fixture, "lost", "p", "in_p_1", "2026-05-02T00:00:00Z");
    assert_eq!(fixture.balance(&partner), (-4_000, 16_000), "owed");
    fixture.is_sound();
}
