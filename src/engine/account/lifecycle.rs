//! States: whether an account meets a state's conditions as of an instant, and the first instant at which it does.

use crate::base::sort::sort;
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::account::timeline::Timeline;
use crate::engine::event::Payload;
use crate::program::document::{Condition, Document, LifecycleState};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// A state that an account reached, or will reach if nothing else happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleTransition {
    pub state: String,
    pub at: UtcMillis,
}

/// Whether all conditions of `state` hold as of `as_of`, judged on the facts before it.
pub fn holds(document: &Document, state: &LifecycleState, timeline: &Timeline, as_of: UtcMillis) -> bool {
    let timeline = timeline.until(as_of);
    state.when.iter().all(|c| condition_holds(c, &timeline, &document.currency, as_of))
}

/// The first instant as of which `state` holds, given the known facts. It may lie in the future.
pub fn first_held(document: &Document, state: &LifecycleState, timeline: &Timeline) -> Option<UtcMillis> {
    instants(state, timeline).into_iter().find(|at| holds(document, state, timeline, *at))
}

/// The first instant from `from` to `to`, both included, as of which `state` holds.
pub fn first_held_within(
    document: &Document,
    state: &LifecycleState,
    timeline: &Timeline,
    (from, to): (UtcMillis, UtcMillis),
) -> Option<UtcMillis> {
    let later = instants(state, timeline).into_iter().filter(|at| *at > from && *at <= to);
    [from].into_iter().filter(|at| *at <= to).chain(later).find(|at| holds(document, state, timeline, *at))
}

/// The states that the account reaches given the known facts, in the document's order. Some may lie in the future,
/// because a span can end without a new fact that would trigger a decision.
pub fn history(document: &Document, timeline: &Timeline) -> Vec<LifecycleTransition> {
    let mut reached: Vec<LifecycleTransition> = Vec::new();
    for state in &document.lifecycle {
        if let Some(at) = first_held(document, state, timeline) {
            // A fact counts as of the next millisecond; people see the fact's own instant.
            let own = UtcMillis(at.0 - 1);
            let by_fact = timeline.instants().any(|(at, is_own)| is_own && at == own);
            reached.push(LifecycleTransition { state: state.state.clone(), at: if by_fact { own } else { at } });
        }
    }
    reached
}

/// Whether a state of the document depends on this type of event.
pub fn names(document: &Document, kind: &str) -> bool {
    fn depends(condition: &Condition, kind: &str) -> bool {
        match condition {
            Condition::Happened { event } => event == kind,
            Condition::AnyOf { conditions } => conditions.iter().any(|c| depends(c, kind)),
            _ => false,
        }
    }
    document.lifecycle.iter().flat_map(|s| &s.when).any(|c| depends(c, kind))
}

/// An amount in another currency than the program's, paid or bought, is held for review and reaches no state; neither
/// does a one-time payment.
fn condition_holds(condition: &Condition, timeline: &Timeline, currency: &str, as_of: UtcMillis) -> bool {
    let payments = || timeline.payments.iter().filter(|p| p.is_customers() && p.invoice.amount.currency == currency);
    match condition {
        Condition::SignedUp {} => timeline.signup.first().is_some(),
        Condition::Paid {} => payments().next().is_some(),
        Condition::ActiveDays { days } => timeline.signup.first().is_some_and(|signup| {
            let end = signup.at.plus_days(*days);
            as_of >= end && !timeline.cancellations.iter().any(|c| *c >= signup.at && *c < end)
        }),
        Condition::PaidForDays { days } => {
            let kept: Vec<_> = payments().filter(|p| !p.fully_taken_back()).collect();
            kept.len() >= 2 || kept.iter().any(|p| as_of >= p.at.plus_days(*days))
        }
        Condition::AnyOf { conditions } => conditions.iter().any(|c| condition_holds(c, timeline, currency, as_of)),
        Condition::ApiCalls { at_least } => timeline
            .facts
            .iter()
            .any(|f| matches!(&f.payload, Payload::Active { api_calls: Some(calls), .. } if calls >= at_least)),
        Condition::TeamLarger { than } => timeline.facts.iter().any(|f| match &f.payload {
            Payload::SignedUp { team_size: Some(size), .. } | Payload::Active { team_size: Some(size), .. } => {
                size > than
            }
            _ => false,
        }),
        Condition::ListingsViewed { distinct, within_days } => listings_viewed(timeline, *distinct, *within_days),
        Condition::Happened { event } => timeline.facts.iter().any(|f| f.kind == *event && f.payload.is_in(currency)),
    }
}

/// Whether any span of that many days contains that many distinct listings.
fn listings_viewed(timeline: &Timeline, distinct: i64, within_days: i64) -> bool {
    let views: Vec<(UtcMillis, &str)> = timeline
        .facts
        .iter()
        .filter_map(|f| match &f.payload {
            Payload::ListingViewed { listing_id } => Some((f.at, listing_id.as_str())),
            _ => None,
        })
        .collect();
    let wanted = usize::try_from(distinct).unwrap_or(usize::MAX);
    views.iter().enumerate().any(|(i, (start, _))| {
        let end = start.plus_days(within_days);
        let inside: HashSet<&str> = views[i..].iter().take_while(|(at, _)| *at < end).map(|(_, id)| *id).collect();
        inside.len() >= wanted
    })
}

/// The days after a fact at which a condition can become true through time alone.
fn spans_of(condition: &Condition) -> Vec<i64> {
    match condition {
        Condition::ActiveDays { days } | Condition::PaidForDays { days } => vec![*days],
        Condition::AnyOf { conditions } => conditions.iter().flat_map(spans_of).collect(),
        _ => Vec::new(),
    }
}

/// The instants at which the result can become true, in order: just after each fact, and at the end of each span.
fn instants(state: &LifecycleState, timeline: &Timeline) -> Vec<UtcMillis> {
    let mut at: Vec<UtcMillis> = Vec::new();
    let spans: Vec<i64> = state.when.iter().flat_map(spans_of).collect();
    for (fact_at, is_own) in timeline.instants() {
        let known = fact_at.plus_ms(1);
        at.push(known);
        if is_own {
            at.extend(spans.iter().map(|days| fact_at.plus_ms(days.saturating_mul(DAY_MS)).max(known)));
        }
    }
    sort(&mut at);
    at.dedup();
    at
}
