//! The chain on SQLite: link, sign-up, payments, runs, ledger.

use crate::support::world::{World, at};
use manicule::engine::attribution::touch::{Touch, TouchHistory};
use manicule::engine::settlement::RunState;
use manicule::program::document::Cadence;
use serde_json::{Value, json};

fn event(id: &str, kind: &str, when: &str, account: &str, rest: Value) -> Value {
    let mut body = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
    for (key, value) in rest.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

fn paid(id: &str, when: &str, account: &str, invoice: &str, cents: i64) -> Value {
    event(
        id,
        "invoice.paid",
        when,
        account,
        json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}}),
    )
}

#[test]
fn a_referral_earns_fifty_dollars_on_the_monday_after_it_qualifies() {
    let world = World::new(1);
    let t0 = at("2026-05-01T00:00:00Z");
    let (partner, code) = world.partner(t0, "user-referral", "user_1", "ann@example.com").unwrap();
    let touchpoints = TouchHistory {
        visitor: "v".into(),
        touches: vec![Touch {
            program: "user-referral".into(),
            code: code.into(),
            campaign: String::new(),
            click_id: "c1".into(),
            at: at("2026-05-05T12:00:00Z"),
        }],
    };
    let take = |when: &str, body: Value, touchpoints| world.take(at(when), &body, touchpoints).unwrap();
    take(
        "2026-05-10T00:00:01Z",
        event("e1", "account.signed_up", "2026-05-10T00:00:00Z", "acct_1", json!({})),
        Some(touchpoints),
    );
    let first = paid("e2", "2026-05-11T00:00:00Z", "acct_1", "in_1", 2320);
    let taken = take("2026-05-11T00:00:01Z", first.clone(), None);
    let again = take("2026-05-12T00:00:01Z", first, None);
    assert!(taken.first && !again.first);
    assert_eq!(taken.outcome, again.outcome);
    world.run(Cadence::Weekly, at("2026-06-08T09:00:00Z")).unwrap();
    assert_eq!(world.balance(&partner, "available"), 0, "29 days after the payment");
    let runs = world.run(Cadence::Weekly, at("2026-06-15T09:00:00Z")).unwrap();
    assert_eq!(runs[0].state, RunState::Done);
    assert_eq!(world.balance(&partner, "available"), 5000);
    world.run(Cadence::Weekly, at("2026-06-15T09:00:00Z")).unwrap();
    world.run(Cadence::Weekly, at("2026-06-22T09:00:00Z")).unwrap();
    assert_eq!(world.balance(&partner, "available"), 5000, "once per account");
    assert_eq!(world.db.number("SELECT COUNT(*) FROM outbox WHERE kind LIKE 'reward.%'"), 2);
    assert_eq!(world.db.number("SELECT referrals FROM leaderboard WHERE rank = 1"), 1);
    assert!(world.faults().is_empty(), "{:?}", world.faults());
}

#[test]
fn an_agency_earns_twenty_percent_and_it_vests_after_sixty_days() {
    let world = World::new(2);
    let t0 = at("2026-01-01T00:00:00Z");
    let (partner, code) = world.partner(t0, "agency-partner", "agency_1", "hi@agency.example").unwrap();
    let take = |body: Value| {
        let when = at(body["occurred_at"].as_str().unwrap()).plus_ms(1);
        world.take(when, &body, None).unwrap()
    };
    take(event("s", "account.signed_up", "2026-01-10T00:00:00Z", "acct_1", json!({"attribution": {"code": code}})));
    take(paid("p1", "2026-01-10T00:00:01Z", "acct_1", "in_1", 50_000));
    assert_eq!(world.balance(&partner, "pending"), 10_000);
    world.run(Cadence::Monthly, at("2026-03-01T06:00:00Z")).unwrap();
    assert_eq!(world.balance(&partner, "available"), 0, "50 days");
    take(paid("p2", "2026-02-10T00:00:01Z", "acct_1", "in_2", 50_000));
    world.run(Cadence::Monthly, at("2026-04-01T06:00:00Z")).unwrap();
    assert_eq!(world.balance(&partner, "available"), 20_000);
    take(event(
        "r",
        "invoice.refunded",
        "2026-04-02T00:00:00Z",
        "acct_1",
        json!({"amount": {"cents": 12_345, "currency": "usd"}, "data": {"refund_id": "re_1", "invoice_id": "in_1"}}),
    ));
    assert_eq!(world.balance(&partner, "available"), 20_000 - 2_469);
    assert!(world.faults().is_empty(), "{:?}", world.faults());
}

#[test]
fn a_payment_held_for_its_currency_does_not_qualify() {
    let world = World::new(3);
    let (partner, code) =
        world.partner(at("2026-05-01T00:00:00Z"), "user-referral", "user_1", "ann@example.com").unwrap();
    let signed_up =
        event("s", "account.signed_up", "2026-05-10T00:00:00Z", "acct_1", json!({"attribution": {"code": code}}));
    let mut euros = paid("p1", "2026-05-11T00:00:00Z", "acct_1", "in_1", 2900);
    euros["amount"]["currency"] = json!("eur");
    world.take(at("2026-05-10T00:00:01Z"), &signed_up, None).unwrap();
    world.take(at("2026-05-11T00:00:01Z"), &euros, None).unwrap();
    world.run(Cadence::Weekly, at("2026-06-29T09:00:00Z")).unwrap();
    assert_eq!(world.balance(&partner, "available"), 0);
    assert_eq!(world.db.number("SELECT COUNT(*) FROM review WHERE rule = 'currency' AND state = 'open'"), 1);
    let dollars = paid("p2", "2026-06-30T00:00:00Z", "acct_1", "in_2", 2900);
    world.take(at("2026-06-30T00:00:01Z"), &dollars, None).unwrap();
    world.run(Cadence::Weekly, at("2026-08-03T09:00:00Z")).unwrap();
    assert_eq!(world.balance(&partner, "available"), 5000, "a month of dollars does");
    assert!(world.faults().is_empty(), "{:?}", world.faults());
}
