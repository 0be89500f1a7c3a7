//! How rewards are settled and reach their owners, and what the referred side gets.

use crate::base::money::{Bps, Cents};
use crate::base::names::names;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    pub cadence: Cadence,
    pub unit: Unit,
    pub minimum_cents: Cents,
    /// Days between vesting and becoming payable.
    pub delay_days: i64,
    /// Rewards are debited from a budget that the operator funds, and wait while it can't cover them.
    #[serde(default)]
    pub budget: bool,
    /// The operator is notified when the budget holds less. Absent: when it does not cover the largest reward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_low_cents: Option<Cents>,
    /// An operator's adjustment of more than this needs the approval of a second operator. Absent: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_above_cents: Option<Cents>,
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
    /// Stripe: each credit goes to the balance of the referrer's customer and reduces its next invoice.
    StripeBalance,
    /// Any webhook endpoint that receives `reward.granted`.
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

names! {
    pub enum Cadence {
        /// Rewards are issued when the event is received; there are no runs.
        Instant = "instant",
        Weekly = "weekly",
        Monthly = "monthly",
        /// No money.
        None = "none",
    }
}

names! {
    pub enum Unit {
        Credit = "credit",
        Cash = "cash",
    }
}

/// The referred side's discount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benefit {
    pub rate_bps: Bps,
    pub on: BenefitOn,
    pub months: i64,
    /// It is issued as a promotion code if a Stripe key is configured.
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
