//! The rules of developer-affiliate, implemented independently.
//!
//! Source: section 5 of the design, rules 1, 2, 11, 12 and 19 to 21.

use super::agency::life_ends_before;
use super::calendar::{DAY, month, plus_months};
use super::facts::Register;
use super::life::{Invoice, Life};
use super::model_state::{Key, Line, ModelState, Standing};
use std::collections::BTreeMap;

pub const PROGRAM: &str = "developer-affiliate";

/// What monthly caps remove, as of a run.
pub type Caps = BTreeMap<Key, i64>;

/// The first cancellation within 30 days of the first payment.
fn churned(life: &Life) -> Option<i64> {
    let paid = life.first_paid()?;
    life.cancelled_in(paid, paid + 30 * DAY)
}

/// When it had been active for 90 days since its sign-up and had paid.
fn sustained(life: &Life) -> Option<i64> {
    let paid = life.payments.iter().find(|i| i.is_ours() && i.is_customers())?.at();
    life.active_for(90).map(|end| end.max(paid))
}

/// The first cancellation since the account signed up.
fn left(life: &Life) -> Option<i64> {
    life.cancelled_in(life.signed_up_at()?, i64::MAX)
}

fn is_void(life: &Life) -> bool {
    churned(life).is_some() || (sustained(life).is_none() && left(life).is_some())
}

/// What an account's invoices earn, before monthly caps and clawbacks.
fn earned(model_state: &ModelState, account: &str) -> Vec<(Line, Invoice)> {
    let Some(bound) = model_state.bindings.to(account, PROGRAM) else { return Vec::new() };
    let life = &model_state.lives[account];
    let is_large = |i: &&Invoice| i.is_ours() && i.cents > 50_000 * i.months;
    let first_large = life.payments.iter().filter(|i| i.is_customers()).find(is_large).map(Invoice::at);
    let ended = [churned(life), left(life).filter(|_| sustained(life).is_none())].into_iter().flatten().min();
    let mut room = 1_000_000;
    let mut found = Vec::new();
    for invoice in model_state.payments(account, bound) {
        let at = invoice.at();
        if ended.is_some_and(|end| at > end) {
            break;
        }
        let (rule, cents, limit) = match bound.source {
            // A one-time payment starts no clock.
            "direct" if is_large(&invoice) && first_large.is_none_or(|first| at < plus_months(first, 6)) => {
                ("tier-3", invoice.cents * 15 / 100, i64::MAX)
            }
            "agency" if life.first_paid().is_none_or(|first| at < plus_months(first, 12)) => {
                ("tier-4", invoice.cents * 20 / 100, i64::MAX)
            }
            "content" => ("content", invoice.cents * 15 / 100, room),
            _ => continue,
        };
        let mut accrual = Line::new(account, bound, rule, format!("invoice:{}", invoice.id), at, cents);
        accrual.net = cents.min(limit);
        room -= if rule == "content" { accrual.net } else { 0 };
        if cents > 0 {
            found.push((accrual, invoice.clone()));
        }
    }
    found
}

/// What caps of $2,000 and $5,000 per partner and month remove. Caps fill in the order of (paid at, invoice).
pub fn caps(model_state: &ModelState, as_of: i64) -> Caps {
    let mut all: Vec<(Line, Invoice)> =
        model_state.lives.keys().flat_map(|account| earned(model_state, account)).collect();
    all.retain(|(accrual, _)| accrual.at < as_of && accrual.key.rule != "content");
    all.sort_by(|(_, a), (_, b)| (a.at(), &a.id).cmp(&(b.at(), &b.id)));
    let mut used: BTreeMap<(String, String, i64), i64> = BTreeMap::new();
    let mut caps = Caps::new();
    for (accrual, _) in all {
        let cap = if accrual.key.rule == "tier-3" { 200_000 } else { 500_000 };
        let used = used.entry((accrual.key.partner.clone(), accrual.key.rule.clone(), month(accrual.at))).or_default();
        let left = (cap - *used).max(0);
        *used += accrual.earned;
        if accrual.earned > left {
            caps.insert(accrual.key.clone(), accrual.earned - left);
        }
    }
    caps
}

/// What an account's invoices earn its referrer.
pub fn accruals(model_state: &ModelState, register: &Register, caps: &Caps, account: &str) -> Vec<Line> {
    let life = &model_state.lives[account];
    let mut found = Vec::new();
    for (mut accrual, invoice) in earned(model_state, account) {
        accrual.net -= caps.get(&accrual.key).copied().unwrap_or(0).min(accrual.net);
        let is_used_up = accrual.net == 0;
        accrual.net -= invoice.taken(accrual.net);
        accrual.vests_at = sustained(life).map(|at| at.max(accrual.at));
        if is_void(life) || is_used_up {
            accrual.void();
        }
        let standing = model_state.standing(register, account, PROGRAM, &accrual.key.partner);
        if accrual.net > 0 || standing == Standing::Rejected {
            accrual.judge(standing, invoice.frozen);
        }
        found.push(accrual);
    }
    found
}

/// The states with rewards, and whether the account has reached them as of a run, by the facts before it.
pub fn reached(life: &Life, run: i64) -> Vec<&'static str> {
    ["tier-1", "tier-2"].into_iter().filter(|rule| reached_at(life, rule).is_some_and(|at| at <= run)).collect()
}

/// When the account reached the state of a tier: a fact counts from just after its instant.
fn reached_at(life: &Life, rule: &str) -> Option<i64> {
    let paid = life.payments.iter().find(|i| i.is_ours() && i.is_customers())?.at() + 1;
    if rule == "tier-1" {
        return life.active_for(7).map(|end| end.max(paid));
    }
    let team = life.events.iter().find(|e| {
        let size = e.body["account"]["team_size"].as_i64().or(e.number("team_size"));
        ["account.signed_up", "account.active"].contains(&e.kind.as_str()) && size.is_some_and(|n| n > 5)
    })?;
    life.active_for(30).map(|end| end.max(paid).max(team.at + 1))
}

/// A reward for a state that a run at `at` granted, in its present state, with the partner whom the account is bound to
/// now.
pub fn granted(model_state: &ModelState, register: &Register, account: &str, rule: &str, at: i64) -> Option<Line> {
    let bound = model_state.bindings.to(account, PROGRAM)?;
    let life = &model_state.lives[account];
    let (state, cents) = if rule == "tier-1" { ("casual", 5_000) } else { ("team", 25_000) };
    let mut accrual = Line::new(account, bound, rule, format!("state:{state}"), at, cents);
    accrual.vests_at = sustained(life).map(|s| s.max(at));
    let since = reached_at(life, rule).map_or(at, |reached| reached.min(at));
    if is_void(life) || life_ends_before(model_state, account, since, at, accrual.vests_at) {
        accrual.void();
    }
    accrual.judge(model_state.standing(register, account, PROGRAM, &bound.partner), false);
    Some(accrual)
}
