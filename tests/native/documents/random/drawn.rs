//! Draws programs: one or two, each with one or two versions. Some terms must be refused.

use crate::documents;
use crate::simulation::calendar::{DAY, instant, print};
use crate::simulation::rng::Rng;
use serde_json::{Value, json};

/// The versions of each program.
pub fn programs(rng: &mut Rng) -> Vec<Vec<Value>> {
    let group = rng.pick(&[json!(null), json!("shared")]);
    let names: &[&str] = if rng.percent(40) { &["tried", "other"] } else { &["tried"] };
    names.iter().map(|name| versions(rng, name, &group)).collect()
}

fn versions(rng: &mut Rng, name: &str, group: &Value) -> Vec<Value> {
    let cadence = rng.pick(&["instant", "weekly", "monthly", "monthly"]);
    let has_budget = cadence == "instant" && rng.percent(50);
    let mut versions = vec![version(rng, name, cadence, has_budget)];
    if rng.percent(35) {
        let mut second = version(rng, name, cadence, has_budget);
        second["version"] = json!(2);
        second["effective_from"] = json!(print(instant(2026, 2, 1) + rng.within(0, 150 * DAY)));
        // What partners reached is kept by a modifier's id, so one id has one condition.
        let kept = versions[0]["modifiers"].as_array().cloned().unwrap_or_default();
        for modifier in second["modifiers"].as_array_mut().into_iter().flatten() {
            if let Some(first) = kept.iter().find(|k| k["id"] == modifier["id"]) {
                modifier["when_any"] = first["when_any"].clone();
            }
        }
        versions.push(second);
    }
    for document in &mut versions {
        if !group.is_null() {
            document["attribution"]["exclusive_group"] = group.clone();
        }
    }
    versions
}

fn version(rng: &mut Rng, name: &str, cadence: &str, has_budget: bool) -> Value {
    let states: Vec<Value> = (0..rng.within(0, 3)).map(|n| state(rng, n)).collect();
    let count = rng.within(1, 4);
    let rewards: Vec<Value> = (0..count).map(|n| reward(rng, n, has_budget, &states)).collect();
    let rates: Vec<Value> = rewards
        .iter()
        .filter(|r| r["on"]["event"] == "invoice.paid" && r["amount"]["rate_bps"].is_i64())
        .map(|r| r["id"].clone())
        .collect();
    // Where a term makes no sense, it is drawn rarely, and must be refused.
    let is_fit = cadence != "instant" && !rates.is_empty();
    documents::document(|d| {
        d["id"] = json!(name);
        d["settlement"]["cadence"] = json!(cadence);
        d["settlement"]["unit"] = json!(if cadence == "instant" { "credit" } else { "cash" });
        if has_budget {
            d["settlement"]["budget"] = json!(true);
        }
        d["lifecycle"].as_array_mut().expect("states").extend(states.clone());
        d["rewards"] = json!(rewards);
        if rng.percent(20) {
            d["benefit"] = json!({"rate_bps": 1_000, "on": "first_invoice", "months": 1});
        }
        if cadence != "instant" {
            d["vesting"]["hold"] = hold(rng, &states);
            d["settlement"]["minimum_cents"] = json!(rng.pick(&[0, 0, 1_000, 8_000]));
            d["settlement"]["delay_days"] = json!(rng.pick(&[0, 0, 30, 100]));
        }
        if rng.percent(if is_fit { 60 } else { 3 }) {
            let capped = if rates.is_empty() { json!("none") } else { rng.pick(&rates) };
            d["caps"] =
                json!([{"reward": capped, "per_partner_month_cents": rng.pick(&[1, 999, 5_000, 20_000, 50_000])}]);
        }
        if rng.percent(if is_fit { 60 } else { 3 }) {
            let modifiers: Vec<Value> = (0..rng.within(1, 3)).map(|n| modifier(rng, n, &rates)).collect();
            d["modifiers"] = json!(modifiers);
        }
    })
}

fn hold(rng: &mut Rng, states: &[Value]) -> Value {
    match rng.within(0, 10) {
        0..=2 => {
            json!({"days_after_first_payment": {"days": rng.pick(&[0, 30, 60]), "void_if_cancelled": rng.percent(50)}})
        }
        3..=5 => {
            let state = if states.is_empty() { json!("paid") } else { rng.pick(states)["state"].clone() };
            json!({"until_state": {"state": state, "churn_days": rng.pick(&[0, 10, 30])}})
        }
        _ => json!({"none": {}}),
    }
}

