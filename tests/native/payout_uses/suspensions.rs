//! Partners suspended, banned and reinstated: what is held, what becomes void, what stays, and who may still come in.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, MAY, earned};
use crate::support::world::at;
use manicule::service::setup::PayoutApproval;
use manicule::store::identity::session::{Proof, partners_of};
use serde_json::{Value, json};

const JANUARY: &str = "2026-01-20T00:00:00Z";
const MARCH: &str = "2026-03-10T00:00:00Z";
const MID_APRIL: &str = "2026-04-10T00:00:00Z";

fn change(fixture: &PayoutFixture, when: &str, partner: &str, to: &str) -> (u16, Value) {
    fixture.post(when, &format!("/v1/partners/{partner}/{to}"), json!({"reason": "looked into"}))
}

/// Cents by (account, state).
fn states(fixture: &PayoutFixture) -> Vec<(String, String, i64)> {
    let rows = fixture.world.db.look(
        "SELECT account_id, state, SUM(net_cents) AS cents FROM accrual WHERE reward_id <> 'benefit' GROUP BY 1, 2 ORDER BY 1, 2",
    );
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    rows.iter().map(|r| (text(&r["account_id"]), text(&r["state"]), r["cents"].as_i64().unwrap_or_default())).collect()
}

fn state(account: &str, state: &str, cents: i64) -> (String, String, i64) {
    (account.to_owned(), state.to_owned(), cents)
}

#[test]
fn a_suspension_holds_what_happens_in_it_and_what_is_not_sent() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    assert_eq!(change(&fixture, APRIL, &partner, "suspend"), (200, json!({"id": partner, "standing": "suspended"})));
    assert_eq!(change(&fixture, APRIL, &partner, "suspend").0, 200, "again");
    fixture.sweep("2026-04-02T00:00:00Z");
    assert_eq!(fixture.stripe.borrow().transfers.len(), 0);
    let held = fixture.get(APRIL, "/v1/payouts?state=held");
    assert_eq!(
        (held["data"][0]["state"].as_str(), held["data"][0]["amount_cents"].as_i64()),
        (Some("held"), Some(10_000))
    );
    assert_eq!(fixture.get(APRIL, "/v1/payouts?state=planned")["data"], json!([]));
    fixture.paid("p", "in_2", MID_APRIL, 10_000);
    assert_eq!(states(&fixture), [state("p", "available", 10_000), state("p", "held", 2_000)]);
    let shown = fixture.get(APRIL, &format!("/v1/partners/{partner}"));
    assert_eq!((&shown["standing"], &shown["active"]), (&json!("suspended"), &json!(false)));
    assert_eq!(shown["suspensions"][0]["reason"], "looked into");
    // No run plans anything for the partner.
    fixture.run(AGENCY, MAY);
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM payout"), 1);

    assert_eq!(change(&fixture, "2026-05-02T00:00:00Z", &partner, "reinstate").0, 200);
    assert_eq!(states(&fixture), [state("p", "available", 10_000), state("p", "pending", 2_000)]);
    fixture.sweep("2026-05-02T00:10:00Z");
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    fixture.run(AGENCY, "2026-06-01T06:00:00Z");
    fixture.sweep("2026-06-01T07:00:00Z");
    assert_eq!(fixture.balance(&partner), (0, 12_000));
    fixture.is_sound();
}

#[test]
fn a_run_plans_nothing_for_the_suspended() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    change(&fixture, "2026-03-31T00:00:00Z", &partner, "suspend");
    fixture.run(AGENCY, APRIL);
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM payout"), 0);
    assert_eq!(fixture.balance(&partner), (10_000, 0), "earned before it, and still owed");
    change(&fixture, "2026-04-30T00:00:00Z", &partner, "reinstate");
    fixture.run(AGENCY, MAY);
    fixture.sweep("2026-05-02T00:10:00Z");
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    fixture.is_sound();
}

