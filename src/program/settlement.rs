//! How rewards are settled and reach their owners, and what the referred side gets: the types and their checks.

use crate::base::money::{Bps, Cents};
use crate::program::check::Checker;
use crate::program::document::{Document, Hold};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    pub cadence: Cadence,
    pub unit: Unit,
    pub minimum_cents: Cents,
    /// Days between vesting and being payable.
    pub delay_days: i64,
    /// Rewards are debited from a budget that the operator funds, and wait while it cannot cover them.
    #[serde(default)]
    pub budget: bool,
    /// The operator is told when the budget holds less; absent: when it does not cover the largest reward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_low_cents: Option<Cents>,
    /// How credits reach the referrer.
    #[serde(default, skip_serializing_if = "Delivery::is_application")]
    pub delivery: Delivery,
}

/// Who turns a credit into something that its owner can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The host's application reads the balance and redeems it.
    #[default]
    Application,
    /// Stripe: each credit is put on the balance of the referrer's customer, and its next invoice is less by it.
    StripeBalance,
    /// Whoever takes `reward.granted` at a webhook endpoint.
    Webhook,
}

impl Delivery {
    pub fn name(self) -> &'static str {
        match self {
            Delivery::Application => "application",
            Delivery::StripeBalance => "stripe_balance",
            Delivery::Webhook => "webhook",
        }
    }

    fn is_application(&self) -> bool {
        *self == Delivery::Application
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Rewards are issued when the event is taken in; nothing runs.
    Instant,
    Weekly,
    Monthly,
    /// No money.
    None,
}

impl Cadence {
    pub fn name(self) -> &'static str {
        match self {
            Cadence::Instant => "instant",
            Cadence::None => "none",
            Cadence::Weekly => "weekly",
            Cadence::Monthly => "monthly",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Credit,
    Cash,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::Credit => "credit",
            Unit::Cash => "cash",
        }
    }
}

/// What the referred side gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benefit {
    pub rate_bps: Bps,
    pub on: BenefitOn,
    pub months: i64,
    /// It is handed out as a promotion code, where a key to Stripe is set.
    #[serde(default, skip_serializing_if = "is_false")]
    pub as_promotion_code: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BenefitOn {
    FirstInvoice,
}

/// What is wrong with how a program settles, and with what the referred side gets.
pub(crate) fn check_settlement(c: &mut Checker, d: &Document) {
    let s = &d.settlement;
    c.cents("settlement.minimum_cents", s.minimum_cents, 0);
    c.days("settlement.delay_days", s.delay_days, 0);
    let instant = s.cadence == Cadence::Instant;
    let held = !matches!(d.vesting.hold, Hold::None {});
    c.rule("vesting.hold", "a hold", !(instant && held), "none if rewards are issued instantly");
    c.rule("settlement.budget", s.budget, instant || !s.budget, "false unless rewards are issued instantly");
    if let Some(low) = s.budget_low_cents {
        c.cents("settlement.budget_low_cents", low, 0);
        c.rule("settlement.budget_low_cents", low.0, s.budget, "absent if there is no budget");
    }
    let fits = s.delivery == Delivery::Application || s.unit == Unit::Credit;
    c.rule("settlement.delivery", s.delivery.name(), fits, "absent if the unit is cash, because cash is paid out");
    if let Some(benefit) = &d.benefit {
        c.rate("benefit.rate_bps", benefit.rate_bps);
        c.rule("benefit.months", benefit.months, (1..=120).contains(&benefit.months), "1 to 120");
    }
}

#[cfg(test)]
mod tests {
    use crate::program::catalog::PRESETS;
    use crate::program::check;

    fn preset(number: usize) -> serde_json::Value {
        serde_json::from_str(PRESETS[number].1).unwrap()
    }

    #[test]
    fn credits_are_delivered_and_cash_is_paid_out() {
        for delivery in ["application", "stripe_balance", "webhook"] {
            let (mut credit, mut cash) = (preset(0), preset(1));
            credit["settlement"]["delivery"] = delivery.into();
            cash["settlement"]["delivery"] = delivery.into();
            assert_eq!(check::read(&credit.to_string()).map(|d| d.settlement.delivery.name()), Ok(delivery));
            let found = check::read(&cash.to_string()).map_err(|f| f[0].path.clone());
            assert_eq!(found.is_ok(), delivery == "application", "{delivery}: {found:?}");
        }
    }

    #[test]
    fn a_benefit_may_be_a_promotion_code() {
        let mut document = preset(0);
        document["benefit"]["as_promotion_code"] = true.into();
        let read = check::read(&document.to_string()).expect("it is right");
        assert!(read.benefit.is_some_and(|b| b.as_promotion_code));
    }
}
