//! What is earned: rewards, the modifiers of their rates, and caps; their types.

use crate::base::ids::RewardId;
use crate::base::money::{Bps, Cents};
use serde::{Deserialize, Serialize};

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
