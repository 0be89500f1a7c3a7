//! Closing an account's past: payments whose accruals nothing will change, and reports that repeat what was known, are
//! left out of its next decisions. What they used up of its rewards is kept as sums. A fact that is older than what is
//! closed or about one of its invoices, and anything else that changes, opens all of it again.
//!
//! A fact is closed only if the decision without it is the same, which is tried each time.

use crate::base::ids::EventId;
use crate::base::sort::sort_by;
use crate::base::time::UtcMillis;
use crate::engine::account::closed::{ClosedHistory, Closing, ProgramUse};
use crate::engine::account::decision;
use crate::engine::account::decision::{AccountDecision, DecisionInput};
use crate::engine::account::fact::Fact;
use crate::engine::account::lifecycle;
use crate::engine::account::order::position;
use crate::engine::account::timeline::{Payment, PaymentPeriod, Timeline};
use crate::engine::account::usage;
use crate::engine::accrual::Accrual;
use crate::engine::accrual::source::AccrualOrigin;
use crate::engine::event::{Payload, Subscription};
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::Hold;
use std::collections::{HashMap, HashSet};

/// Facts this close to the newest one stay open: older ones may still be on their way.
const OPEN_DAYS: i64 = 7;
/// So many facts that could be closed stay open, and so many are closed at once: it bounds what one event writes.
const OPEN_MAX: usize = 16;
const AT_ONCE: usize = 3;
/// An account with more facts to close than this was imported: as many as one call brings are closed at once.
const BEHIND: usize = 64;
const AT_ONCE_BEHIND: usize = 500;
/// Payments of each currency that stay open. States depend on the first two.
const FIRST_PAYMENTS: usize = 3;

/// The decision about an account, and what of its past is closed with it.
pub fn decide(catalog: &Catalog, case: &DecisionInput) -> AccountDecision {
    let mut decision = decision::decide(catalog, case);
    if !decision.reopens {
        decision.closing = close(catalog, case, &decision);
    }
    decision
}

fn close(catalog: &Catalog, case: &DecisionInput, decision: &AccountDecision) -> Option<Closing> {
    if case.facts.len() < OPEN_MAX || decision.groups.iter().any(|group| group.held) {
        return None;
    }
    let facts: Vec<&Fact> = case.facts.iter().copied().filter(|fact| !decision.moot.contains(&fact.event_id)).collect();
    let timeline = Timeline::of(case.account, &facts, UtcMillis(i64::MAX));
    let newest = timeline.facts.iter().map(|fact| fact.at).max()?;
    let before = newest.plus_days(-OPEN_DAYS).max(case.closed.map_or(UtcMillis(0), |closed| closed.before));
    let mut closable = closable(catalog, decision, &facts, &timeline, before);
    sort_by(&mut closable, |a, b| position(a).cmp(&position(b)));
    if !facts.iter().any(|fact| fact.is_closed) {
        closable.truncate(match closable.len() {
            many if many > BEHIND => AT_ONCE_BEHIND,
            many if many > OPEN_MAX => AT_ONCE,
            _ => 0,
        });
    }
    if closable.is_empty() {
        return None;
    }
    let ids: HashSet<&EventId> = closable.iter().map(|fact| &fact.event_id).collect();
    let history = ClosedHistory { before, inputs: decision.inputs.clone(), used: used(case, decision, &ids) };
    let stays_open = |l: &&Accrual| !is_for(l, &ids);
    let rest: Vec<&Fact> = facts.iter().copied().filter(|fact| !ids.contains(&fact.event_id)).collect();
    let accruals: Vec<Accrual> = case.accruals.iter().filter(stays_open).cloned().collect();
    let trial = DecisionInput { facts: &rest, accruals: &accruals, closed: Some(&history), ..*case };
    let without = decision::decide(catalog, &trial);
    let same = !without.reopens
        && (&without.groups, &without.suspicions) == (&decision.groups, &decision.suspicions)
        && without.accruals.iter().eq(decision.accruals.iter().filter(stays_open))
        && timeline.goes_like(&Timeline::of(case.account, &rest, UtcMillis(i64::MAX)));
    same.then(|| Closing { history, events: ids.into_iter().cloned().collect() })
}

/// Whether an accrual is for one of these payments.
fn is_for(accrual: &Accrual, payments: &HashSet<&EventId>) -> bool {
    matches!(accrual.source.origin(), AccrualOrigin::Invoice(_)) && payments.contains(&accrual.event_id)
}

fn used(case: &DecisionInput, decision: &AccountDecision, payments: &HashSet<&EventId>) -> Vec<ProgramUse> {
    let mut used = case.closed.map(|closed| closed.used.clone()).unwrap_or_default();
    for by in decision.uses.iter().filter(|by| payments.contains(&by.event)) {
        match used.iter_mut().find(|of| of.program == by.program) {
            Some(of) => of.used.add(&by.used),
            None => used.push(ProgramUse { program: by.program.clone(), used: by.used.clone() }),
        }
    }
    used
}

