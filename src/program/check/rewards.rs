//! Checks a program's rewards, modifiers and caps.

use crate::program::check::checker::Checker;
use crate::program::document::{Document, Effect, PartnerCondition, RewardAmount, Span, Trigger};
use crate::program::event::EventType;
use std::collections::HashSet;

pub(crate) fn check_rewards(c: &mut Checker, d: &Document) {
    c.list("rewards", d.rewards.len(), 0);
    let mut seen = HashSet::new();
    for (i, reward) in d.rewards.iter().enumerate() {
        let path = |part: &str| format!("rewards[{i}].{part}");
        c.name(&path("id"), &reward.id);
        c.rule(&path("id"), &reward.id, seen.insert(&reward.id), "no duplicate rewards");
        check_amount(c, &path("amount"), &reward.amount);
        match &reward.on {
            Trigger::State(state) => {
                c.rule(&path("on.state"), state, d.state(state).is_some(), "a state from the lifecycle");
                let flat = reward.amount.flat_cents.is_some();
                c.rule(&path("amount"), "rate_bps", flat, "a state has no amount, so use flat_cents");
                let once = matches!(reward.span, Span::Once {});
                c.rule(&path("span"), "months", once, "a state is reached once, so use {\"once\":{}}");
            }
            Trigger::Event(event) => {
                c.event(&path("on.event"), event);
                let known = EventType::parse(event);
                let (is_invoice, is_purchase) =
                    (known == Some(EventType::InvoicePaid), known == Some(EventType::PurchaseCompleted));
                let has_amount = is_invoice || (is_purchase && matches!(reward.span, Span::Once {}));
                let flat = reward.amount.flat_cents.is_some();
                c.rule(
                    &path("amount"),
                    "rate_bps",
                    flat || has_amount,
                    "only invoices and first purchases have an amount, so use flat_cents",
                );
                let spanned = is_invoice || matches!(reward.span, Span::Once {});
                c.rule(&path("span"), "months", spanned, "only invoices recur, so use {\"once\":{}}");
            }
        }
        if let Span::MonthsSinceFirstMatch { months } = &reward.span {
            c.rule(
                &path("span.months_since_first_match.months"),
                months,
                (1..=1_200).contains(months),
                "1 to 1200 months",
            );
        }
        for (name, cents) in [
            ("monthly_over_cents", reward.when.monthly_over_cents),
            ("annual_at_least_cents", reward.when.annual_at_least_cents),
        ] {
            if let Some(cents) = cents {
                c.cents(&path(&format!("when.{name}")), cents, 0);
            }
        }
        if let Span::Months { from, to } = &reward.span {
            let ordered = *from >= 0 && to.is_none_or(|to| to > *from && to <= 1_200);
            c.rule(&path("span.months"), format!("[{from}, {to:?})"), ordered, "0 <= from < to <= 1200 months");
        }
    }
}

fn check_amount(c: &mut Checker, path: &str, amount: &RewardAmount) {
    match (amount.flat_cents, amount.rate_bps) {
        (Some(cents), None) => c.cents(&format!("{path}.flat_cents"), cents, 1),
        (None, Some(rate)) => c.rate(&format!("{path}.rate_bps"), rate),
        _ => c.rule(path, "both or neither", false, "either flat_cents or rate_bps"),
    }
    if let Some(cap) = amount.cap_cents {
        c.cents(&format!("{path}.cap_cents"), cap, 1);
        c.rule(&format!("{path}.cap_cents"), cap.0, amount.rate_bps.is_some(), "only a rate can have a cap");
    }
}

pub(crate) fn check_modifiers(c: &mut Checker, d: &Document) {
    c.list("modifiers", d.modifiers.len(), 0);
    let mut seen = HashSet::new();
    let on_invoice = |id: &str| d.rewards.iter().any(|r| r.id == id && r.amount.rate_bps.is_some());
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
        for condition in &modifier.when_any {
            match condition {
                PartnerCondition::QualifyingReferrals { at_least, .. } => {
                    c.rule(&path("when_any"), at_least, (1..=1_000_000).contains(at_least), "1 to 1000000 referrals");
                }
                PartnerCondition::AnnualRevenue { at_least_cents } => c.cents(&path("when_any"), *at_least_cents, 1),
            }
        }
        match &modifier.then {
            Effect::AddBps(rate) => c.rate(&path("then.add_bps"), *rate),
            Effect::ReplaceBps(rates) => {
                for (reward, rate) in rates {
                    c.rate(&path(&format!("then.replace_bps.{reward}")), *rate);
                    c.rule(&path("then.replace_bps"), reward, on_invoice(reward), "a reward with a rate");
                }
            }
        }
    }
    c.list("caps", d.caps.len(), 0);
    for (i, cap) in d.caps.iter().enumerate() {
        c.rule(&format!("caps[{i}].reward"), &cap.reward, on_invoice(&cap.reward), "a reward with a rate");
        c.cents(&format!("caps[{i}].per_partner_month_cents"), cap.per_partner_month_cents, 1);
    }
}
