//! Makes typed earnings of a program's rewards, modifiers and caps, and refuses what can't be one.

use crate::base::money::{Bps, Cents};
use crate::program::check::checker::Checker;
use crate::program::compiled::{Earning, InvoiceAmount, InvoiceRate, Per, PerEvent, PerInvoice, PerMilestone};
use crate::program::document::{Document, Effect, Hold, PartnerCondition, Reward, RewardAmount, Span, Trigger};
use crate::program::event::EventType;
use crate::program::settlement::Cadence;
use std::collections::HashSet;

/// The earnings of a document whose findings are empty afterward.
pub(crate) fn earnings(c: &mut Checker, d: &Document) -> Vec<Earning> {
    c.list("rewards", d.rewards.len(), 0);
    let mut seen = HashSet::new();
    let mut earnings = Vec::new();
    for (i, reward) in d.rewards.iter().enumerate() {
        let path = format!("rewards[{i}]");
        c.name(&format!("{path}.id"), &reward.id);
        c.rule(&format!("{path}.id"), &reward.id, seen.insert(&reward.id), "no duplicate rewards");
        earnings.extend(earning(c, &path, d, reward));
    }
    apply_modifiers(c, d, &mut earnings);
    apply_caps(c, d, &mut earnings);
    check_cadence(c, d);
    earnings
}

/// A flat amount, or a rate with the most that it earns.
enum Amount {
    Flat(Cents),
    Rate(Bps, Option<Cents>),
}

fn earning(c: &mut Checker, path: &str, d: &Document, reward: &Reward) -> Option<Earning> {
    let amount = amount(c, &format!("{path}.amount"), &reward.amount);
    check_span(c, &format!("{path}.span"), &reward.span);
    let per = match &reward.on {
        Trigger::State(state) => {
            c.rule(&format!("{path}.on.state"), state, d.state(state).is_some(), "a state from the lifecycle");
            let cents = flat(c, path, amount, "a state has no amount, so use flat_cents");
            once(c, path, reward, "a state is reached once, so use {\"once\":{}}");
            conditions(c, path, reward, "a state");
            cents.map(|cents| Per::Milestone(PerMilestone { state: state.clone(), cents }))
        }
        Trigger::Event(event) => {
            c.event(&format!("{path}.on.event"), event);
            match EventType::parse(event) {
                Some(EventType::InvoicePaid) => per_invoice(c, path, d, reward, amount).map(Per::Invoice),
                known => per_event(c, path, reward, (event, known), amount).map(Per::Event),
            }
        }
    };
    Some(Earning { id: reward.id.clone(), sources: reward.when.source.clone(), per: per? })
}

fn amount(c: &mut Checker, path: &str, amount: &RewardAmount) -> Option<Amount> {
    if let Some(cap) = amount.cap_cents {
        c.cents(&format!("{path}.cap_cents"), cap, 1);
        c.rule(&format!("{path}.cap_cents"), cap.0, amount.rate_bps.is_some(), "only a rate can have a cap");
    }
    match (amount.flat_cents, amount.rate_bps) {
        (Some(cents), None) => {
            c.cents(&format!("{path}.flat_cents"), cents, 1);
            Some(Amount::Flat(cents))
        }
        (None, Some(rate)) => {
            c.rate(&format!("{path}.rate_bps"), rate);
            Some(Amount::Rate(rate, amount.cap_cents))
        }
        _ => {
            c.rule(path, "both or neither", false, "either flat_cents or rate_bps");
            None
        }
    }
}

/// The amount, where only a flat one makes sense.
fn flat(c: &mut Checker, path: &str, amount: Option<Amount>, rule: &str) -> Option<Cents> {
    match amount? {
        Amount::Flat(cents) => Some(cents),
        Amount::Rate(..) => {
            c.rule(&format!("{path}.amount"), "rate_bps", false, rule);
            None
        }
    }
}

fn check_span(c: &mut Checker, path: &str, span: &Span) {
    match span {
        Span::Once {} => {}
        Span::Months { from, to } => {
            let ordered = (0..=1_200).contains(from) && to.is_none_or(|to| to > *from && to <= 1_200);
            let value = to.map_or(format!("from {from}"), |to| format!("from {from} to {to}"));
            c.rule(&format!("{path}.months"), value, ordered, "0 <= from < to <= 1200 months");
        }
        Span::MonthsSinceFirstMatch { months } => {
            let path = format!("{path}.months_since_first_match.months");
            c.rule(&path, months, (1..=1_200).contains(months), "1 to 1200 months");
        }
    }
}