fn state(rng: &mut Rng, n: i64) -> Value {
    let conditions: Vec<Value> = (0..rng.within(1, 3))
        .map(|_| {
            if rng.percent(20) {
                let inner: Vec<Value> = (0..2).map(|_| condition(rng)).collect();
                return json!({"any_of": {"conditions": inner}});
            }
            condition(rng)
        })
        .collect();
    json!({"state": format!("s{n}"), "when": conditions})
}

fn condition(rng: &mut Rng) -> Value {
    match rng.within(0, 8) {
        0 => json!({"signed_up": {}}),
        1 => json!({"paid": {}}),
        2 => json!({"active_days": {"days": rng.pick(&[0, 14, 90])}}),
        3 => json!({"paid_for_days": {"days": rng.pick(&[0, 30])}}),
        4 => json!({"api_calls": {"at_least": rng.pick(&[5, 500])}}),
        5 => json!({"team_larger": {"than": rng.pick(&[2, 10])}}),
        6 => json!({"listings_viewed": {"distinct": rng.within(1, 4), "within_days": rng.pick(&[1, 40])}}),
        _ => json!({"happened": {"event": rng.pick(&["demo.asked", "purchase.completed", "invoice.refunded"])}}),
    }
}

fn reward(rng: &mut Rng, n: i64, has_budget: bool, states: &[Value]) -> Value {
    let invoice = json!({"event": "invoice.paid"});
    let state = match states {
        [] => json!({"state": rng.pick(&["paid", "signed_up"])}),
        states => json!({"state": rng.pick(states)["state"]}),
    };
    let (on, is_rate, mut when) = match rng.within(0, 14) {
        0..=5 if !has_budget || rng.percent(5) => {
            let when =
                if rng.percent(30) { json!({"monthly_over_cents": rng.pick(&[0, 5_000, 20_000])}) } else { json!({}) };
            (invoice, rng.percent(70), when)
        }
        0..=2 | 6 => (json!({"event": "demo.asked"}), rng.percent(2), json!({})),
        3..=4 | 7 => (json!({"event": "purchase.completed"}), rng.percent(60), json!({})),
        5 | 8 => {
            let when = if rng.percent(60) { json!({"annual_at_least_cents": 500_000}) } else { json!({}) };
            (json!({"event": "subscription.started"}), false, when)
        }
        9 if rng.percent(15) => (invoice, true, json!({"annual_at_least_cents": 1})),
        _ => (state, false, json!({})),
    };
    if rng.percent(15) {
        when["source"] = json!([rng.pick(&["direct_link", "agency", "content"])]);
    }
    let recurs = on["event"] == "invoice.paid";
    let mut amount =
        if is_rate { json!({"rate_bps": rng.within(1, 4_000)}) } else { json!({"flat_cents": rng.within(1, 3_000)}) };
    if is_rate && rng.percent(30) {
        amount["cap_cents"] = json!(rng.within(1, 40_000));
    }
    let span = match rng.within(0, if recurs { 5 } else { 1 }) {
        0 => json!({"once": {}}),
        1 => json!({"months": {"from": 0}}),
        2 => json!({"months": {"from": 0, "to": rng.within(1, 5)}}),
        3 => json!({"months": {"from": rng.within(1, 4)}}),
        _ => json!({"months_since_first_match": {"months": rng.within(1, 5)}}),
    };
    // An id keeps its trigger, whatever the version.
    let trigger = on.as_object().and_then(|on| on.values().next()).and_then(Value::as_str).unwrap_or_default();
    let id = format!("{}-{n}", trigger.replace(['.', '_'], "-"));
    json!({"id": id, "source": "test", "on": on, "when": when, "to": "referrer", "amount": amount, "span": span})
}

fn modifier(rng: &mut Rng, n: i64, rates: &[Value]) -> Value {
    let conditions: Vec<Value> = (0..rng.within(1, 3))
        .map(|_| {
            if rng.percent(30) {
                return json!({"annual_revenue": {"at_least_cents": rng.pick(&[400_000, 900_000, 1_300_000])}});
            }
            json!({"qualifying_referrals": {"at_least": rng.within(1, 4), "per": rng.pick(&["quarter", "total"])}})
        })
        .collect();
    let then = if rng.percent(60) || rates.is_empty() {
        json!({"add_bps": rng.within(1, 3_000)})
    } else {
        let reward = rng.pick(rates);
        json!({"replace_bps": {reward.as_str().expect("an id"): rng.within(1, 8_000)}})
    };
    json!({"id": format!("m{n}"), "source": "test", "then": then, "when_any": conditions})
}
