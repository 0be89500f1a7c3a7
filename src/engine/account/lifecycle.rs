//! States: whether an account meets a state's conditions as of an instant, and the first instant at which it does.

use crate::base::time::UtcMillis;
use crate::engine::account::fact::Fact;
use crate::engine::account::spans::Spans;
use crate::engine::account::timeline::Timeline;
use crate::engine::event::Payload;
use crate::program::document::{Condition, Document, LifecycleState};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// A state that an account reached, or will reach if nothing else happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleTransition {
    pub state: String,
    pub at: UtcMillis,
}

/// Whether all conditions of `state` hold as of `as_of`, judged on the facts before it.
pub fn holds(document: &Document, state: &LifecycleState, timeline: &Timeline, as_of: UtcMillis) -> bool {
    held(document, state, timeline).contains(as_of)
}

/// The first instant as of which `state` holds, given the known facts. It may lie in the future.
pub fn first_held(document: &Document, state: &LifecycleState, timeline: &Timeline) -> Option<UtcMillis> {
    held(document, state, timeline).first()
}

/// The first instant from `from` to `to`, both included, as of which `state` holds.
pub fn first_held_within(
    document: &Document,
    state: &LifecycleState,
    timeline: &Timeline,
    (from, to): (UtcMillis, UtcMillis),
) -> Option<UtcMillis> {
    held(document, state, timeline).first_from(from).filter(|at| *at <= to)
}

/// As of when all conditions of `state` hold. Every payment asks, so it is computed once.
fn held(document: &Document, state: &LifecycleState, timeline: &Timeline) -> Rc<Spans> {
    let key = format!("{}/{}/{}", document.id, document.version, state.state);
    timeline.remembered(key, || {
        let all = state.when.iter().map(|c| spans_of(c, timeline, &document.currency));
        all.fold(Spans::always(), |held, spans| held.and(&spans))
    })
}

/// The states that the account reaches given the known facts, in the document's order. Some may lie in the future,
/// because a span can end without a new fact that would trigger a decision.
pub fn history(document: &Document, timeline: &Timeline) -> Vec<LifecycleTransition> {
    let mut reached: Vec<LifecycleTransition> = Vec::new();
    for state in &document.lifecycle {
        if let Some(at) = first_held(document, state, timeline) {
            // A fact counts as of the next millisecond; people see the fact's own instant.
            let own = UtcMillis(at.0 - 1);
            let by_fact = timeline.facts.iter().any(|fact| fact.at == own) && !ends_span(state, timeline, at);
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

/// As of when a condition holds. An amount in another currency than the program's, paid or bought, is held for review and
/// reaches no state; neither does a one-time payment.
fn spans_of(condition: &Condition, timeline: &Timeline, currency: &str) -> Spans {
    let signed_up = timeline.signup.first().map(|first| first.at);
    let first_fact = |counts: &dyn Fn(&Fact) -> bool| {
        Spans::since(timeline.facts.iter().filter(|f| counts(f)).map(|f| f.at).min().map(known_from))
    };
    match condition {
        Condition::SignedUp {} => Spans::since(signed_up.map(known_from)),
        Condition::Paid {} => {
            let first = timeline.customers_payments(currency).map(|p| p.occurred_at).min();
            Spans::since(first.map(known_from))
        }
        Condition::ActiveDays { days } => Spans::since(signed_up.and_then(|signed_up| {
            let end = signed_up.plus_days(*days);
            let left = timeline.cancellations.iter().any(|c| *c >= signed_up && *c < end);
            (!left).then_some(end.max(known_from(signed_up)))
        })),
        Condition::PaidForDays { days } => paid_for(*days, timeline, currency),
        Condition::AnyOf { conditions } => {
            let any = conditions.iter().map(|c| spans_of(c, timeline, currency));
            any.fold(Spans::default(), |held, spans| held.or(&spans))
        }
        Condition::ApiCalls { at_least } => {
            first_fact(&|f| matches!(&f.payload, Payload::Active { api_calls: Some(calls), .. } if calls >= at_least))
        }
        Condition::TeamLarger { than } => first_fact(&|f| match &f.payload {
            Payload::SignedUp { team_size: Some(size), .. } | Payload::Active { team_size: Some(size), .. } => {
                size > than
            }
            _ => false,
        }),
        Condition::ListingsViewed { distinct, within_days } => {
            let views = timeline.facts.iter().filter_map(|f| Some((f.at, listing(f)?)));
            Spans::since(listings_viewed(views, *distinct, *within_days).map(known_from))
        }
        Condition::Happened { event } => first_fact(&|f| f.kind == *event && f.payload.is_in(currency)),
    }
}

/// A fact counts as of the next millisecond.
fn known_from(at: UtcMillis) -> UtcMillis {
    at.plus_ms(1)
}

/// As of when there are two payments that are not taken back in full, or one of that age.
fn paid_for(days: i64, timeline: &Timeline, currency: &str) -> Spans {
    let (mut aged, mut kept) = (Vec::new(), Vec::new());
    for payment in timeline.customers_payments(currency) {
        let spans = timeline.kept(payment);
        aged.extend(spans.and(&Spans::since(Some(payment.at.plus_days(days)))).iter());
        kept.extend(spans.iter());
    }
    Spans::covered(aged, 1).or(&Spans::covered(kept, 2))
}

/// The listing that a fact reports as viewed.
pub fn listing(fact: &Fact) -> Option<&str> {
    match &fact.payload {
        Payload::ListingViewed { listing_id } => Some(listing_id),
        _ => None,
    }
}

/// The first view with which that many distinct listings were viewed within a span of that many days. The views are in
/// order.
pub fn listings_viewed<'a>(
    views: impl Iterator<Item = (UtcMillis, &'a str)>,
    distinct: i64,
    within_days: i64,
) -> Option<UtcMillis> {
    let wanted = usize::try_from(distinct).unwrap_or(usize::MAX);
    let mut inside: VecDeque<(UtcMillis, &str)> = VecDeque::new();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for (at, listing) in views {
        while let Some((_, gone)) = inside.front().copied().filter(|(start, _)| start.plus_days(within_days) <= at) {
            inside.pop_front();
            if let Some(count) = times.get_mut(gone) {
                *count -= 1;
                if *count == 0 {
                    times.remove(gone);
                }
            }
        }
        inside.push_back((at, listing));
        *times.entry(listing).or_default() += 1;
        if times.len() >= wanted {
            return Some(at);
        }
    }
    None
}

/// The days after a sign-up or payment at which a condition can become true through time alone.
fn days_of(condition: &Condition) -> Vec<i64> {
    match condition {
        Condition::ActiveDays { days } | Condition::PaidForDays { days } => vec![*days],
        Condition::AnyOf { conditions } => conditions.iter().flat_map(days_of).collect(),
        _ => Vec::new(),
    }
}

/// Whether a span that the state's conditions count ends at an instant.
fn ends_span(state: &LifecycleState, timeline: &Timeline, at: UtcMillis) -> bool {
    let starts =
        timeline.signup.first().map(|first| first.at).into_iter().chain(timeline.payments.iter().map(|p| p.at));
    let days: Vec<i64> = state.when.iter().flat_map(days_of).collect();
    let mut ends = starts.flat_map(|start| days.iter().map(move |days| start.plus_days(*days)));
    ends.any(|end| end == at)
}
