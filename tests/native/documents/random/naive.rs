//! A naive interpreter of documents, straight from their JSON. It shares no code with the product.

use super::{Account, Earned};
use crate::simulation::calendar::{month, plus_months, quarter};
use serde_json::Value;
use std::collections::BTreeMap;

pub struct Fact {
    pub at: i64,
    pub body: Value,
}

/// What an invoice earns by one rule, in the order in which refunds use it up.
struct Line {
    account: usize,
    invoice: String,
    rule: String,
    reward: String,
    at: i64,
    gross: i64,
    kept: i64,
}

fn kind(fact: &Fact) -> &str {
    fact.body["type"].as_str().unwrap_or_default()
}

fn cents(fact: &Fact) -> i64 {
    fact.body["amount"]["cents"].as_i64().unwrap_or_default()
}

fn list(document: &Value, name: &str) -> Vec<Value> {
    document[name].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn payments(account: &Account) -> Vec<&Fact> {
    account.facts.iter().filter(|f| kind(f) == "invoice.paid").collect()
}

/// What everything has earned once the last run, at `last`, is over.
pub fn earned(document: &Value, accounts: &[Account], last: i64) -> Earned {
    let mut lines = Vec::new();
    for (n, account) in accounts.iter().enumerate() {
        lines.extend(invoice_lines(document, accounts, n, account));
    }
    cap_months(document, accounts, &mut lines, last);
    take_back(accounts, &mut lines);
    let mut earned = Earned::new();
    for line in lines {
        let source = if line.rule == line.reward { String::new() } else { format!(":{}", line.reward) };
        let key = (accounts[line.account].id.clone(), line.rule, format!("invoice:{}{source}", line.invoice));
        *earned.entry(key).or_default() += line.kept;
    }
    for account in accounts {
        for reward in list(document, "rewards") {
            let Some((source, cents)) = once(&reward, account) else { continue };
            *earned.entry((account.id.clone(), text(&reward["id"]), source)).or_default() += cents;
        }
    }
    earned.retain(|_, cents| *cents != 0);
    earned
}

/// What an account's first event or its first payment earns.
fn once(reward: &Value, account: &Account) -> Option<(String, i64)> {
    let flat = reward["amount"]["flat_cents"].as_i64();
    if reward["on"]["state"] == "paid" {
        return payments(account).first().and(flat).map(|flat| ("state:paid".to_owned(), flat));
    }
    let event = text(&reward["on"]["event"]);
    if event == "invoice.paid" {
        return None;
    }
    let least = reward["when"]["annual_at_least_cents"].as_i64().unwrap_or_default();
    let meets = |f: &&Fact| least == 0 || f.body["data"]["annual_value_cents"].as_i64().is_some_and(|a| a >= least);
    let fact = account.facts.iter().filter(|f| kind(f) == event).find(meets)?;
    let share =
        |rate: i64| (cents(fact) * rate / 10_000).min(reward["amount"]["cap_cents"].as_i64().unwrap_or(i64::MAX));
    Some((format!("event:{event}"), flat.or_else(|| reward["amount"]["rate_bps"].as_i64().map(share))?))
}

fn invoice_lines(document: &Value, accounts: &[Account], n: usize, account: &Account) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let payments = payments(account);
    let Some(first) = payments.first().map(|p| p.at) else { return lines };
    for payment in &payments {
        for reward in list(document, "rewards").iter().filter(|r| r["on"]["event"] == "invoice.paid") {
            let large = |p: &Fact| reward["when"]["monthly_over_cents"].as_i64().is_none_or(|over| cents(p) > over);
            let rule = text(&reward["id"]);
            let span = &reward["span"];
            let is_inside = if span["once"].is_object() {
                payments.iter().find(|p| large(p)).is_some_and(|p| p.at == payment.at)
            } else if let Some(months) = span["months_since_first_match"]["months"].as_i64() {
                let start = payments.iter().find(|p| large(p)).map(|p| p.at);
                start.is_some_and(|start| payment.at < plus_months(start, months))
            } else {
                let from = span["months"]["from"].as_i64().unwrap_or_default();
                let to = span["months"]["to"].as_i64();
                payment.at >= plus_months(first, from) && to.is_none_or(|to| payment.at < plus_months(first, to))
            };
            if !large(payment) || !is_inside {
                continue;
            }
            let line = |rule: &str, gross: i64| Line {
                account: n,
                invoice: text(&payment.body["data"]["invoice_id"]),
                rule: rule.to_owned(),
                reward: text(&reward["id"]),
                at: payment.at,
                gross,
                kept: gross,
            };
            let Some(rate) = reward["amount"]["rate_bps"].as_i64() else {
                lines.push(line(&rule, reward["amount"]["flat_cents"].as_i64().unwrap_or_default()));
                continue;
            };
            let base = cents(payment) * rate / 10_000;
            let mut new = vec![line(&rule, base)];
            if let Some((modifier, whole)) = best(document, accounts, account.partner, &rule, rate, payment.at) {
                new.push(line(&modifier, cents(payment) * whole / 10_000 - base));
            }
            if let Some(cap) = reward["amount"]["cap_cents"].as_i64() {
                let mut room = cap - lines.iter().filter(|l| l.reward == rule).map(|l| l.kept).sum::<i64>();
                for line in &mut new {
                    line.kept = line.gross.min(room);
                    room -= line.kept;
                }
            }
            lines.append(&mut new);
        }
    }
    lines
}

