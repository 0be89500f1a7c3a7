//! What invoices earn: rates with their modifiers and caps, flat amounts, and the friend's discount.

use super::seen::{Paid, ended, has_no_hold, seen, vests};
use super::{Bound, Item, Story, list, text};
use crate::simulation::calendar::{month, plus_months, quarter};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an invoice earns by one rule, in the order in which refunds use it up.
struct Line<'a> {
    bound: Bound,
    document: &'a Value,
    invoice: String,
    rule: String,
    reward: String,
    at: i64,
    gross: i64,
    kept: i64,
}

pub fn lines(story: &Story, bound: &[Bound]) -> Vec<Item> {
    let mut lines = Vec::new();
    let mut items = Vec::new();
    for one in bound {
        lines.extend(of_account(story, bound, one));
        items.extend(benefit(story, one));
    }
    for line in &mut lines {
        // What is paid after an account stopped earning uses no room.
        let account = &story.accounts[line.bound.account];
        let is_over = ended(line.document, account).is_some_and(|ended| ended < line.at);
        let first = seen(account, i64::MAX).payments.iter().any(|p| p.invoice == line.invoice);
        assert!(first, "every line has its invoice");
        if is_over && vests_of(story, line).is_err() {
            (line.gross, line.kept) = (0, 0);
        }
    }
    cap_months(story, &mut lines);
    take_back(story, &mut lines);
    items.extend(lines.iter().filter_map(|line| {
        let vests = vests_of(story, line).ok()?;
        let part = if line.rule == line.reward { String::new() } else { format!(":{}", line.reward) };
        Some(Item {
            bound: line.bound,
            rule: line.rule.clone(),
            source: format!("invoice:{}{part}", line.invoice),
            at: line.at,
            cents: line.kept,
            vests,
            at_once: has_no_hold(line.document),
            frozen: paid(story, line).frozen,
            is_partners: true,
        })
    }));
    items
}

fn paid(story: &Story, line: &Line) -> Paid {
    let all = seen(&story.accounts[line.bound.account], i64::MAX).payments;
    all.into_iter().find(|p| p.invoice == line.invoice).expect("every line has its invoice")
}

fn vests_of(story: &Story, line: &Line) -> Result<Option<i64>, ()> {
    let account = &story.accounts[line.bound.account];
    let period = seen(account, i64::MAX).periods[paid(story, line).period];
    vests(line.document, account, i64::MAX, (line.at, Some(period)))
}

fn benefit(story: &Story, bound: &Bound) -> Option<Item> {
    let known = seen(&story.accounts[bound.account], i64::MAX);
    let first = known.payments.first().filter(|p| p.at >= bound.at && p.discount > 0)?;
    let document = story.in_force(bound.program, first.at)?;
    document["benefit"].as_object()?;
    Some(Item {
        bound: *bound,
        rule: "benefit".to_owned(),
        source: format!("invoice:{}", first.invoice),
        at: first.at,
        cents: first.discount,
        vests: None,
        at_once: true,
        frozen: Vec::new(),
        is_partners: false,
    })
}

fn is_large(reward: &Value, paid: &Paid) -> bool {
    reward["when"]["monthly_over_cents"].as_i64().is_none_or(|over| paid.cents > over)
}

