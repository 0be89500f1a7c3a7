//! What is known of an account as of an instant: its payments, cancellations, states, and whether a hold is over.

use super::{Account, Deed, days, list, text};
use crate::simulation::calendar::{HOUR, firsts, mondays};
use serde_json::Value;

pub struct Paid {
    pub at: i64,
    pub cents: i64,
    pub invoice: String,
    pub discount: i64,
    /// Refunded, or lost in a dispute.
    pub back: i64,
    /// Disputes: from, to.
    pub frozen: Vec<(i64, i64)>,
    /// Its time of paying.
    pub period: usize,
}

#[derive(Default)]
pub struct Seen<'a> {
    pub deeds: Vec<&'a Deed>,
    pub payments: Vec<Paid>,
    /// First payment, and the cancellation that ended it.
    pub periods: Vec<(i64, Option<i64>)>,
    pub cancelled: Vec<i64>,
    /// From when on: what its subscriptions are worth a year.
    pub worth: Vec<(i64, i64)>,
}

pub fn kind(deed: &Deed) -> &str {
    deed.body["type"].as_str().unwrap_or_default()
}

pub fn cents(deed: &Deed) -> i64 {
    deed.body["amount"]["cents"].as_i64().unwrap_or_default()
}

/// What is known before `until`.
pub fn seen(account: &Account, until: i64) -> Seen<'_> {
    let mut seen = Seen { deeds: account.deeds.iter().filter(|d| d.at < until).collect(), ..Seen::default() };
    let (mut open, mut gone) = (None, false);
    let mut active: Vec<(String, i64)> = Vec::new();
    for deed in seen.deeds.clone() {
        let data = &deed.body["data"];
        let mut leaves = kind(deed) == "account.cancelled";
        match kind(deed) {
            "invoice.paid" => {
                gone = false;
                let period = *open.get_or_insert_with(|| {
                    seen.periods.push((deed.at, None));
                    seen.periods.len() - 1
                });
                seen.payments.push(Paid {
                    at: deed.at,
                    cents: cents(deed),
                    invoice: text(&data["invoice_id"]),
                    discount: data["discount_cents"].as_i64().unwrap_or_default(),
                    back: 0,
                    frozen: Vec::new(),
                    period,
                });
            }
            "subscription.started" => {
                active.push((text(&data["subscription_id"]), data["annual_value_cents"].as_i64().unwrap_or_default()));
                gone = false;
            }
            "subscription.cancelled" => {
                let before = active.len();
                active.retain(|(id, _)| *id != data["subscription_id"]);
                leaves = before > active.len() && active.is_empty();
            }
            _ => {}
        }
        if leaves {
            active.clear();
            if !gone {
                seen.cancelled.push(deed.at);
                gone = true;
            }
            if let Some(period) = open.take() {
                seen.periods[period].1 = Some(deed.at);
            }
        }
        seen.worth.push((deed.at, if gone { 0 } else { active.iter().map(|(_, annual)| annual).sum() }));
        if let Some(paid) = seen.payments.iter_mut().find(|p| data["invoice_id"] == *p.invoice) {
            match kind(deed) {
                "invoice.refunded" | "dispute.lost" => paid.back = (paid.back + cents(deed)).min(paid.cents),
                "dispute.opened" => paid.frozen.push((deed.at, i64::MAX)),
                _ => {}
            }
            if matches!(kind(deed), "dispute.won" | "dispute.lost") {
                paid.frozen.iter_mut().for_each(|span| span.1 = deed.at);
            }
        }
    }
    seen
}

fn meets(condition: &Value, seen: &Seen, as_of: i64) -> bool {
    let (name, terms) = condition.as_object().and_then(|c| c.iter().next()).expect("one condition");
    let number = |key: &str| terms[key].as_i64().unwrap_or_default();
    let any = |test: &dyn Fn(&Deed) -> bool| seen.deeds.iter().any(|d| test(d));
    let signed_up = seen.deeds.first().map(|d| d.at);
    match name.as_str() {
        "signed_up" => signed_up.is_some(),
        "paid" => !seen.payments.is_empty(),
        "active_days" => signed_up.is_some_and(|from| {
            let end = from + days(terms, "days");
            as_of >= end && !seen.cancelled.iter().any(|c| *c < end)
        }),
        "paid_for_days" => {
            let kept: Vec<i64> = seen.payments.iter().filter(|p| p.back < p.cents).map(|p| p.at).collect();
            kept.len() > 1 || kept.iter().any(|at| as_of >= at + days(terms, "days"))
        }
        "any_of" => list(terms, "conditions").iter().any(|inner| meets(inner, seen, as_of)),
        "api_calls" => any(&|d| d.body["data"]["api_calls"].as_i64().is_some_and(|n| n >= number("at_least"))),
        "team_larger" => any(&|d| d.body["data"]["team_size"].as_i64().is_some_and(|n| n > number("than"))),
        "listings_viewed" => {
            let views: Vec<(i64, String)> = seen
                .deeds
                .iter()
                .filter(|d| kind(d) == "listing.viewed")
                .map(|d| (d.at, text(&d.body["data"]["listing_id"])))
                .collect();
            views.iter().any(|(from, _)| {
                let end = from + days(terms, "within_days");
                let mut inside: Vec<&String> =
                    views.iter().filter(|(at, _)| at >= from && *at < end).map(|(_, id)| id).collect();
                inside.sort_unstable();
                inside.dedup();
                inside.len() as i64 >= number("distinct")
            })
        }
        "happened" => any(&|d| terms["event"] == *kind(d)),
        other => panic!("no condition is called {other}"),
    }
}