fn once(c: &mut Checker, path: &str, reward: &Reward, rule: &str) {
    c.rule(&format!("{path}.span"), "months", matches!(reward.span, Span::Once {}), rule);
}

/// Refuses the conditions about amounts, which only invoices and subscriptions have.
fn conditions(c: &mut Checker, path: &str, reward: &Reward, what: &str) {
    if let Some(over) = reward.when.monthly_over_cents {
        let rule = format!("absent, because {what} has no monthly amount: only invoice.paid has one");
        c.rule(&format!("{path}.when.monthly_over_cents"), over.0, false, &rule);
    }
    if let Some(least) = reward.when.annual_at_least_cents {
        let rule =
            format!("absent, because {what} has no annual value: only subscription.started and .updated have one");
        c.rule(&format!("{path}.when.annual_at_least_cents"), least.0, false, &rule);
    }
}

fn per_invoice(
    c: &mut Checker,
    path: &str,
    d: &Document,
    reward: &Reward,
    amount: Option<Amount>,
) -> Option<PerInvoice> {
    let mut others = reward.clone();
    if let Some(over) = others.when.monthly_over_cents.take() {
        c.cents(&format!("{path}.when.monthly_over_cents"), over, 0);
    }
    conditions(c, path, &others, "an invoice");
    c.rule(
        &format!("{path}.on.event"),
        EventType::InvoicePaid.name(),
        !d.settlement.budget,
        "a state, such as one reached when {\"paid\":{}}: what a budget has paid isn't taken back, but a refund takes back what an invoice earned",
    );
    let amount = match amount? {
        Amount::Flat(cents) => InvoiceAmount::Flat(cents),
        Amount::Rate(own, account_cap) => {
            InvoiceAmount::Rate(InvoiceRate { own, better: Vec::new(), account_cap, month_cap: None })
        }
    };
    Some(PerInvoice { monthly_over: reward.when.monthly_over_cents, span: reward.span.clone(), amount })
}

fn per_event(
    c: &mut Checker,
    path: &str,
    reward: &Reward,
    (event, known): (&str, Option<EventType>),
    amount: Option<Amount>,
) -> Option<PerEvent> {
    once(c, path, reward, "only invoices recur, so use {\"once\":{}}");
    let kind = event.to_owned();
    if let Some(subscription @ (EventType::SubscriptionStarted | EventType::SubscriptionUpdated)) = known {
        let mut others = reward.clone();
        let least = others.when.annual_at_least_cents.take();
        conditions(c, path, &others, "a subscription");
        let cents = flat(c, path, amount, "only invoices and first purchases have an amount, so use flat_cents")?;
        let Some(annual_at_least) = least else { return Some(PerEvent::Named { kind, cents }) };
        c.cents(&format!("{path}.when.annual_at_least_cents"), annual_at_least, 0);
        return Some(PerEvent::Subscription { kind: subscription.name(), annual_at_least, cents });
    }
    conditions(c, path, reward, event);
    if let (Some(EventType::PurchaseCompleted), Some(Amount::Rate(rate, cap))) = (known, &amount) {
        return Some(PerEvent::PurchaseShare { rate: *rate, cap: *cap });
    }
    let cents = flat(c, path, amount, "only invoices and first purchases have an amount, so use flat_cents")?;
    Some(PerEvent::Named { kind, cents })
}

fn rate_of<'e>(earnings: &'e mut [Earning], id: &str) -> Option<&'e mut InvoiceRate> {
    earnings.iter_mut().filter(|e| e.id == id).find_map(rate_in)
}

fn rate_in(earning: &mut Earning) -> Option<&mut InvoiceRate> {
    match &mut earning.per {
        Per::Invoice(PerInvoice { amount: InvoiceAmount::Rate(rate), .. }) => Some(rate),
        _ => None,
    }
}

const ON_INVOICES: &str = "a reward with a rate on invoice.paid";

