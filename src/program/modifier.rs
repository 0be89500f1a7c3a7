//! Modifiers of rewards' rates, and caps: their types, and what they make of earnings.

use crate::base::ids::RewardId;
use crate::base::money::{Bps, Cents};
use crate::program::check::checker::Checker;
use crate::program::reward::{Earning, InvoiceAmount, InvoiceRate, Per, PerInvoice, Reward};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

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

pub(in crate::program) fn apply_modifiers(
    c: &mut Checker,
    modifiers: &[Modifier],
    rewards: &[Reward],
    earnings: &mut [Earning],
) {
    let mut seen = HashSet::new();
    for (i, modifier) in modifiers.iter().enumerate() {
        let path = |part: &str| format!("modifiers[{i}].{part}");
        let free = !rewards.iter().any(|r| r.id == modifier.id);
        c.rule(
            &path("id"),
            &modifier.id,
            seen.insert(&modifier.id) && free,
            "an id that no other modifier or reward uses",
        );
        let better = |rate: &mut InvoiceRate, whole: Bps| {
            if whole > rate.own {
                rate.better.push((modifier.id.clone(), whole));
            }
        };
        match &modifier.then {
            Effect::AddBps(more) => {
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
                for (reward, whole) in rates {
                    let path = path(&format!("then.replace_bps.{reward}"));
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
pub(in crate::program) fn apply_caps(c: &mut Checker, caps: &[Cap], earnings: &mut [Earning]) {
    for (i, cap) in caps.iter().enumerate() {
        let rate = rate_of(earnings, &cap.reward);
        c.rule(&format!("caps[{i}].reward"), &cap.reward, rate.is_some(), ON_INVOICES);
        if let Some(rate) = rate {
            let most = cap.per_partner_month_cents;
            rate.month_cap = Some(rate.month_cap.map_or(most, |other| other.min(most)));
        }
    }
}
