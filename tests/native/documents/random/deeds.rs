//! Draws what accounts do: sign-ups, payments, refunds, disputes, cancellations, usage.

use super::naive::{Account, Deed};
use crate::simulation::calendar::{DAY, HOUR, instant, plus_months};
use crate::simulation::rng::Rng;
use serde_json::{Value, json};

/// Everything that an account does happens before this.
pub const END: (i64, i64, i64) = (2026, 11, 20);

struct Draw<'r> {
    rng: &'r mut Rng,
    account: i64,
    deeds: Vec<Deed>,
}

impl Draw<'_> {
    fn add(&mut self, at: i64, kind: &str, id: &str, mut body: Value) {
        body["type"] = json!(kind);
        body["id"] = json!(format!("{kind}:{}:{id}", self.account));
        // Distinct milliseconds keep instants apart, so that no rule about ties matters here.
        let taken = |at: i64| self.deeds.iter().any(|d| d.at == at);
        let at = (0..).map(|ms| at / 1_000 * 1_000 + self.account + ms * 10).find(|at| !taken(*at)).unwrap_or(at);
        if at < instant(END.0, END.1, END.2) {
            self.deeds.push(Deed { at, body, code: None });
        }
    }
}

/// Who does what. `partners`: all codes that an account may carry, as (program, partner).
pub fn accounts(rng: &mut Rng, partners: &[(usize, usize)]) -> Vec<Account> {
    (0..rng.within(2, 6)).map(|n| account(rng, n, partners)).collect()
}

fn account(rng: &mut Rng, n: i64, partners: &[(usize, usize)]) -> Account {
    let signed_up = instant(2026, 1, 2) + rng.within(0, 80) * DAY;
    let mut draw = Draw { rng, account: n, deeds: Vec::new() };
    let size = draw.rng.pick(&[1, 5, 30]);
    draw.add(signed_up, "account.signed_up", "", json!({"data": {"team_size": size}}));
    // A busy account has a past that is closed and usage that is moot.
    let busy = draw.rng.percent(20);
    payments(&mut draw, signed_up, busy);
    if busy {
        usage(&mut draw, signed_up);
    }
    for k in 0..draw.rng.within(0, 3) {
        let at = signed_up + draw.rng.within(1, 900) * HOUR;
        let id = k.to_string();
        draw.add(at, "demo.asked", &id, json!({}));
        let cents = draw.rng.pick(&[1, 5_000, 90_000]);
        let bought =
            json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"purchase_id": format!("p{n}_{k}")}});
        draw.add(at + HOUR, "purchase.completed", &id, bought);
        let annual = draw.rng.pick(&[400_000, 500_000, 900_000]);
        let data = json!({"data": {"subscription_id": format!("s{n}_{k}"), "annual_value_cents": annual}});
        draw.add(at + 2 * HOUR, "subscription.started", &id, data.clone());
        if draw.rng.percent(40) {
            let ends = at + draw.rng.within(1, 100) * DAY;
            draw.add(ends, "subscription.cancelled", &id, data);
        }
    }
    for k in 0..draw.rng.within(0, 4) {
        let at = signed_up + draw.rng.within(1, 90) * DAY;
        let (calls, size) = (draw.rng.pick(&[10, 1_000]), draw.rng.pick(&[1, 5, 30]));
        draw.add(at, "account.active", &k.to_string(), json!({"data": {"api_calls": calls, "team_size": size}}));
        let listing = draw.rng.pick(&["a", "b", "c"]);
        draw.add(at + HOUR, "listing.viewed", &k.to_string(), json!({"data": {"listing_id": listing}}));
    }
    if draw.rng.percent(30) {
        let left = signed_up + draw.rng.within(1, 200) * DAY + HOUR;
        draw.add(left, "account.cancelled", "", json!({}));
    }
    let mut deeds = draw.deeds;
    deeds.sort_by_key(|deed| deed.at);
    for (place, deed) in deeds.iter_mut().enumerate() {
        let carries = if place == 0 { 85 } else { 8 };
        deed.code = rng.percent(carries).then(|| rng.pick(partners));
    }
    Account { id: format!("acct{n}"), deeds }
}

/// What only a busy account does: it uses the service all the time, and its subscription is reported again and again.
fn usage(draw: &mut Draw, signed_up: i64) {
    let data = json!({"data": {"subscription_id": format!("busy{}", draw.account), "annual_value_cents": 480_000}});
    draw.add(signed_up + HOUR, "subscription.started", "busy", data.clone());
    let mut calls = 0;
    for k in 0..draw.rng.within(20, 60) {
        let at = signed_up + draw.rng.within(2, 7_000) * HOUR;
        calls += draw.rng.within(0, 90);
        let (id, listing) = (format!("busy{k}"), draw.rng.pick(&["a", "b"]));
        match draw.rng.within(0, 4) {
            0 => draw.add(at, "account.active", &id, json!({"data": {"api_calls": calls}})),
            1 => draw.add(at, "listing.viewed", &id, json!({"data": {"listing_id": listing}})),
            2 => draw.add(at, "demo.asked", &id, json!({})),
            _ => draw.add(at, "subscription.updated", &id, data.clone()),
        }
    }
}

fn payments(draw: &mut Draw, signed_up: i64, busy: bool) {
    let first = signed_up + draw.rng.within(1, 20) * HOUR * 7;
    for k in 0..if busy { draw.rng.within(24, 50) } else { draw.rng.within(0, 7) } {
        let due = if busy { first + k * 6 * DAY } else { plus_months(first, k) };
        let (at, invoice) = (due + draw.rng.within(0, 3) * HOUR, format!("in_{}_{k}", draw.account));
        let cents = draw.rng.pick(&[1, 99, 4_900, 9_999, 20_000, 60_000]) * draw.rng.within(1, 3);
        let discount = if draw.rng.percent(20) { draw.rng.within(1, 900) } else { 0 };
        let data = json!({"invoice_id": invoice, "discount_cents": discount});
        draw.add(
            at,
            "invoice.paid",
            &k.to_string(),
            json!({"amount": {"cents": cents, "currency": "usd"}, "data": data}),
        );
        let later = at + draw.rng.within(1, 90) * HOUR * 11;
        let part = if draw.rng.percent(40) { cents } else { draw.rng.within(0, cents) };
        let amount = json!({"cents": part, "currency": "usd"});
        match draw.rng.within(0, if busy { 40 } else { 10 }) {
            0..=1 if part > 0 => {
                let data = json!({"amount": amount, "data": {"invoice_id": invoice, "refund_id": invoice}});
                draw.add(later, "invoice.refunded", &k.to_string(), data);
            }
            2 if part > 0 => {
                let data = json!({"amount": amount, "data": {"invoice_id": invoice, "dispute_id": invoice}});
                draw.add(later, "dispute.opened", &k.to_string(), data.clone());
                let end = draw.rng.pick(&["dispute.won", "dispute.lost", ""]);
                if !end.is_empty() {
                    let ended = later + draw.rng.within(1, 70) * DAY;
                    draw.add(ended, end, &k.to_string(), data);
                }
            }
            _ => {}
        }
    }
}