fn state<'d>(document: &'d Value, name: &str) -> &'d Value {
    let states = document["lifecycle"].as_array().expect("states");
    states.iter().find(|s| s["state"] == name).expect("the state is in the document")
}

/// Whether a state holds as of an instant, by what was known before it.
pub fn holds(document: &Value, name: &str, account: &Account, as_of: i64) -> bool {
    let known = seen(account, as_of);
    list(state(document, name), "when").iter().all(|c| meets(c, &known, as_of))
}

fn spans(condition: &Value) -> Vec<i64> {
    if let Some(inner) = condition["any_of"]["conditions"].as_array() {
        return inner.iter().flat_map(spans).collect();
    }
    ["active_days", "paid_for_days"].iter().filter_map(|n| condition[n]["days"].as_i64()).collect()
}

/// The first instant in (after, to] as of which a state holds, by what is known before `until`.
pub fn reached(document: &Value, name: &str, account: &Account, until: i64, (after, to): (i64, i64)) -> Option<i64> {
    let spans: Vec<i64> = list(state(document, name), "when").iter().flat_map(spans).collect();
    let mut instants = vec![after.saturating_add(1)];
    for deed in account.deeds.iter().filter(|d| d.at < until) {
        instants.push(deed.at + 1);
        instants.extend(spans.iter().map(|n| (deed.at + n * crate::simulation::calendar::DAY).max(deed.at + 1)));
    }
    instants.sort_unstable();
    let known = Account {
        id: String::new(),
        deeds: account
            .deeds
            .iter()
            .filter(|d| d.at < until)
            .map(|d| Deed { at: d.at, body: d.body.clone(), code: None })
            .collect(),
    };
    instants.into_iter().filter(|at| *at > after && *at <= to).find(|at| holds(document, name, &known, *at))
}

/// Always.
pub const EVER: (i64, i64) = (i64::MIN, i64::MAX);

pub fn has_no_hold(document: &Value) -> bool {
    document["vesting"]["hold"]["none"].is_object()
}

fn churned(hold: &Value, seen: &Seen) -> Option<i64> {
    let first = seen.payments.first()?.at;
    let end = first + days(hold, "churn_days");
    seen.cancelled.iter().copied().find(|c| *c >= first && *c < end)
}

/// When what is earned at `at` in a time of paying is available, by what is known before `until`. `Err`: never; the
/// inner `None`: not known yet.
pub fn vests(
    document: &Value,
    account: &Account,
    until: i64,
    (at, period): (i64, Option<(i64, Option<i64>)>),
) -> Result<Option<i64>, ()> {
    let hold = &document["vesting"]["hold"];
    if has_no_hold(document) {
        return Ok(Some(at));
    }
    let known = seen(account, until);
    let after_days = &hold["days_after_first_payment"];
    if after_days.is_object() {
        let Some((first, cancelled)) = period else { return Ok(None) };
        let end = first + days(after_days, "days");
        let voids = after_days["void_if_cancelled"] == true && cancelled.is_some_and(|c| c < end);
        return if voids { Err(()) } else { Ok(Some(end.max(at))) };
    }
    let until_state = &hold["until_state"];
    if churned(until_state, &known).is_some() {
        return Err(());
    }
    match reached(document, &text(&until_state["state"]), account, until, EVER) {
        Some(reached) => Ok(Some(reached.max(at))),
        None if known.cancelled.is_empty() => Ok(None),
        None => Err(()),
    }
}

/// When an account that waits for a state stops earning.
pub fn ended(document: &Value, account: &Account) -> Option<i64> {
    let hold = &document["vesting"]["hold"]["until_state"];
    hold.as_object()?;
    let known = seen(account, i64::MAX);
    let is_reached = reached(document, &text(&hold["state"]), account, i64::MAX, EVER).is_some();
    let left = known.cancelled.first().copied().filter(|_| !is_reached);
    [churned(hold, &known), left].into_iter().flatten().min()
}

/// A flat reward earned at `since` and dated `at`: when it vests, or `Err` if it never does.
pub fn flat(
    document: &Value,
    account: &Account,
    until: i64,
    (at, since): (i64, i64),
    by_run: bool,
) -> Result<Option<i64>, ()> {
    let known = seen(account, until);
    let period = known.periods.iter().find(|p| p.1.is_none_or(|c| c >= at)).copied();
    let vests_at = vests(document, account, until, (at, period))?;
    if has_no_hold(document) {
        return Ok(vests_at);
    }
    let from = if by_run { at } else { at + 1 };
    let run = vests_at.map_or(i64::MAX, |v| next_run(document, v.max(from)));
    let before = seen(account, run.min(until));
    let is_void = before.cancelled.iter().any(|c| *c >= since)
        || before.payments.first().is_some_and(|first| first.back >= first.cents);
    if is_void { Err(()) } else { Ok(vests_at) }
}

fn next_run(document: &Value, at: i64) -> i64 {
    let far = at + 1_000 * HOUR;
    let runs = match document["settlement"]["cadence"].as_str() {
        Some("weekly") => mondays(at, far),
        _ => firsts(at, far),
    };
    runs[0]
}