fn of_account<'a>(story: &'a Story, all: &[Bound], bound: &Bound) -> Vec<Line<'a>> {
    let mut lines: Vec<Line> = Vec::new();
    let mut done: Vec<String> = Vec::new();
    let payments = seen(&story.accounts[bound.account], i64::MAX).payments;
    let Some(first) = payments.first().map(|p| p.at) else { return lines };
    for paid in payments.iter().filter(|p| p.at >= bound.at) {
        let Some(document) = story.in_force(bound.program, paid.at) else { continue };
        for reward in list(document, "rewards").iter().filter(|r| r["on"]["event"] == "invoice.paid") {
            let rule = text(&reward["id"]);
            let span = &reward["span"];
            let is_inside = if span["once"].is_object() {
                !done.contains(&rule)
            } else if let Some(months) = span["months_since_first_match"]["months"].as_i64() {
                let start = payments.iter().find(|p| is_large(reward, p)).map(|p| p.at);
                start.is_some_and(|start| paid.at < plus_months(start, months))
            } else {
                let from = span["months"]["from"].as_i64().unwrap_or_default();
                let to = span["months"]["to"].as_i64();
                paid.at >= plus_months(first, from) && to.is_none_or(|to| paid.at < plus_months(first, to))
            };
            if !is_large(reward, paid) || !is_inside || !story.is_brought(reward, bound) {
                continue;
            }
            if span["once"].is_object() {
                done.push(rule.clone());
            }
            let line = |name: &str, gross: i64| Line {
                bound: *bound,
                document,
                invoice: paid.invoice.clone(),
                rule: name.to_owned(),
                reward: rule.clone(),
                at: paid.at,
                gross,
                kept: gross,
            };
            let Some(rate) = reward["amount"]["rate_bps"].as_i64() else {
                lines.push(line(&rule, reward["amount"]["flat_cents"].as_i64().unwrap_or_default()));
                continue;
            };
            let base = paid.cents * rate / 10_000;
            let mut new = vec![line(&rule, base)];
            if let Some((modifier, whole)) = best(story, all, bound, document, (&rule, rate, paid.at)) {
                new.push(line(&modifier, paid.cents * whole / 10_000 - base));
            }
            if let Some(cap) = reward["amount"]["cap_cents"].as_i64() {
                let mut room = (cap - lines.iter().filter(|l| l.reward == rule).map(|l| l.kept).sum::<i64>()).max(0);
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
    story: &Story,
    all: &[Bound],
    bound: &Bound,
    document: &Value,
    (rule, own, at): (&str, i64, i64),
) -> Option<(String, i64)> {
    let mut best: Option<(String, i64)> = None;
    for modifier in list(document, "modifiers") {
        let applies = list(&modifier, "when_any").iter().any(|condition| applies(story, all, bound, condition, at));
        let whole = modifier["then"]["add_bps"].as_i64().map(|more| own + more);
        let whole = whole.or_else(|| modifier["then"]["replace_bps"][rule].as_i64());
        let Some(whole) = whole.filter(|whole| applies && *whole > own) else { continue };
        if best.as_ref().is_none_or(|(_, other)| whole >= *other) {
            best = Some((text(&modifier["id"]), whole));
        }
    }
    best
}

/// Whether a partner's condition holds for a payment, by what the last run knew.
fn applies(story: &Story, all: &[Bound], bound: &Bound, condition: &Value, at: i64) -> bool {
    let last = story.runs[bound.program].last().copied().unwrap_or(i64::MIN);
    let qualified = |b: &Bound| {
        let payments = seen(&story.accounts[b.account], i64::MAX).payments;
        payments.iter().find(|p| p.at >= b.at).map(|p| p.at)
    };
    let is_counted = |b: &&Bound| !story.is_held(b, qualified(b));
    let own = || all.iter().filter(|b| b.program == bound.program && b.partner == bound.partner).filter(is_counted);
    let referrals = &condition["qualifying_referrals"];
    if referrals.is_object() {
        let mut qualified: Vec<i64> = own().filter_map(|b| qualified(b).filter(|at| *at < last)).collect();
        qualified.sort_unstable();
        let least = usize::try_from(referrals["at_least"].as_i64().unwrap_or_default()).unwrap_or_default();
        return if referrals["per"] == "quarter" {
            qualified.iter().filter(|q| quarter(**q) == quarter(at)).count() >= least
        } else {
            qualified.get(least - 1).is_some_and(|reached| at > *reached)
        };
    }
    // What all accounts together are worth, from the first payment and the binding of each on.
    let mut instants: Vec<i64> = Vec::new();
    let worth: Vec<Vec<(i64, i64)>> = own()
        .map(|b| {
            let known = seen(&story.accounts[b.account], i64::MAX);
            let Some(first) = known.payments.first().map(|p| p.at) else { return Vec::new() };
            let from = first.max(b.at);
            known.worth.iter().map(|(at, annual)| ((*at).max(from), *annual)).collect()
        })
        .collect();
    worth.iter().for_each(|spans| instants.extend(spans.iter().map(|(at, _)| *at)));
    instants.sort_unstable();
    let at_instant = |now: i64| -> i64 {
        worth.iter().map(|spans| spans.iter().rfind(|(at, _)| *at <= now).map_or(0, |(_, annual)| *annual)).sum()
    };
    let least = condition["annual_revenue"]["at_least_cents"].as_i64().unwrap_or_default();
    let reached = instants.into_iter().filter(|now| *now < last).find(|now| at_instant(*now) >= least);
    reached.is_some_and(|reached| at > reached)
}

/// A month's cap is filled by the reward's own lines, by (paid at, invoice), then by the modifiers'. Each line has the
/// cap of its version.
fn cap_months(story: &Story, lines: &mut [Line]) {
    let mut used: BTreeMap<(usize, usize, String, i64), i64> = BTreeMap::new();
    let last = |l: &Line| story.runs[l.bound.program].last().copied().unwrap_or(i64::MIN);
    let cap = |l: &Line| -> Option<i64> {
        let caps = list(l.document, "caps");
        let own = caps.iter().filter(|c| c["reward"] == l.reward);
        own.filter_map(|c| c["per_partner_month_cents"].as_i64()).min()
    };
    let mut order: Vec<&mut Line> =
        lines.iter_mut().filter(|l| cap(l).is_some() && l.gross > 0 && l.at < last(l)).collect();
    order.sort_by_key(|l| (l.rule != l.reward, l.at, l.invoice.clone()));
    for line in order {
        let place = (line.bound.program, line.bound.partner, line.reward.clone(), month(line.at));
        let used = used.entry(place).or_default();
        let room = (cap(line).unwrap_or_default() - *used).max(0);
        *used += line.gross;
        // A cap per account may have taken more.
        line.kept -= (line.gross - room).max(0).min(line.kept);
    }
}

/// A refund takes its share of what the invoice earned, the first line first.
fn take_back(story: &Story, lines: &mut [Line]) {
    for (n, account) in story.accounts.iter().enumerate() {
        for paid in seen(account, i64::MAX).payments.iter().filter(|p| p.back > 0) {
            for program in 0..story.programs.len() {
                let own =
                    |l: &&mut Line| l.bound.account == n && l.bound.program == program && l.invoice == paid.invoice;
                let mut own: Vec<&mut Line> = lines.iter_mut().filter(own).collect();
                let mut left = own.iter().map(|l| l.kept).sum::<i64>() * paid.back / paid.cents;
                for line in &mut own {
                    let taken = left.min(line.kept);
                    line.kept -= taken;
                    left -= taken;
                }
            }
        }
    }
}
