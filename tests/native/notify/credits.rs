//! Credits by webhook: what arrives is posted once. A later clawback is announced and posted, too.

use super::fixture::NotifyFixture;
use crate::support::world::{at, now};
use manicule::base::time::MINUTE_MS;
use serde_json::{Value, json};

pub const TIERED: &str = "tiered-credits";
pub const START: &str = "2026-05-01T00:00:00Z";

/// The credits preset with delivery by webhook, from the start.
pub fn by_webhook() -> Value {
    let text = manicule::program::catalog::PRESETS.iter().find(|(id, _)| *id == TIERED).expect("the preset").1;
    let mut document: Value = serde_json::from_str(text).expect("JSON");
    document["version"] = json!(2);
    document["effective_from"] = json!("2026-01-01T00:00:00Z");
    document["settlement"]["delivery"] = json!("webhook");
    document
}

/// Runs the ten-minute job this many times.
pub fn sweeps(fixture: &NotifyFixture, from: &str, times: i64) {
    for n in 0..times {
        let ctx = fixture.world.at(at(from).plus_ms(10 * n * MINUTE_MS));
        now(manicule::service::credit::plan(&ctx)).expect("planned");
        fixture.sweep(ctx.now);
    }
}

/// The requests that arrived at the endpoints.
pub fn hooks(fixture: &NotifyFixture) -> Vec<Value> {
    let hooks = fixture.outside.hooks.borrow();
    hooks.iter().map(|request| serde_json::from_slice(&request.body).expect("JSON")).collect()
}

pub fn credits(fixture: &NotifyFixture, partner: &str) -> (i64, i64) {
    (fixture.world.balance(partner, "available"), fixture.world.balance(partner, "redeemed"))
}

#[test]
fn delivered_credits_are_posted_once_and_clawbacks_are_announced() {
    let fixture = NotifyFixture::new(1);
    fixture.operate(
        at("2026-01-01T00:00:00Z"),
        ("PUT", "/v1/programs/{id}"),
        "/v1/programs/tiered-credits",
        &by_webhook(),
        201,
    );
    fixture.endpoint(at(START), "https://host.example/credits", &["reward"]);
    fixture.endpoint(at(START), "https://host.example/copy", &["reward.granted"]);
    fixture.world.fund(at(START), TIERED, 100_000).expect("funded");
    let [owner, other] = ["owner", "other"].map(|who| {
        fixture.world.partner(at(START), TIERED, who, &format!("{who}@partners.example")).expect("enrolled")
    });
    let up = json!({"id": "s", "type": "account.signed_up", "occurred_at": "2026-05-02T00:00:00Z",
        "account": {"id": "friend"}, "attribution": {"code": owner.1}});
    fixture.world.take(at("2026-05-02T00:00:01Z"), &up, None).expect("accepted");
    assert_eq!(credits(&fixture, &owner.0), (500, 0), "nothing has arrived");
    let refused = json!({"partner": owner.0, "amount_cents": 1, "reason": "x"});
    let answer = fixture.ask(at("2026-05-02T00:00:02Z"), "POST", "/v1/credits/redeem", &refused);
    assert_eq!(answer.status, 400, "a key is required first");

    sweeps(&fixture, "2026-05-02T00:10:00Z", 3);
    assert_eq!(credits(&fixture, &owner.0), (0, 500), "two endpoints took it, and it is booked once");
    let told: Vec<Value> = hooks(&fixture);
    assert_eq!(told.iter().filter(|t| t["type"] == "reward.granted.referrer").count(), 2, "{told:?}");
    let data = &told[0]["data"];
    assert_eq!(
        (&data["amount_cents"], &data["unit"], &data["account"], &data["external_id"], &data["partner"]),
        (&json!(500), &json!("credit:usd"), &json!("friend"), &json!("owner"), &json!(owner.0))
    );
    assert!(data["accrual_id"].as_str().is_some_and(|line| line.starts_with("acr_")), "{data}");

    let moved = json!({"program": TIERED, "partner": other.0, "reason": "it was the other's"});
    let route = ("POST", "/v1/accounts/{id}/reassign");
    fixture.operate(at("2026-05-03T00:00:00Z"), route, "/v1/accounts/friend/reassign", &moved, 200);
    assert_eq!(credits(&fixture, &owner.0), (-500, 500));
    sweeps(&fixture, "2026-05-03T00:10:00Z", 6);
    assert_eq!((credits(&fixture, &owner.0), credits(&fixture, &other.0)), ((0, 0), (0, 500)));
    let told = hooks(&fixture);
    let back: Vec<&Value> = told.iter().filter(|t| t["type"] == "reward.reversed").collect();
    assert_eq!(back.len(), 1, "{told:?}");
    assert_eq!((&back[0]["data"]["amount_cents"], &back[0]["data"]["external_id"]), (&json!(500), &json!("owner")));
    assert_eq!(back[0]["data"]["accrual_id"], data["accrual_id"]);
    sweeps(&fixture, "2026-05-04T00:00:00Z", 6);
    assert_eq!(hooks(&fixture).len(), told.len(), "and no more");
    let faults = "SELECT what FROM ledger_check UNION ALL SELECT what FROM credit_check";
    assert_eq!(fixture.world.db.look(faults), []);
}