#[test]
fn a_touch_in_a_suspension_binds_nobody() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (partner, code) = fixture.partner(AGENCY, "p");
    let sign_up = |account: &str, when: &str| {
        let by = json!({"attribution": {"code": code}});
        fixture.event(&format!("s_{account}"), "account.signed_up", when, account, by);
        fixture.paid(account, &format!("in_{account}"), when, 10_000);
    };
    change(&fixture, JANUARY, &partner, "suspend");
    let live = |when: &str| {
        let link = manicule::store::link::link_resolve(&code, at(when));
        crate::support::world::now(fixture.world.at(at(when)).read(link)).expect("read").expect("a link").live(at(when))
    };
    assert!(!live(JANUARY));
    sign_up("in_it", "2026-01-21T00:00:00Z");
    change(&fixture, "2026-02-01T00:00:00Z", &partner, "reinstate");
    assert!(live("2026-02-01T00:00:00Z"));
    sign_up("after", "2026-02-02T00:00:00Z");
    // It is known late, and happened before.
    sign_up("before", "2026-01-19T00:00:00Z");
    assert_eq!(states(&fixture), [state("after", "pending", 2_000), state("before", "pending", 2_000)]);
    let report = fixture.get(MARCH, "/v1/accounts/in_it/attribution").to_string();
    assert!(report.contains("the partner was suspended"), "{report}");
}

#[test]
fn a_ban_voids_what_was_not_paid_and_keeps_the_accounts() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    // $60 available and planned, and $20 pending.
    fixture.paid("p", "in_2", MID_APRIL, 30_000);
    fixture.run(AGENCY, MAY);
    fixture.event(
        "s_q",
        "account.signed_up",
        "2026-05-02T00:00:00Z",
        "q",
        json!({"attribution": {"code": code(&fixture, &partner)}}),
    );
    fixture.paid("q", "in_3", "2026-05-03T00:00:00Z", 10_000);
    assert_eq!(change(&fixture, "2026-05-04T00:00:00Z", &partner, "ban").0, 200);
    assert_eq!(states(&fixture), [state("p", "available", 10_000), state("p", "void", 0), state("q", "void", 0)]);
    assert_eq!(fixture.balance(&partner), (0, 10_000));
    let planned = fixture.world.db.look("SELECT state FROM payout ORDER BY created_at_ms");
    assert_eq!(planned.iter().map(|r| r["state"].clone()).collect::<Vec<_>>(), ["paid", "cancelled"]);
    fixture.paid("q", "in_4", "2026-05-05T00:00:00Z", 10_000);
    assert_eq!(fixture.world.balance(&partner, "pending"), 0);
    let (status, refused) = change(&fixture, "2026-05-06T00:00:00Z", &partner, "suspend");
    assert_eq!((status, refused["code"].as_str()), (409, Some("partner_banned")));
    // A refund of what was paid is taken back as ever.
    fixture.refunded("re", "in_p_1", "2026-05-07T00:00:00Z", 25_000);
    assert_eq!(fixture.balance(&partner), (-5_000, 10_000));

    assert_eq!(change(&fixture, "2026-06-10T00:00:00Z", &partner, "reinstate").0, 200);
    assert_eq!(states(&fixture)[..2], [state("p", "available", 5_000), state("p", "void", 0)]);
    // The accounts are still the partner's, and earn again.
    fixture.paid("q", "in_5", "2026-06-11T00:00:00Z", 10_000);
    assert_eq!(fixture.world.balance(&partner, "pending"), 2_000);
    fixture.is_sound();
}

fn code(fixture: &PayoutFixture, partner: &str) -> String {
    let rows = fixture.world.db.look(&format!("SELECT code FROM partner WHERE id = '{partner}'"));
    rows[0]["code"].as_str().expect("a code").to_owned()
}

