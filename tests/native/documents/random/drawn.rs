//! Draws documents and what accounts do under them. Some documents have terms that must be refused.

use super::Account;
use super::naive::Fact;
use crate::documents;
use crate::simulation::calendar::{DAY, HOUR, instant, plus_months};
use crate::simulation::rng::Rng;
use serde_json::{Value, json};

pub fn document(rng: &mut Rng) -> Value {
    let cadence = rng.pick(&["instant", "weekly", "monthly", "monthly"]);
    let count = rng.within(1, 4);
    let rewards: Vec<Value> = (0..count).map(|n| reward(rng, n, cadence)).collect();
    let rates: Vec<Value> = rewards
        .iter()
        .filter(|r| r["on"]["event"] == "invoice.paid" && r["amount"]["rate_bps"].is_i64())
        .map(|r| r["id"].clone())
        .collect();
    // Where a term makes no sense, it is drawn rarely, and must be refused.
    let is_fit = cadence != "instant" && !rates.is_empty();
    documents::document(|d| {
        d["settlement"]["cadence"] = json!(cadence);
        d["settlement"]["unit"] = json!(if cadence == "instant" { "credit" } else { "cash" });
        d["rewards"] = json!(rewards);
        if cadence != "instant" && rng.percent(40) {
            let void = rng.percent(50);
            d["vesting"] = json!({"hold": {"days_after_first_payment": {"days": rng.pick(&[0, 30, 60]), "void_if_cancelled": void}}});
        }
        if rng.percent(if is_fit { 60 } else { 5 }) {
            let capped = if rates.is_empty() { json!("none") } else { rng.pick(&rates) };
            d["caps"] =
                json!([{"reward": capped, "per_partner_month_cents": rng.pick(&[1, 999, 5_000, 20_000, 50_000])}]);
        }
        if rng.percent(if is_fit { 60 } else { 5 }) {
            let modifiers: Vec<Value> = (0..rng.within(1, 3)).map(|n| modifier(rng, n, &rates)).collect();
            d["modifiers"] = json!(modifiers);
        }
    })
}

fn reward(rng: &mut Rng, n: i64, cadence: &str) -> Value {
    let invoice = json!({"event": "invoice.paid"});
    let (on, is_rate, when) = match rng.within(0, 10) {
        0..=5 => {
            let when =
                if rng.percent(30) { json!({"monthly_over_cents": rng.pick(&[0, 5_000, 20_000])}) } else { json!({}) };
            (invoice, rng.percent(70), when)
        }
        6 => (json!({"event": "demo.asked"}), rng.percent(3), json!({})),
        7 => (json!({"event": "purchase.completed"}), rng.percent(60), json!({})),
        8 => {
            let when = if rng.percent(60) { json!({"annual_at_least_cents": 500_000}) } else { json!({}) };
            (json!({"event": "subscription.started"}), false, when)
        }
        _ if cadence == "instant" => (json!({"state": "paid"}), false, json!({})),
        _ => (invoice, true, json!({"annual_at_least_cents": 1})),
    };
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
    json!({"id": format!("r{n}"), "source": "test", "on": on, "when": when, "to": "referrer", "amount": amount, "span": span})
}

fn modifier(rng: &mut Rng, n: i64, rates: &[Value]) -> Value {
    let per = rng.pick(&["quarter", "total"]);
    let then = if rng.percent(60) || rates.is_empty() {
        json!({"add_bps": rng.within(1, 3_000)})
    } else {
        let reward = rng.pick(rates);
        json!({"replace_bps": {reward.as_str().expect("an id"): rng.within(1, 8_000)}})
    };
    json!({"id": format!("m{n}"), "source": "test", "then": then,
           "when_any": [{"qualifying_referrals": {"at_least": rng.within(1, 4), "per": per}}]})
}

/// What accounts do. Payments are not refunded in full where that voids flat rewards under a hold.
pub fn accounts(rng: &mut Rng, document: &Value) -> Vec<Account> {
    let is_held = document["vesting"]["hold"]["none"].is_null();
    (0..rng.within(2, 6))
        .map(|n| {
            let id = format!("acct{n}");
            let mut facts = Vec::new();
            // Distinct seconds keep instants apart, so that no rule about ties matters here.
            let sign_up = instant(2026, 1, 2) + rng.within(0, 80) * DAY + n * 1_000;
            let mut add = |at: i64, kind: &str, id: String, mut body: Value| {
                body["type"] = json!(kind);
                body["id"] = json!(format!("{kind}:{id}"));
                facts.push(Fact { at, body });
            };
            add(sign_up, "account.signed_up", id.clone(), json!({}));
            let first = sign_up + rng.within(1, 20) * HOUR * 7;
            for k in 0..rng.within(0, 6) {
                let (at, invoice) = (plus_months(first, k) + rng.within(0, 3) * HOUR, format!("in_{n}_{k}"));
                let cents = rng.pick(&[1, 99, 4_900, 9_999, 20_000, 60_000]) * rng.within(1, 3);
                let paid = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}});
                add(at, "invoice.paid", invoice.clone(), paid);
                if rng.percent(25) {
                    let back = if rng.percent(30) && !is_held { cents } else { rng.within(0, cents) };
                    let data = json!({"amount": {"cents": back, "currency": "usd"}, "data": {"invoice_id": invoice, "refund_id": invoice}});
                    if back > 0 {
                        add(at + rng.within(1, 90) * HOUR * 11, "invoice.refunded", invoice, data);
                    }
                }
            }
            for k in 0..rng.within(0, 3) {
                let at = sign_up + rng.within(1, 900) * HOUR + k;
                add(at, "demo.asked", format!("{n}{k}"), json!({}));
                let cents = rng.pick(&[1, 5_000, 90_000]);
                let bought = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"purchase_id": format!("p{n}{k}")}});
                add(at + 10, "purchase.completed", format!("{n}{k}"), bought);
                let annual = rng.pick(&[400_000, 500_000, 900_000]);
                let started = json!({"data": {"subscription_id": format!("s{n}{k}"), "annual_value_cents": annual}});
                add(at + 20, "subscription.started", format!("{n}{k}"), started);
            }
            facts.sort_by_key(|fact| fact.at);
            Account { id, partner: usize::try_from(rng.within(0, 2)).unwrap_or_default(), facts }
        })
        .collect()
}
