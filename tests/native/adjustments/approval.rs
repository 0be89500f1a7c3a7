//! Above an amount of the program's document, a second operator approves.

use super::fixture::{AGENCY, Agency};
use crate::support::world::{at, now};
use manicule::service::accrual::adjust;
use serde_json::{Value, json};

const NOW: &str = "2026-01-12T00:00:00Z";

pub fn with_limit() -> Agency {
    let agency = Agency::with_client();
    let mut document = agency.uses.get(NOW, &format!("/v1/programs/{AGENCY}"))["document"].clone();
    document["version"] = json!(2);
    document["effective_from"] = json!("2026-01-11T00:00:00Z");
    document["settlement"]["approval_above_cents"] = json!(1_000);
    agency.uses.put("2026-01-10T12:00:00Z", &format!("/v1/programs/{AGENCY}"), document);
    agency
}

/// Another operator decides.
pub fn decide(agency: &Agency, when: &str, id: &Value, approve: bool) -> Result<(u16, Value), &'static str> {
    let ctx = agency.uses.world.at(at(when));
    now(adjust::decide(&ctx, &id.as_str().unwrap().into(), approve, "checked")).map_err(|error| error.code)
}

#[test]
fn only_more_than_the_limit_waits_for_another_operator() {
    let agency = with_limit();
    agency.book(NOW, json!({"amount_cents": 1_000}));
    agency.book(NOW, json!({"amount_cents": -1_000}));
    for cents in [1_001, -1_001] {
        let (status, answer) = agency.ask(NOW, json!({"amount_cents": cents}));
        assert_eq!((status, &answer["state"]), (202, &json!("requested")), "{answer}");
    }
    assert_eq!(agency.balances().1, 0);
    let waiting = agency.uses.get(NOW, "/v1/adjustments?state=requested");
    assert_eq!(waiting["data"].as_array().unwrap().len(), 2);
    let told = "SELECT COUNT(*) FROM outbox WHERE kind = 'adjustment.approval'";
    assert_eq!(agency.uses.world.db.number(told), 2, "operators get an email");
}

#[test]
fn the_one_who_asked_cannot_approve() {
    let agency = with_limit();
    let (_, asked) = agency.ask(NOW, json!({"amount_cents": 5_000}));
    let path = format!("/v1/adjustments/{}", asked["id"].as_str().unwrap());
    let own = agency.uses.post(NOW, &path, json!({"decision": "approve", "reason": "mine"}));
    assert_eq!((own.0, &own.1["code"]), (403, &json!("own_request")));
    assert_eq!(decide(&agency, NOW, &asked["id"], true).map(|a| a.1["state"].clone()), Ok(json!("booked")));
    assert_eq!(agency.balances().1, 5_000);
    assert_eq!(decide(&agency, NOW, &asked["id"], true).map(|a| a.0), Ok(200), "a repeat changes nothing");
    assert_eq!(agency.balances().1, 5_000);
    assert_eq!(decide(&agency, NOW, &asked["id"], false), Err("adjustment_decided"));
    let shown = agency.uses.get(NOW, &path);
    assert_eq!((&shown["decided_by"], &shown["decision_reason"]), (&json!("test"), &json!("checked")));
    agency.is_sound();
}

#[test]
fn the_database_lets_nobody_approve_their_own() {
    let agency = with_limit();
    let (_, asked) = agency.ask(NOW, json!({"amount_cents": 5_000}));
    let sql = format!(
        "UPDATE adjustment SET state = 'booked', decided_by = actor, decided_at_ms = 1 WHERE id = {}",
        asked["id"].to_string().replace('"', "'")
    );
    assert!(agency.uses.world.db.connection.borrow().execute(&sql, ()).is_err());
}

#[test]
fn what_is_rejected_is_kept_with_its_reason() {
    let agency = with_limit();
    let (_, asked) = agency.ask(NOW, json!({"amount_cents": 5_000}));
    let path = format!("/v1/adjustments/{}", asked["id"].as_str().unwrap());
    let withdrawn = agency.uses.post(NOW, &path, json!({"decision": "reject", "reason": "a typo"}));
    assert_eq!((withdrawn.0, &withdrawn.1["state"]), (200, &json!("rejected")));
    let shown = agency.uses.get(NOW, &path);
    assert_eq!((&shown["state"], &shown["decision_reason"]), (&json!("rejected"), &json!("a typo")));
    assert_eq!(decide(&agency, NOW, &asked["id"], true), Err("adjustment_decided"));
    assert_eq!(agency.balances().1, 0);
}

#[test]
fn a_request_lapses_after_thirty_days() {
    let agency = with_limit();
    let (_, asked) = agency.ask(NOW, json!({"amount_cents": 5_000}));
    let last = "2026-02-10T23:59:59Z";
    now(adjust::expire(&agency.uses.world.at(at(last)))).unwrap();
    let state = |when: &str| agency.uses.get(when, &format!("/v1/adjustments/{}", asked["id"].as_str().unwrap()));
    assert_eq!(state(last)["state"], json!("requested"));
    let after = "2026-02-11T00:00:00Z";
    assert_eq!(decide(&agency, after, &asked["id"], true), Err("adjustment_expired"));
    now(adjust::expire(&agency.uses.world.at(at(after)))).unwrap();
    assert_eq!(state(after)["state"], json!("expired"));
    assert!(state(after)["decision_reason"].is_string());
    assert_eq!(agency.uses.world.db.number("SELECT COUNT(*) FROM audit WHERE action = 'adjustment.expire'"), 1);
}

#[test]
fn an_approval_checks_what_is_left_by_then() {
    let agency = with_limit();
    let accrual = agency.invoiced();
    let (_, asked) = agency.ask(NOW, json!({"accrual": accrual, "amount_cents": -15_000}));
    agency.uses.refunded("rf_1", "in_1", NOW, 50_000);
    assert_eq!(decide(&agency, NOW, &asked["id"], true), Err("more_than_is_left"));
    assert_eq!(agency.balances(), (10_000, 0));
    assert_eq!(decide(&agency, NOW, &asked["id"], false).map(|a| a.0), Ok(200));
    agency.is_sound();
}
