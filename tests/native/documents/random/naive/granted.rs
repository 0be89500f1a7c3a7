//! What is earned once: for states, as of runs or instantly, and for the first event that counts; with budgets.

use super::seen::{EVER, cents, flat, has_no_hold, holds, kind, reached};
use super::{Bound, Deed, Item, Story, list, starts, text};
use crate::simulation::calendar::MINUTE;
use manicule::engine::review::suspension::PartnerStanding;
use serde_json::Value;

pub fn granted(story: &Story, bound: &[Bound]) -> Vec<Item> {
    let mut items = Vec::new();
    for program in 0..story.programs.len() {
        let own: Vec<&Bound> = bound.iter().filter(|b| b.program == program).collect();
        if story.cadence(program) == "instant" {
            items.extend(instantly(story, program, &own));
        } else {
            for one in own {
                items.extend(by_events(story, one));
                items.extend(by_runs(story, one));
            }
        }
    }
    items
}

fn item(
    bound: &Bound,
    reward: &Value,
    source: String,
    (at, cents): (i64, i64),
    (vests, at_once): (Option<i64>, bool),
) -> Item {
    let rule = text(&reward["id"]);
    Item { bound: *bound, rule, source, at, cents, vests, at_once, frozen: Vec::new(), is_partners: true }
}

/// What an event earns by a reward for such events.
fn worth(reward: &Value, deed: &Deed) -> Option<i64> {
    if reward["on"]["event"] == "invoice.paid" || reward["on"]["event"] != *kind(deed) {
        return None;
    }
    let least = reward["when"]["annual_at_least_cents"].as_i64();
    let annual = deed.body["data"]["annual_value_cents"].as_i64();
    if least.is_some_and(|least| annual.is_none_or(|annual| annual < least)) {
        return None;
    }
    let amount = &reward["amount"];
    let most = amount["cap_cents"].as_i64().unwrap_or(i64::MAX);
    amount["flat_cents"].as_i64().or_else(|| Some((cents(deed) * amount["rate_bps"].as_i64()? / 10_000).min(most)))
}

/// The first event of each reward, known before `until`, that is not in `done` yet.
fn first_events<'a>(
    story: &'a Story,
    bound: &Bound,
    until: i64,
    done: &[String],
) -> Vec<(&'a Deed, &'a Value, Value, i64)> {
    let mut found: Vec<(&Deed, &Value, Value, i64)> = Vec::new();
    let deeds = &story.accounts[bound.account].deeds;
    for deed in deeds.iter().filter(|d| d.at >= bound.at && d.at < until) {
        let Some(document) = story.in_force(bound.program, deed.at) else { continue };
        for reward in list(document, "rewards") {
            let id = text(&reward["id"]);
            let is_new = !done.contains(&id) && !found.iter().any(|f| f.2["id"] == *id);
            if let Some(cents) = worth(&reward, deed).filter(|_| is_new && story.is_brought(&reward, bound)) {
                found.push((deed, document, reward, cents));
            }
        }
    }
    found
}

fn by_events(story: &Story, bound: &Bound) -> Vec<Item> {
    let account = &story.accounts[bound.account];
    let mut items = Vec::new();
    for (deed, document, reward, cents) in first_events(story, bound, i64::MAX, &[]) {
        let Ok(vests) = flat(document, account, i64::MAX, (deed.at, deed.at), false) else { continue };
        let vests = (vests, has_no_hold(document));
        items.push(item(bound, &reward, format!("event:{}", kind(deed)), (deed.at, cents), vests));
    }
    items
}

/// Each run grants what holds as of it and would not be void.
fn by_runs(story: &Story, bound: &Bound) -> Vec<Item> {
    let account = &story.accounts[bound.account];
    let mut granted: Vec<(String, &Value, Value, i64)> = Vec::new();
    let spans = story.spans(bound.program, bound.partner);
    let is_banned = |run: i64| spans.iter().any(|span| span.is_ban && span.contains(run));
    for run in story.runs[bound.program].iter().filter(|run| **run > bound.at && !is_banned(**run)) {
        let Some(document) = story.in_force(bound.program, *run) else { continue };
        for reward in list(document, "rewards") {
            let id = text(&reward["id"]);
            let Some(state) = reward["on"]["state"].as_str() else { continue };
            if granted.iter().any(|g| g.0 == id)
                || !story.is_brought(&reward, bound)
                || !holds(document, state, account, *run)
            {
                continue;
            }
            let since = reached(document, state, account, *run, EVER).map_or(*run, |at| at.min(*run));
            if flat(document, account, *run, (*run, since), true).is_ok() {
                granted.push((id, document, reward, *run));
            }
        }
    }
    let kept = granted.into_iter().filter_map(|(_, document, reward, run)| {
        let state = reward["on"]["state"].as_str()?;
        let since = reached(document, state, account, i64::MAX, EVER).map_or(run, |at| at.min(run));
        let vests = flat(document, account, i64::MAX, (run, since), true).ok()?;
        let cents = reward["amount"]["flat_cents"].as_i64()?;
        // A run vests what it grants once the hold is over.
        let at_once = vests.is_some_and(|at| at <= run);
        Some(item(bound, &reward, format!("state:{state}"), (run, cents), (vests, at_once)))
    });
    kept.collect()
}

