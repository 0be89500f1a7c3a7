//! Which usage events count. Running totals only count where they pass a threshold, views of listings until enough were
//! seen, and other types where they come first. What is left is moot: no decision changes without it, so it is stored and
//! not read again.
//!
//! What counts of all facts is what counts of those that counted before and the new ones, in any order of arrival, as
//! long as no new fact may bind the account (`may_bind`). Then the moot ones have to be read once more.

use crate::base::ids::{AccountId, EventId};
use crate::base::sort::{distinct, sort_by};
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::account::fact::Fact;
use crate::engine::account::lifecycle::{listing, listings_viewed};
use crate::engine::account::order::{Position, SignUp, position};
use crate::engine::event::{FactKind, Payload};
use crate::program::usage::UsageQuestions;
use std::collections::{BTreeMap, HashSet};

/// Whether it says nothing but how the account uses the service. A code binds, whatever event carries it.
pub fn is_usage(fact: &Fact) -> bool {
    fact.credential.code.is_none() && says_usage(&fact.payload)
}

fn says_usage(payload: &Payload) -> bool {
    matches!(
        payload,
        Payload::Active { .. }
            | Payload::ListingViewed { .. }
            | Payload::Funnel { .. }
            | Payload::Purchase { .. }
            | Payload::Other
    )
}

/// Whether it is usage with a code.
pub fn is_usage_with_code(fact: &Fact) -> bool {
    fact.credential.code.is_some() && says_usage(&fact.payload)
}

/// Whether rewards may count from this fact on: it may bind the account, or move its sign-up.
pub fn may_bind(fact: &Fact) -> bool {
    fact.credential.code.is_some() || matches!(fact.payload, Payload::SignedUp { .. } | Payload::Reassigned { .. })
}

/// The facts without the account's moot ones, and the ids of those.
pub fn without_moot<'a>(
    questions: &UsageQuestions,
    account: &AccountId,
    facts: &[&'a Fact],
) -> (Vec<&'a Fact>, Vec<&'a Fact>) {
    let is_own_usage = |fact: &&Fact| fact.account_id == *account && is_usage(fact);
    let mut usage: Vec<&Fact> = facts.iter().copied().filter(is_own_usage).collect();
    if usage.is_empty() {
        return (facts.to_vec(), Vec::new());
    }
    sort_by(&mut usage, |a, b| position(a).cmp(&position(b)));
    let counted = counted(questions, &usage, &starts(account, facts));
    facts.iter().copied().partition(|fact| !is_own_usage(fact) || counted.contains(&fact.event_id))
}

/// Where rewards may start to count: at the beginning, and from each fact that may bind. A payment before the sign-up may
/// count from there.
fn starts<'a>(account: &AccountId, facts: &[&'a Fact]) -> Vec<Position<'a>> {
    let mut own: Vec<&Fact> = facts.iter().copied().filter(|f| f.account_id == *account && may_bind(f)).collect();
    sort_by(&mut own, |a, b| position(a).cmp(&position(b)));
    let signup = SignUp::of(&own);
    let binding = |at: UtcMillis, fact: &'a Fact| {
        let at_sign_up = matches!(fact.payload, Payload::SignedUp { .. });
        (at, if at_sign_up { FactKind::SignUp } else { FactKind::Code }, fact.event_id.as_str())
    };
    let mut starts = vec![(UtcMillis(i64::MIN), FactKind::Invitation, "")];
    for fact in own {
        starts.extend([binding(fact.at, fact), binding(signup.position_of(fact).0, fact)]);
    }
    starts
}

/// The ids of the usage events that count. They are in order.
fn counted<'a>(questions: &UsageQuestions, usage: &[&'a Fact], starts: &[Position]) -> HashSet<&'a EventId> {
    let mut counted = HashSet::new();
    let first = |counts: &dyn Fn(&Payload) -> bool| usage.iter().find(|f| counts(&f.payload)).map(|f| &f.event_id);
    for total in &questions.api_calls {
        counted.extend(first(&|p| matches!(p, Payload::Active { api_calls: Some(calls), .. } if calls >= total)));
    }
    for size in &questions.team_sizes {
        counted.extend(first(&|p| matches!(p, Payload::Active { team_size: Some(team), .. } if team > size)));
    }
    counted.extend(views(questions, usage));
    let mut by_kind: BTreeMap<(&str, Option<&str>), Vec<&Fact>> = BTreeMap::new();
    for fact in usage.iter().filter(|f| questions.kinds.contains_key(&f.kind)) {
        by_kind.entry((&fact.kind, fact.payload.currency())).or_default().push(fact);
    }
    for ((kind, _), facts) in by_kind {
        let versions = questions.kinds.get(kind).into_iter().flatten().map(|at| (*at, FactKind::Invitation, ""));
        for start in starts.iter().copied().chain(versions) {
            counted.extend(facts.get(facts.partition_point(|f| position(f) < start)).map(|f| &f.event_id));
        }
    }
    counted
}

/// The views of listings that count: until enough were seen for every question, of each listing and day the first and
/// the last. Spans are whole days, so one that contains another view of that day contains one of these.
fn views<'a>(questions: &UsageQuestions, usage: &[&'a Fact]) -> Vec<&'a EventId> {
    let views: Vec<(&'a Fact, &str)> = usage.iter().filter_map(|f| Some((*f, listing(f)?))).collect();
    let reached = questions.listings.iter().map(|(count, days)| {
        let all = views.iter().map(|(f, listing)| (f.at, *listing));
        listings_viewed(all, *count, *days).unwrap_or(UtcMillis(i64::MAX))
    });
    let Some(until) = reached.max() else { return Vec::new() };
    let mut ends: BTreeMap<(i64, &str), (&EventId, &EventId)> = BTreeMap::new();
    for (fact, listing) in views.iter().filter(|(f, _)| f.at <= until) {
        let of_day = ends.entry((fact.at.0.div_euclid(DAY_MS), listing));
        of_day.or_insert((&fact.event_id, &fact.event_id)).1 = &fact.event_id;
    }
    distinct(ends.into_values().flat_map(|(first, last)| [first, last])).into_iter().collect()
}

#[cfg(test)]
mod tests;
