//! Messages to the host about partners and accruals: each change once, in order, in its own batch, to whoever
//! subscribed. A message about money that reaches nobody says so.

use super::credits::{START, TIERED, by_webhook, credits, hooks, sweeps};
use super::fixture::{NotifyFixture, PROGRAM};
use crate::support::openapi::{check, document};
use crate::support::sqlite;
use crate::support::world::{at, now};
use manicule::base::time::{HOUR_MS, MINUTE_MS};
use manicule::codec::message::email::words;
use manicule::engine::message::MessageType;
use manicule::jobs;
use manicule::service::message::unsubscribe;
use manicule::store::message::outbox::OutboxMessage;
use serde_json::{Value, json};

const AGENCY: &str = "agency-partner";
const MAY: &str = "2026-05-02T00:00:00Z";

/// Takes an event of the client, a second after it happened.
fn take(fixture: &NotifyFixture, id: &str, kind: &str, when: &str, rest: Value) {
    let mut body = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": "client"}});
    for (key, value) in rest.as_object().expect("an object") {
        body[key] = value.clone();
    }
    fixture.world.take(at(when).plus_ms(1_000), &body, None).expect("accepted");
}

fn usd(cents: i64) -> Value {
    json!({"cents": cents, "currency": "usd"})
}

/// A partner whose client signs up, pays 290 dollars, gets a half back and leaves. Returns the partner.
fn a_client_comes_and_goes(fixture: &NotifyFixture) -> String {
    let (partner, code) =
        fixture.world.partner(at(START), AGENCY, "agency", "agency@partners.example").expect("enrolled");
    take(fixture, "s", "account.signed_up", MAY, json!({"attribution": {"code": code}}));
    let paid = json!({"amount": usd(29_000), "data": {"invoice_id": "in_1"}});
    take(fixture, "p", "invoice.paid", "2026-05-03T00:00:00Z", paid.clone());
    take(fixture, "p", "invoice.paid", "2026-05-03T00:00:00Z", paid);
    let refunded = json!({"amount": usd(14_500), "data": {"refund_id": "re_1", "invoice_id": "in_1"}});
    take(fixture, "r", "invoice.refunded", "2026-05-04T00:00:00Z", refunded.clone());
    take(fixture, "r", "invoice.refunded", "2026-05-04T00:00:00Z", refunded);
    take(fixture, "c", "account.cancelled", "2026-05-05T00:00:00Z", json!({}));
    partner
}

fn types(hooks: &[Value]) -> Vec<String> {
    hooks.iter().map(|hook| hook["type"].as_str().expect("a type").to_owned()).collect()
}

const STORY: [&str; 5] = ["partner.joined", "referral.joined", "accrual.created", "accrual.updated", "accrual.voided"];