#[test]
fn a_bans_credits_stay_as_far_as_they_were_used() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (partner, code) = fixture.partner("tiered-credits", "owner");
    fixture.world.fund(at("2026-01-02T00:00:00Z"), "tiered-credits", 100_000).expect("funded");
    fixture.event("s", "account.signed_up", "2026-01-05T00:00:00Z", "friend", json!({"attribution": {"code": code}}));
    fixture.event("rfq", "rfq.submitted", "2026-01-06T00:00:00Z", "friend", json!({}));
    let body = |cents: i64| json!({"program": "tiered-credits", "external_id": "owner", "amount_cents": cents, "reason": "order"});
    let redeem = |key: &str, cents: i64| {
        fixture.post_with(MARCH, "/v1/credits/redeem", body(cents), &[("idempotency-key", key)])
    };
    assert_eq!(redeem("one", 3_000).0, 201);
    change(&fixture, MARCH, &partner, "suspend");
    assert_eq!(redeem("two", 100).1["code"], "partner_suspended");
    assert_eq!(change(&fixture, MARCH, &partner, "ban").0, 200);
    assert_eq!(fixture.world.balance(&partner, "available"), 0);
    assert_eq!(fixture.world.db.number("SELECT SUM(net_cents) FROM accrual"), 3_000, "what was used stays");
    change(&fixture, MID_APRIL, &partner, "reinstate");
    assert_eq!(fixture.world.balance(&partner, "available"), 0);
    fixture.is_sound();
}

#[test]
fn a_banned_partners_sessions_end_and_none_begins() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (partner, _) = fixture.partner(AGENCY, "p");
    let session = |id: &str, email: &str, operator: i64| {
        fixture.sql(&format!(
            "INSERT INTO session (id, token_sha256, way, email, operator, actor, agent, expires_at_ms, rotated_at_ms, created_at_ms, checked_at_ms, seen_at_ms)
             VALUES ('{id}', '{id}', 'email', '{email}', {operator}, 'a', '', 9e15, 0, 0, 0, 0)"
        ));
    };
    session("own", "p@partners.example", 0);
    session("other", "q@partners.example", 0);
    let own = || {
        let found = partners_of(Proof::Email("p@partners.example"));
        crate::support::world::now(fixture.world.at(at(MARCH)).read(found)).expect("read").len()
    };
    assert_eq!(own(), 1);
    change(&fixture, MARCH, &partner, "suspend");
    assert_eq!((own(), fixture.world.db.number("SELECT COUNT(*) FROM session WHERE ended_at_ms IS NULL")), (1, 2));
    change(&fixture, MARCH, &partner, "ban");
    let open = fixture.world.db.look("SELECT id FROM session WHERE ended_at_ms IS NULL");
    assert_eq!((own(), open.len(), &open[0]["id"]), (0, 1, &json!("other")));
    change(&fixture, MARCH, &partner, "reinstate");
    assert_eq!(own(), 1);
}

#[test]
fn a_standing_needs_a_reason_and_a_partner_and_is_audited() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let (partner, _) = fixture.partner(AGENCY, "p");
    assert_eq!(fixture.post(MARCH, &format!("/v1/partners/{partner}/ban"), json!({})).0, 422);
    assert_eq!(fixture.post(MARCH, "/v1/partners/nobody/ban", json!({"reason": "x"})).0, 404);
    change(&fixture, MARCH, &partner, "ban");
    change(&fixture, MARCH, &partner, "reinstate");
    let actions = fixture.world.db.look(
        "SELECT action, reason FROM audit WHERE action LIKE 'partner.%' AND action <> 'partner.enrol' ORDER BY action",
    );
    let said: Vec<(&str, &str)> =
        actions.iter().map(|r| (r["action"].as_str().unwrap_or(""), r["reason"].as_str().unwrap_or(""))).collect();
    assert_eq!(said, [("partner.ban", "looked into"), ("partner.reinstate", "looked into")]);
}