/// The account's facts that may be closed.
fn closable<'a>(
    catalog: &Catalog,
    decision: &AccountDecision,
    facts: &[&'a Fact],
    timeline: &Timeline<'a>,
    before: UtcMillis,
) -> Vec<&'a Fact> {
    let mut about: HashMap<&str, usize> = HashMap::new();
    for invoice in facts.iter().filter_map(|fact| fact.payload.invoice_id()) {
        *about.entry(invoice).or_default() += 1;
    }
    let stays = exemplars(catalog, decision, timeline);
    let payments: HashMap<&EventId, &Payment> = timeline.payments.iter().map(|p| (p.event_id, p)).collect();
    let bindings: Vec<_> = decision.groups.iter().filter_map(|group| group.result.binding.as_ref()).collect();
    let is_final = |payment: &Payment| {
        !timeline.is_touched(payment)
            && bindings.iter().all(|binding| {
                let program = catalog.in_force(&binding.program, payment.at);
                program.is_none_or(|program| has_vested(program, timeline, payment, before))
            })
    };
    let repeats = repeats(timeline);
    let mut found = Vec::new();
    for fact in timeline.facts.iter().copied().filter(|fact| fact.at < before && !stays.contains(&fact.event_id)) {
        let closes = match &fact.payload {
            Payload::InvoicePaid(invoice) => {
                about.get(invoice.invoice_id.as_str()) == Some(&1)
                    && payments.get(&fact.event_id).is_none_or(|payment| payment.at < before && is_final(payment))
                    && fact.credential.code.is_none()
            }
            Payload::SubscriptionUpdated(_) => repeats.contains(&fact.event_id),
            Payload::SignedUp { .. } => timeline.signup.events.iter().all(|event| event.event_id != fact.event_id),
            _ => usage::is_usage_with_code(fact),
        };
        if closes {
            found.push(fact);
        }
    }
    found
}

/// Facts that others refer to: payments that come first, and whatever attribution considered.
fn exemplars<'a>(catalog: &Catalog, decision: &'a AccountDecision, timeline: &Timeline<'a>) -> HashSet<&'a EventId> {
    let mut stays: HashSet<&EventId> = HashSet::new();
    let mut of_currency: HashMap<&str, usize> = HashMap::new();
    for payment in &timeline.payments {
        let starts = match payment.period {
            PaymentPeriod::Paid(place) => {
                timeline.paid_periods.get(place).is_some_and(|period| period.first_paid_at == payment.at)
            }
            PaymentPeriod::Own | PaymentPeriod::Over => false,
        };
        let seen = of_currency.entry(&payment.invoice.amount.currency).or_default();
        if starts || (*seen < FIRST_PAYMENTS && !timeline.is_touched(payment)) {
            stays.insert(payment.event_id);
        }
        *seen += usize::from(payment.is_customers() && !timeline.is_touched(payment));
    }
    stays.extend(timeline.first_payment().map(|p| p.event_id));
    for group in &decision.groups {
        stays.extend(group.result.candidates.iter().map(|candidate| &candidate.event));
        let Some(binding) = &group.result.binding else { continue };
        stays.insert(&binding.event);
        let since = |p: &&Payment| p.position() >= binding.position(&timeline.signup);
        stays.extend(timeline.payments.iter().find(since).map(|p| p.event_id));
        for program in catalog.versions(&binding.program) {
            let mut own = timeline.customers_payments(&program.currency);
            stays.extend(own.find(since).map(|p| p.event_id));
            let floors = program.per_invoice().filter_map(|(_, per)| per.monthly_over);
            for floor in floors {
                let mut own = timeline.customers_payments(&program.currency);
                stays.extend(own.find(|p| p.is_monthly_over(floor)).map(|p| p.event_id));
            }
        }
    }
    stays
}

/// Whether no fact at `before` or later changes when a payment's accruals vest.
fn has_vested(program: &Program, timeline: &Timeline, payment: &Payment, before: UtcMillis) -> bool {
    match &program.vesting.hold {
        Hold::None {} => true,
        Hold::DaysAfterFirstPayment { days, .. } => {
            timeline.period_of(payment).first_paid_at.plus_days(*days) <= before
        }
        Hold::UntilState { state, churn_days } => {
            let reached = program.state(state).and_then(|state| lifecycle::first_held(program, state, timeline));
            reached.is_some_and(|reached| reached <= before)
                && timeline.first_paid_at().is_some_and(|paid| paid.plus_days(*churn_days) <= before)
        }
    }
}

/// Reports of subscriptions that say what the one before said.
fn repeats<'a>(timeline: &Timeline<'a>) -> HashSet<&'a EventId> {
    let mut last: HashMap<&str, &Subscription> = HashMap::new();
    let mut found = HashSet::new();
    for fact in &timeline.facts {
        match &fact.payload {
            Payload::SubscriptionStarted(s) => drop(last.insert(&s.subscription_id, s)),
            Payload::SubscriptionUpdated(s) => {
                let is_same = last.insert(&s.subscription_id, s) == Some(s);
                found.extend(is_same.then_some(&fact.event_id));
            }
            Payload::SubscriptionCancelled(_) | Payload::Cancelled => last.clear(),
            _ => {}
        }
    }
    found
}