/// Whether an account is decided when this happens.
fn decides(story: &Story, deed: &Deed) -> bool {
    let is_named = || {
        let named = |reward: &Value| reward["on"]["event"] == *kind(deed);
        let happened = format!("{{\"happened\":{{\"event\":\"{}\"}}}}", kind(deed));
        story
            .programs
            .iter()
            .flatten()
            .any(|d| list(d, "rewards").iter().any(named) || d["lifecycle"].to_string().contains(&happened))
    };
    deed.code.is_some() || !matches!(kind(deed), "demo.asked" | "purchase.completed") || is_named()
}

/// A budget, and what waits for it: by (when, event, reward), the place of the item.
struct Budget {
    cents: Option<i64>,
    waiting: Vec<(i64, String, String, usize, i64)>,
}

impl Budget {
    /// A ban gives back what a partner got, and what it waits for.
    fn take_from(&mut self, items: &mut [Item], partner: usize) {
        for (place, item) in items.iter_mut().enumerate().filter(|(_, item)| item.bound.partner == partner) {
            self.cents = self.cents.map(|has| has + item.cents);
            item.cents = 0;
            self.waiting.retain(|waits| waits.3 != place);
        }
    }

    fn release(&mut self, items: &mut [Item]) {
        let Some(cents) = &mut self.cents else { return };
        self.waiting.sort();
        while let Some((.., place, owed)) = self.waiting.first().cloned().filter(|w| w.4 <= *cents) {
            *cents -= owed;
            items[place].cents = owed;
            self.waiting.remove(0);
        }
    }
}

enum Moment<'a> {
    Fund(i64),
    Ban(usize),
    Deed(&'a Bound),
}

fn instantly(story: &Story, program: usize, bound: &[&Bound]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut done: Vec<(usize, String)> = Vec::new();
    let has_budget = story.programs[program][0]["settlement"]["budget"] == true;
    let mut budget = Budget { cents: has_budget.then_some(0), waiting: Vec::new() };
    let mut moments: Vec<(i64, Moment)> =
        story.funds.iter().filter(|f| f.1 == program).map(|f| (f.0, Moment::Fund(f.2))).collect();
    let bans = story.standings.iter().filter(|s| s.1 == program && s.3 == PartnerStanding::Banned);
    moments.extend(bans.map(|s| (s.0, Moment::Ban(s.2))));
    for one in bound {
        let deeds = story.accounts[one.account].deeds.iter().filter(|d| d.at >= one.at && decides(story, d));
        moments.extend(deeds.map(|d| (d.at, Moment::Deed(one))));
    }
    moments.sort_by_key(|m| m.0);
    for (now, moment) in moments {
        let one = match moment {
            Moment::Fund(cents) => {
                budget.cents = budget.cents.map(|has| has + cents);
                budget.release(&mut items);
                continue;
            }
            Moment::Ban(partner) => {
                budget.take_from(&mut items, partner);
                continue;
            }
            Moment::Deed(one) => one,
        };
        let spans = story.spans(program, one.partner);
        for (at, event, reward, source, cents) in due(story, one, now, &done) {
            done.push((one.account, text(&reward["id"])));
            let place = items.len();
            if spans.iter().any(|span| span.is_ban && span.from <= now && at < span.to) {
                continue;
            }
            let covered = budget.cents.is_none_or(|has| budget.waiting.is_empty() && cents <= has);
            items.push(item(one, &reward, source, (at, if covered { cents } else { 0 }), (Some(at), true)));
            if !covered && cents > 0 {
                budget.waiting.push((at, event, text(&reward["id"]), place, cents));
            } else if cents > 0 {
                budget.cents = budget.cents.map(|has| has - cents);
            }
        }
    }
    items
}

/// What an account is due at `now`, in its order.
fn due(story: &Story, one: &Bound, now: i64, done: &[(usize, String)]) -> Vec<(i64, String, Value, String, i64)> {
    let mine: Vec<String> = done.iter().filter(|d| d.0 == one.account).map(|d| d.1.clone()).collect();
    let account = &story.accounts[one.account];
    let mut due: Vec<(i64, String, Value, String, i64)> = Vec::new();
    let versions = &story.programs[one.program];
    for (n, document) in versions.iter().enumerate() {
        let span = (starts(document), versions.get(n + 1).map_or(i64::MAX, starts));
        for reward in list(document, "rewards") {
            let Some(state) = reward["on"]["state"].as_str() else { continue };
            let id = text(&reward["id"]);
            if mine.contains(&id) || due.iter().any(|d| d.2["id"] == *id) || !story.is_brought(&reward, one) {
                continue;
            }
            let Some(at) = reached(document, state, account, now + 1, span).filter(|at| *at <= now + 5 * MINUTE + 1)
            else {
                continue;
            };
            let own =
                account.deeds.iter().find(|d| d.at == at - 1).or_else(|| account.deeds.iter().find(|d| d.at == one.at));
            let event = own.map_or(String::new(), |d| text(&d.body["id"]));
            let cents = reward["amount"]["flat_cents"].as_i64().unwrap_or_default();
            due.push((at - 1, event, reward.clone(), format!("state:{state}"), cents));
        }
    }
    let seen: Vec<String> = mine.iter().cloned().chain(due.iter().map(|d| text(&d.2["id"]))).collect();
    for (deed, _, reward, cents) in first_events(story, one, now + 1, &seen) {
        due.push((deed.at, text(&deed.body["id"]), reward, format!("event:{}", kind(deed)), cents));
    }
    due.sort_by_key(|d| (d.0, d.1.clone(), text(&d.2["id"])));
    due
}