fn apply_modifiers(c: &mut Checker, d: &Document, earnings: &mut [Earning]) {
    c.list("modifiers", d.modifiers.len(), 0);
    let mut seen = HashSet::new();
    for (i, modifier) in d.modifiers.iter().enumerate() {
        let path = |part: &str| format!("modifiers[{i}].{part}");
        c.name(&path("id"), &modifier.id);
        let free = !d.rewards.iter().any(|r| r.id == modifier.id);
        c.rule(
            &path("id"),
            &modifier.id,
            seen.insert(&modifier.id) && free,
            "an id that no other modifier or reward uses",
        );
        c.list(&path("when_any"), modifier.when_any.len(), 1);
        for (k, condition) in modifier.when_any.iter().enumerate() {
            let path = path(&format!("when_any[{k}]"));
            match condition {
                PartnerCondition::QualifyingReferrals { at_least, .. } => {
                    let path = format!("{path}.qualifying_referrals.at_least");
                    c.rule(&path, at_least, (1..=1_000_000).contains(at_least), "1 to 1000000 referrals");
                }
                PartnerCondition::AnnualRevenue { at_least_cents } => {
                    c.cents(&format!("{path}.annual_revenue.at_least_cents"), *at_least_cents, 1);
                }
            }
        }
        let better = |rate: &mut InvoiceRate, whole: Bps| {
            if whole > rate.own {
                rate.better.push((modifier.id.clone(), whole));
            }
        };
        match &modifier.then {
            Effect::AddBps(more) => {
                c.rate(&path("then.add_bps"), *more);
                let mut rates = 0;
                for earning in earnings.iter_mut() {
                    let id = earning.id.clone();
                    let Some(rate) = rate_in(earning) else { continue };
                    rates += 1;
                    let whole = Bps(rate.own.0.saturating_add(more.0));
                    let rule = format!("at most 10000 basis points together with the {} of {id}", rate.own.0);
                    c.rule(&path("then.add_bps"), more.0, whole <= Bps::ONE, &rule);
                    better(rate, whole);
                }
                let rule = format!("something to add to: {ON_INVOICES}");
                c.rule(&path("then.add_bps"), more.0, rates > 0, &rule);
            }
            Effect::ReplaceBps(rates) => {
                c.list(&path("then.replace_bps"), rates.len(), 1);
                for (reward, whole) in rates {
                    let path = path(&format!("then.replace_bps.{reward}"));
                    c.rate(&path, *whole);
                    let rate = rate_of(earnings, reward);
                    c.rule(&path, reward, rate.is_some(), ON_INVOICES);
                    if let Some(rate) = rate {
                        better(rate, *whole);
                    }
                }
            }
        }
    }
}

/// If a reward has two caps, the lower one counts.
fn apply_caps(c: &mut Checker, d: &Document, earnings: &mut [Earning]) {
    c.list("caps", d.caps.len(), 0);
    for (i, cap) in d.caps.iter().enumerate() {
        c.cents(&format!("caps[{i}].per_partner_month_cents"), cap.per_partner_month_cents, 1);
        let rate = rate_of(earnings, &cap.reward);
        c.rule(&format!("caps[{i}].reward"), &cap.reward, rate.is_some(), ON_INVOICES);
        if let Some(rate) = rate {
            let most = cap.per_partner_month_cents;
            rate.month_cap = Some(rate.month_cap.map_or(most, |other| other.min(most)));
        }
    }
}

/// Refuses terms that only runs apply where there are none.
fn check_cadence(c: &mut Checker, d: &Document) {
    let s = &d.settlement;
    let instant = s.cadence == Cadence::Instant;
    let by_runs = "absent if rewards are issued instantly, because runs find them: settle weekly or monthly";
    c.rule("modifiers", d.modifiers.len(), !instant || d.modifiers.is_empty(), by_runs);
    c.rule("caps", d.caps.len(), !instant || d.caps.is_empty(), by_runs);
    let pays = s.cadence != Cadence::None || d.rewards.is_empty();
    c.rule("settlement.cadence", s.cadence.name(), pays, "instant, weekly or monthly, because the program has rewards");
    let held = !matches!(d.vesting.hold, Hold::None {});
    c.rule("vesting.hold", "a hold", !(instant && held), "none if rewards are issued instantly");
}
