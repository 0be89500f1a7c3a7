//! The rules of agency-partner, implemented independently.
//!
//! Source: section 5 of the design, rules 1, 2, 11, 12 and 14 to 17.

use super::calendar::{DAY, firsts, plus_months, quarter};
use super::facts::Register;
use super::life::{Invoice, Life};
use super::model_state::{Line, ModelState, Standing};
use std::collections::{BTreeMap, BTreeSet};

pub const PROGRAM: &str = "agency-partner";

/// The modifiers that partners had earned as of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// Partner and quarter.
    bonus: BTreeSet<(String, i64)>,
    /// Each partner, and the moment from which it is platinum.
    platinum: BTreeMap<String, i64>,
}

pub fn terms(model_state: &ModelState, register: &Register, as_of: i64) -> Terms {
    let mut terms = Terms::default();
    let partners: BTreeSet<&String> = model_state.bindings.all(PROGRAM).map(|(_, b)| &b.partner).collect();
    for partner in partners {
        let clients: Vec<&String> = model_state
            .bindings
            .all(PROGRAM)
            .filter(|(account, bound)| {
                let payments = model_state.payments(account, bound);
                let counts_from = payments.into_iter().find(|i| i.is_customers()).map_or(bound.from.0, Invoice::at);
                bound.partner == *partner
                    && !register.standings.holds(partner, counts_from)
                    && model_state.standing(register, account, PROGRAM, partner) == Standing::Clear
            })
            .map(|(account, _)| account)
            .collect();
        let mut referrals: Vec<i64> = clients
            .iter()
            .filter_map(|a| {
                let mut payments = model_state.payments(a, model_state.bindings.to(a, PROGRAM)?);
                payments.find(|i| i.is_customers()).map(Invoice::at)
            })
            .filter(|at| *at < as_of)
            .collect();
        referrals.sort_unstable();
        for at in &referrals {
            if referrals.iter().filter(|other| quarter(**other) == quarter(*at)).count() >= 5 {
                terms.bonus.insert((partner.clone(), quarter(*at)));
            }
        }
        let twentieth = referrals.get(19).copied();
        let reached = [twentieth, revenue_reached(model_state, &clients, as_of)].into_iter().flatten().min();
        terms.platinum.extend(reached.map(|at| (partner.clone(), at)));
    }
    terms
}

/// The first moment at which the clients' subscriptions were worth $50,000 a year in total.
fn revenue_reached(model_state: &ModelState, clients: &[&String], as_of: i64) -> Option<i64> {
    let of = |account: &String| &model_state.lives[account];
    let mut moments: Vec<i64> = clients.iter().flat_map(|a| of(a).events.iter().map(|e| e.at)).collect();
    moments.sort_unstable();
    let worth = |account: &String, at: i64| {
        let since = model_state.bindings.to(account, PROGRAM).map_or(i64::MAX, |b| b.from.0);
        if at < since { 0 } else { of(account).worth_at(at) }
    };
    let enough = |at: &i64| clients.iter().map(|a| worth(a, *at)).sum::<i64>() >= 5_000_000;
    moments.into_iter().filter(|at| *at < as_of).find(enough)
}

/// What an account earns its agency.
pub fn accruals(model_state: &ModelState, register: &Register, terms: &Terms, account: &str) -> Vec<Line> {
    let Some(bound) = model_state.bindings.to(account, PROGRAM) else { return Vec::new() };
    let life = &model_state.lives[account];
    let standing = model_state.standing(register, account, PROGRAM, &bound.partner);
    let mut found = Vec::new();
    for invoice in model_state.payments(account, bound) {
        let at = invoice.at();
        // A one-time payment starts no clock.
        let is_first_year = life.first_paid().is_none_or(|first| at < plus_months(first, 12));
        let (rule, percent, platinum) = if is_first_year { ("first-year", 20, 25) } else { ("recurring", 10, 15) };
        let base = invoice.cents * percent / 100;
        let (extra, name) = if terms.platinum.get(&bound.partner).is_some_and(|from| at > *from) {
            (invoice.cents * platinum / 100 - base, "platinum")
        } else if terms.bonus.contains(&(bound.partner.clone(), quarter(at))) {
            (invoice.cents * (percent + 5) / 100 - base, "volume")
        } else {
            (0, "")
        };
        let stay = life.stay_of(invoice);
        let end = stay.from.0 + 60 * DAY;
        let mut taken = invoice.taken(base + extra);
        for (name, on, earned) in [(rule, String::new(), base), (name, format!(":{rule}"), extra)] {
            if earned == 0 {
                continue;
            }
            let mut accrual = Line::new(account, bound, name, format!("invoice:{}{on}", invoice.id), at, earned);
            accrual.net = earned - taken.min(earned);
            taken -= taken.min(earned);
            accrual.vests_at = Some(end.max(at));
            if stay.cancelled.is_some_and(|c| c < end) {
                accrual.void();
            }
            if accrual.net > 0 || standing == Standing::Rejected {
                accrual.judge(standing, invoice.frozen);
            }
            found.push(accrual);
        }
    }
    found.extend(high_value(model_state, register, account));
    found
}

/// $500 for the first subscription of $5,000 a year or more.
fn high_value(model_state: &ModelState, register: &Register, account: &str) -> Option<Line> {
    let bound = model_state.bindings.to(account, PROGRAM)?;
    let life = &model_state.lives[account];
    let is_large = |cents: Option<i64>| cents.is_some_and(|c| c >= 500_000);
    let event = life.events.iter().find(|e| {
        e.kind == "subscription.started"
            && is_large(e.number("annual_value_cents"))
            && e.is_in_own_currency()
            && e.place() >= bound.from
    })?;
    let source = "event:subscription.started".to_owned();
    let mut accrual = Line::new(account, bound, "high-value", source, event.at, 50_000);
    // The hold is that of the paid period around it, or of the first one that begins after it.
    let stay = life.stays.iter().find(|s| s.cancelled.is_none_or(|c| c >= event.at));
    accrual.vests_at = stay.map(|s| (s.from.0 + 60 * DAY).max(event.at));
    let inside = stay.is_some_and(|s| s.cancelled.is_some_and(|c| c < s.from.0 + 60 * DAY));
    if inside || life_ends_before(model_state, account, event.at, event.at + 1, accrual.vests_at) {
        accrual.void();
    }
    accrual.judge(model_state.standing(register, account, PROGRAM, &bound.partner), false);
    Some(accrual)
}

/// Whether a flat reward is void: before the first monthly run from `from` on that vests it, the account canceled after
/// earning it, or its first invoice was returned in full.
pub fn life_ends_before(model_state: &ModelState, account: &str, since: i64, from: i64, vests_at: Option<i64>) -> bool {
    let life = &model_state.lives[account];
    // An event at a run's exact time belongs to the next run, but a run vests what it grants.
    let run = vests_at.map(|v| v.max(from)).map(|from| firsts(from, from + 40 * DAY)[0]).unwrap_or(i64::MAX);
    let left = life.cancelled_in(since, run).is_some();
    let known = Life::of(&life.related.before(run), account);
    left || known.first_payment().is_some_and(Invoice::is_returned_in_full)
}
