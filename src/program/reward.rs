//! What is earned: rewards, the modifiers of their rates, and caps; their types and their checks.

use crate::base::ids::RewardId;
use crate::base::money::{Bps, Cents};
use crate::program::check::checker::Checker;
use crate::program::event::EventType;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    pub id: RewardId,
    /// The part of the source that it comes from.
    pub source: String,
    pub on: Trigger,
    #[serde(default)]
    pub when: RewardConditions,
    pub to: Beneficiary,
    pub amount: RewardAmount,
    pub span: Span,
}

/// What makes a reward due: an event of a type, or a state. Where a program settles instantly, a state is judged when
/// an event is received; otherwise, as of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// `invoice.paid`, `subscription.started`, `purchase.completed`, or any other type, by its name alone.
    Event(String),
    State(String),
}

/// What must be true besides the trigger. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardConditions {
    /// The binding's source is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<Source>,
    /// The invoice's monthly amount is more than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_over_cents: Option<Cents>,
    /// The subscription's annual value is at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annual_at_least_cents: Option<Cents>,
}

/// How a partner brought an account: the link's own source, or else the partner's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    DirectLink,
    Agency,
    Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beneficiary {
    Referrer,
}

/// A flat amount, or a rate of the event's amount. `cap_cents` limits what one account earns in total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardAmount {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat_cents: Option<Cents>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_bps: Option<Bps>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_cents: Option<Cents>,
}

/// How often, or how long, a reward is earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Span {
    /// Once per account.
    Once {},
    /// For facts in [from, to) calendar months since the account's first payment; without `to`, permanently.
    Months {
        from: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<i64>,
    },
    /// For this many calendar months since the first event that meets the reward's conditions.
    MonthsSinceFirstMatch { months: i64 },
}

/// Better rates for partners who meet a condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modifier {
    pub id: RewardId,
    pub source: String,
    /// Any of them suffices.
    pub when_any: Vec<PartnerCondition>,
    pub then: Effect,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PartnerCondition {
    /// Qualifying referrals, by calendar quarter (for that quarter's invoices) or in total (for later invoices,
    /// permanently).
    QualifyingReferrals { at_least: i64, per: ReferralPeriod },
    /// Annual recurring revenue of the partner's paying accounts, in cents; for later invoices, permanently.
    AnnualRevenue { at_least_cents: Cents },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferralPeriod {
    Quarter,
    Total,
}

/// How a modifier changes the rates of rewards on invoices. Effects do not stack: the highest rate applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    AddBps(Bps),
    /// By reward.
    ReplaceBps(std::collections::BTreeMap<RewardId, Bps>),
}

/// The most that a partner earns from one reward in one calendar month (UTC), over all accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    pub reward: RewardId,
    pub per_partner_month_cents: Cents,
}

/// `has_state`: whether the lifecycle has a state of this name.
pub(crate) fn check_rewards(c: &mut Checker, rewards: &[Reward], has_state: &dyn Fn(&str) -> bool) {
    c.list("rewards", rewards.len(), 0);
    let mut seen = HashSet::new();
    for (i, reward) in rewards.iter().enumerate() {
        let path = |part: &str| format!("rewards[{i}].{part}");
        c.name(&path("id"), &reward.id);
        c.rule(&path("id"), &reward.id, seen.insert(&reward.id), "no duplicate rewards");
        check_amount(c, &path("amount"), &reward.amount);
        match &reward.on {
            Trigger::State(state) => {
                c.rule(&path("on.state"), state, has_state(state), "a state from the lifecycle");
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

pub(crate) fn check_modifiers(c: &mut Checker, rewards: &[Reward], modifiers: &[Modifier]) {
    c.list("modifiers", modifiers.len(), 0);
    let mut seen = HashSet::new();
    for (i, modifier) in modifiers.iter().enumerate() {
        let path = |part: &str| format!("modifiers[{i}].{part}");
        c.name(&path("id"), &modifier.id);
        let free = !rewards.iter().any(|r| r.id == modifier.id);
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
                    c.rule(&path("then.replace_bps"), reward, has_rate(rewards, reward), "a reward with a rate");
                }
            }
        }
    }
}

pub(crate) fn check_caps(c: &mut Checker, rewards: &[Reward], caps: &[Cap]) {
    c.list("caps", caps.len(), 0);
    for (i, cap) in caps.iter().enumerate() {
        c.rule(&format!("caps[{i}].reward"), &cap.reward, has_rate(rewards, &cap.reward), "a reward with a rate");
        c.cents(&format!("caps[{i}].per_partner_month_cents"), cap.per_partner_month_cents, 1);
    }
}

fn has_rate(rewards: &[Reward], id: &str) -> bool {
    rewards.iter().any(|r| r.id == id && r.amount.rate_bps.is_some())
}