#[test]
fn each_change_is_sent_once_in_order_as_described() {
    let fixture = NotifyFixture::new(1);
    fixture.endpoint(at(START), "https://host.example/all", &[]);
    let partner = a_client_comes_and_goes(&fixture);
    for n in 0..6 {
        fixture.sweep(at("2026-05-05T00:10:00Z").plus_ms(n * 10 * MINUTE_MS));
    }
    let told = hooks(&fixture);
    assert_eq!(types(&told), STORY);
    let accruals = &told[2..];
    let amounts: Vec<i64> = accruals.iter().map(|t| t["data"]["amount_cents"].as_i64().expect("an amount")).collect();
    assert_eq!(amounts, [5_800, 2_900, 0]);
    let made = &accruals[0]["data"];
    let basis = ["base_cents", "rate_bps", "gross_cents", "sequence"].map(|name| made[name].as_i64());
    assert_eq!(basis, [Some(29_000), Some(2_000), Some(5_800), Some(1)], "{made}");
    assert_eq!((&made["partner"], &made["external_id"]), (&json!(partner), &json!("agency")));
    assert_eq!((&made["state"], &accruals[2]["data"]["state"]), (&json!("pending"), &json!("void")));
    assert!(accruals.iter().all(|t| t["data"]["accrual_id"] == made["accrual_id"]), "{told:?}");
    assert_eq!(told[0]["data"]["code"].as_str().map(|code| code.starts_with("PARTNER_")), Some(true), "{}", told[0]);
    let described = document();
    for hook in &told {
        let kind = hook["type"].as_str().expect("a type");
        let schema = &described["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]["schema"];
        let mut faults = Vec::new();
        check(&described, schema, hook, "$", &mut faults);
        assert!(schema.is_object() && faults.is_empty(), "{kind}: {faults:?}");
    }
}

#[test]
fn order_and_number_survive_every_fault() {
    use sqlite::Fault::{AfterCommit, Before};
    let through = |fault: Option<(u64, sqlite::Fault)>, status: u16| {
        let fixture = NotifyFixture::new(2);
        fixture.endpoint(at(START), "https://host.example/accruals", &["accrual"]);
        a_client_comes_and_goes(&fixture);
        fixture.outside.status.set(status);
        fixture.world.db.fault.set(fault.map(|(call, fault)| (fixture.world.db.calls.get() + call, fault)));
        fixture.sweeps(at("2026-05-05T00:10:00Z"), 10);
        fixture.outside.status.set(200);
        fixture.sweeps(at("2026-05-05T00:20:00Z"), 300);
        assert_eq!(types(&hooks(&fixture)), STORY[2..], "{fault:?} {status}");
    };
    through(None, 200);
    // The first delivery is refused and waits: those that follow it wait behind it.
    through(None, 500);
    through(None, 0);
    for call in 0..12 {
        through(Some((call, Before)), 200);
        through(Some((call, AfterCommit)), 200);
    }
}

#[test]
fn a_change_and_its_message_are_one_batch() {
    use sqlite::Fault::{AfterCommit, Before};
    let paid = json!({"id": "p", "type": "invoice.paid", "occurred_at": "2026-05-03T00:00:00Z", "account": {"id": "client"},
        "amount": usd(29_000), "data": {"invoice_id": "in_1"}});
    for fault in [Before, AfterCommit] {
        for call in 0..8 {
            let fixture = NotifyFixture::new(3);
            fixture.endpoint(at(START), "https://host.example/accruals", &["accrual.created"]);
            let code =
                fixture.world.partner(at(START), AGENCY, "agency", "agency@partners.example").expect("enrolled").1;
            take(&fixture, "s", "account.signed_up", MAY, json!({"attribution": {"code": code}}));
            let number = |table: &str| fixture.world.db.number(&format!("SELECT COUNT(*) FROM {table}"));
            let told = || number("outbox WHERE kind = 'accrual.created'");
            fixture.world.db.fault.set(Some((fixture.world.db.calls.get() + call, fault)));
            let _ = fixture.world.take(at("2026-05-03T00:00:01Z"), &paid, None);
            assert_eq!(told(), number("accrual"), "{fault:?} {call}");
            fixture.world.db.fault.set(None);
            fixture.world.take(at("2026-05-03T00:00:02Z"), &paid, None).expect("accepted");
            assert_eq!((told(), number("accrual")), (1, 1), "{fault:?} {call}");
        }
    }
}

#[test]
fn a_run_announces_what_it_grants_and_vests() {
    let fixture = NotifyFixture::new(4);
    fixture.endpoint(at(START), "https://host.example/accruals", &["accrual"]);
    let code = fixture.world.partner(at(START), AGENCY, "agency", "agency@partners.example").expect("enrolled").1;
    take(&fixture, "s", "account.signed_up", MAY, json!({"attribution": {"code": code}}));
    let paid = json!({"amount": usd(29_000), "data": {"invoice_id": "in_1"}});
    take(&fixture, "p", "invoice.paid", "2026-05-03T00:00:00Z", paid);
    for month in ["2026-06-01T06:00:00Z", "2026-07-01T06:00:00Z", "2026-08-01T06:00:00Z"] {
        now(jobs::run(&fixture.world.at(at(month)), "0 6 1 * *", at(month))).expect("a run");
        fixture.sweep(at(month).plus_ms(HOUR_MS));
    }
    let told = hooks(&fixture);
    assert_eq!(types(&told), ["accrual.created", "accrual.updated"]);
    assert_eq!((&told[1]["data"]["state"], &told[1]["data"]["sequence"]), (&json!("available"), &json!(2)));
}

#[test]
fn nothing_waits_for_an_endpoint_that_does_not_exist() {
    let fixture = NotifyFixture::new(5);
    let (gone, _) = fixture.endpoint(at(START), "https://host.example/all", &[]);
    fixture.endpoint(at(START), "https://host.example/payouts", &["payout"]);
    let path = format!("/v1/webhook-endpoints/{gone}");
    fixture.operate(at(START), ("DELETE", "/v1/webhook-endpoints/{id}"), &path, &Value::Null, 200);
    a_client_comes_and_goes(&fixture);
    let kinds = fixture.world.db.look("SELECT kind FROM outbox ORDER BY rowid");
    let kinds: Vec<&str> = kinds.iter().filter_map(|row| row["kind"].as_str()).collect();
    assert_eq!(kinds, ["referral.joined", "accrual.created"], "what partners get by email");
}

#[test]
fn every_type_is_sent_to_an_endpoint_that_names_it() {
    for kind in MessageType::ALL {
        let fixture = NotifyFixture::with(6, &[("MAIL_FROM", "")]);
        fixture.endpoint(at(START), "https://host.example/it", &[kind.name()]);
        let message = |kind: MessageType| OutboxMessage {
            id: format!("m:{kind}"),
            kind,
            program: &PROGRAM,
            partner: None,
            account: None,
            payload: json!({}),
        };
        fixture.queue(at(START), &MessageType::ALL.iter().map(|kind| message(*kind)).collect::<Vec<_>>());
        fixture.sweep(at(START));
        // A name may be the beginning of another: `payout.failed` and what belongs to it.
        let told = types(&hooks(&fixture));
        let named = |t: &String| t == kind.name() || t.starts_with(&format!("{kind}."));
        assert!(told.contains(&kind.name().to_owned()) && told.iter().all(named), "{kind}: {told:?}");
    }
}

#[test]
fn the_apis_own_example_hears_of_credits_and_of_their_reversal() {
    let described = document();
    let body = &described["paths"]["/v1/webhook-endpoints"]["post"]["requestBody"]["content"]["application/json"];
    let listed = body["example"]["types"].as_array().expect("types");
    for kind in ["reward.granted.referrer", "reward.reversed"] {
        let hears = |t: &Value| t.as_str().is_some_and(|t| kind == t || kind.starts_with(&format!("{t}.")));
        assert!(listed.iter().any(hears), "{kind}: {listed:?}");
    }
}

/// A tiered-credits program that hands its credits over by webhook, with a friend who earns the first.
fn credits_by_webhook(seed: u64) -> (NotifyFixture, String, String) {
    let fixture = NotifyFixture::new(seed);
    let when = at("2026-01-01T00:00:00Z");
    fixture.operate(when, ("PUT", "/v1/programs/{id}"), "/v1/programs/tiered-credits", &by_webhook(), 201);
    fixture.world.fund(at(START), TIERED, 100_000).expect("funded");
    let [owner, other] = ["owner", "other"].map(|who| {
        fixture.world.partner(at(START), TIERED, who, &format!("{who}@partners.example")).expect("enrolled")
    });
    (fixture, format!("{} {}", owner.0, owner.1), other.0)
}

fn friend_signs_up(fixture: &NotifyFixture, code: &str) {
    let up = json!({"id": "s", "type": "account.signed_up", "occurred_at": MAY, "account": {"id": "friend"},
        "attribution": {"code": code}});
    fixture.world.take(at("2026-05-02T00:00:01Z"), &up, None).expect("accepted");
}

/// The messages that reached nobody: in the API, in the health report, and on the operators' pages.
fn undelivered(fixture: &NotifyFixture) -> Vec<String> {
    let when = at("2026-05-09T00:00:00Z");
    let list = fixture.operate(when, ("GET", "/v1/outbox"), "/v1/outbox?state=undelivered", &Value::Null, 200);
    let found = types(list["data"].as_array().expect("a list"));
    let health = fixture.operate(when, ("GET", "/healthz"), "/healthz", &Value::Null, super::RUNS_ARE_OVERDUE);
    assert_eq!(health["outbox"]["undelivered"], json!(found.len()), "{health}");
    found
}

#[test]
fn a_credit_without_an_endpoint_waits_for_one_and_shows() {
    let (fixture, owner, _) = credits_by_webhook(7);
    let (owner, code) = owner.split_once(' ').expect("two");
    friend_signs_up(&fixture, code);
    sweeps(&fixture, "2026-05-02T00:10:00Z", 3);
    assert!(fixture.outside.mails.borrow().iter().any(|m| m.to == "owner@partners.example"));
    assert_eq!(credits(&fixture, owner), (500, 0), "an email hands nothing over");
    assert_eq!(undelivered(&fixture), ["reward.granted.referrer"]);
    fixture.endpoint(at("2026-05-10T00:00:00Z"), "https://host.example/credits", &["reward"]);
    sweeps(&fixture, "2026-05-10T00:10:00Z", 3);
    assert_eq!(credits(&fixture, owner), (0, 500), "it is handed over once there is someone to take it");
    assert_eq!(types(&hooks(&fixture)), ["reward.granted.referrer"]);
    assert_eq!(undelivered(&fixture), Vec::<String>::new());
}

#[test]
fn a_clawback_that_nobody_hears_is_not_sent() {
    let (fixture, owner, other) = credits_by_webhook(8);
    let (owner, code) = owner.split_once(' ').expect("two");
    fixture.endpoint(at(START), "https://host.example/granted", &["reward.granted", "payout"]);
    friend_signs_up(&fixture, code);
    sweeps(&fixture, "2026-05-02T00:10:00Z", 3);
    let moved = json!({"program": TIERED, "partner": other, "reason": "it was the other's"});
    let route = ("POST", "/v1/accounts/{id}/reassign");
    fixture.operate(at("2026-05-03T00:00:00Z"), route, "/v1/accounts/friend/reassign", &moved, 200);
    sweeps(&fixture, "2026-05-03T00:10:00Z", 6);
    assert_eq!(credits(&fixture, owner), (-500, 500));
    assert_eq!(undelivered(&fixture), ["reward.reversed"]);
    // An endpoint that does not answer, and is disabled while the message waits for it.
    let (id, _) = fixture.endpoint(at("2026-05-10T00:00:00Z"), "https://host.example/reversed", &["reward.reversed"]);
    fixture.outside.status.set(500);
    sweeps(&fixture, "2026-05-10T00:10:00Z", 1);
    fixture.outside.status.set(200);
    assert_eq!(undelivered(&fixture), Vec::<String>::new());
    let path = format!("/v1/webhook-endpoints/{id}");
    fixture.operate(at("2026-05-10T00:10:01Z"), ("DELETE", "/v1/webhook-endpoints/{id}"), &path, &Value::Null, 200);
    let new = at("2026-05-10T00:10:02Z");
    fixture.endpoint(new, "https://host.example/reversed", &["reward.reversed"]);
    sweeps(&fixture, "2026-05-10T00:20:00Z", 3);
    assert_eq!(credits(&fixture, owner), (0, 0));
    assert_eq!(types(&hooks(&fixture)).iter().filter(|t| *t == "reward.reversed").count(), 1);
    assert_eq!(undelivered(&fixture), Vec::<String>::new());
}

#[test]
fn what_readers_unsubscribed_from_is_suppressed_and_money_without_a_reader_is_undelivered() {
    let fixture = NotifyFixture::new(9);
    let path = "/v1/outbox?state=suppressed";
    let nobody = "nobody".into();
    let message = |kind: MessageType| OutboxMessage {
        id: format!("m:{kind}"),
        kind,
        program: &PROGRAM,
        partner: Some(&nobody),
        account: None,
        payload: json!({}),
    };
    let told = [MessageType::ReferralJoined, MessageType::StatementCommission, MessageType::PayoutSent];
    fixture.queue(at(START), &told.map(message));
    fixture.sweep(at(START));
    let list = fixture.operate(at(START), ("GET", "/v1/outbox"), path, &Value::Null, 200);
    assert_eq!(types(list["data"].as_array().expect("a list")), ["referral.joined"]);
    assert_eq!(undelivered(&fixture), ["statement.commission", "payout.sent"]);
}

#[test]
fn what_an_endpoint_refused_for_three_days_goes_to_its_successor() {
    let (fixture, owner, _) = credits_by_webhook(10);
    let (owner, code) = owner.split_once(' ').expect("two");
    let (id, _) = fixture.endpoint(at(START), "https://host.example/down", &["reward"]);
    friend_signs_up(&fixture, code);
    fixture.outside.status.set(500);
    sweeps(&fixture, "2026-05-02T00:10:00Z", 3 * 24 * 6 + 30);
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE state = 'failed'"), 1);
    fixture.outside.status.set(200);
    let path = format!("/v1/webhook-endpoints/{id}");
    fixture.operate(at("2026-05-10T00:00:00Z"), ("DELETE", "/v1/webhook-endpoints/{id}"), &path, &Value::Null, 200);
    fixture.endpoint(at("2026-05-10T00:00:01Z"), "https://host.example/up", &["reward"]);
    sweeps(&fixture, "2026-05-10T00:10:00Z", 3);
    assert_eq!(credits(&fixture, owner), (0, 500));
    assert_eq!(types(&hooks(&fixture)), ["reward.granted.referrer"]);
}

#[test]
fn old_news_is_not_emailed() {
    let mut fixture = NotifyFixture::with(11, &[("MAIL_FROM", "")]);
    let ann = fixture.partner("ann");
    fixture.queue_three(at(START), &ann);
    fixture.sweep(at(START));
    fixture.set_up(&[]);
    fixture.sweep(at(START).plus_days(31));
    assert_eq!(fixture.outside.mails.borrow().len(), 2, "money alone");
    assert!(fixture.states().contains(&"email partner suppressed".to_owned()), "{:?}", fixture.states());
}

#[test]
fn a_partners_settings_offer_what_has_a_name_there() {
    for kind in MessageType::ALL {
        let is_choice = unsubscribe::choices().any(|choice| choice == *kind);
        assert_eq!(words::choice(*kind).is_empty(), !is_choice, "{kind}");
    }
}