/// The modifier with the highest rate for a payment, if that is higher than the reward's own.
fn best(
    document: &Value,
    accounts: &[Account],
    partner: usize,
    rule: &str,
    own: i64,
    at: i64,
) -> Option<(String, i64)> {
    let mut best: Option<(String, i64)> = None;
    let mut qualified: Vec<i64> =
        accounts.iter().filter(|a| a.partner == partner).filter_map(|a| Some(payments(a).first()?.at)).collect();
    qualified.sort_unstable();
    for modifier in list(document, "modifiers") {
        let condition = &modifier["when_any"][0]["qualifying_referrals"];
        let least = usize::try_from(condition["at_least"].as_i64().unwrap_or_default()).unwrap_or_default();
        let applies = if condition["per"] == "quarter" {
            qualified.iter().filter(|q| quarter(**q) == quarter(at)).count() >= least
        } else {
            qualified.get(least - 1).is_some_and(|reached| at > *reached)
        };
        let whole = modifier["then"]["add_bps"].as_i64().map(|more| own + more);
        let whole = whole.or_else(|| modifier["then"]["replace_bps"][rule].as_i64());
        let Some(whole) = whole.filter(|whole| applies && *whole > own) else { continue };
        if best.as_ref().is_none_or(|(_, other)| whole >= *other) {
            best = Some((text(&modifier["id"]), whole));
        }
    }
    best
}

/// A month's cap is filled by the reward's own lines, by (paid at, invoice), then by the modifiers'.
fn cap_months(document: &Value, accounts: &[Account], lines: &mut [Line], last: i64) {
    for cap in list(document, "caps") {
        let most = cap["per_partner_month_cents"].as_i64().unwrap_or_default();
        let mut used: BTreeMap<(usize, i64), i64> = BTreeMap::new();
        let mut order: Vec<&mut Line> = lines.iter_mut().filter(|l| cap["reward"] == l.reward && l.at < last).collect();
        order.sort_by_key(|l| (l.rule != l.reward, l.at, l.invoice.clone()));
        for line in order {
            let used = used.entry((accounts[line.account].partner, month(line.at))).or_default();
            let room = (most - *used).max(0);
            *used += line.gross;
            // A cap per account may have taken more.
            line.kept -= (line.gross - room).max(0).min(line.kept);
        }
    }
}

/// A refund takes its share of what the invoice earned, the first line first.
fn take_back(accounts: &[Account], lines: &mut [Line]) {
    for account in accounts {
        for refund in account.facts.iter().filter(|f| kind(f) == "invoice.refunded") {
            let invoice = text(&refund.body["data"]["invoice_id"]);
            let paid =
                payments(account).into_iter().find(|p| p.body["data"]["invoice_id"] == *invoice).map_or(1, cents);
            let mut own: Vec<&mut Line> = lines.iter_mut().filter(|l| l.invoice == invoice).collect();
            let mut left = own.iter().map(|l| l.kept).sum::<i64>() * cents(refund) / paid;
            for line in &mut own {
                let taken = left.min(line.kept);
                line.kept -= taken;
                left -= taken;
            }
        }
    }
}
