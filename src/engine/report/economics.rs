//! What referred accounts cost compared to other channels, and how referrals multiply.
//!
//! In scope: sums in, figures and their definitions out. Not in scope: summing (`store`). All integers; every quotient
//! is floored once. Source: the economics and the viral coefficient of the customer referrals' brief.

use crate::base::money::Cents;
use crate::program::document::Document;
use serde::{Deserialize, Serialize};

/// What was summed over a period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct EconomicsSums {
    /// Accounts whose first remaining reward falls in the period.
    pub rewarded: i64,
    /// The current amount of their rewards.
    pub reward_cents: i64,
    /// The discounts on their first invoices.
    pub benefit_cents: i64,
    /// Accounts among them with a first invoice in the program's currency.
    pub invoiced: i64,
    /// The sum of twelve times the monthly list price of their first invoices.
    pub first_year_cents: i64,
    pub signups: i64,
    pub active_referrers: i64,
    pub existing_accounts: i64,
    pub clicks: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Economics {
    pub rewarded_referrals: i64,
    /// `None` if no account was rewarded.
    pub referral: Option<Channel>,
    /// The program's reward and benefit parts of the acquisition cost, per rewarded referral.
    pub reward_cents: Option<Cents>,
    pub benefit_cents: Option<Cents>,
    /// How many of the rewarded accounts the average first-year revenue is based on.
    pub revenue_sample: i64,
    pub first_year_revenue_cents: Option<Cents>,
    pub paid_channels: Vec<Channel>,
    pub clicks: i64,
    pub referred_signups: i64,
    pub active_referrers: i64,
    pub existing_accounts: i64,
    pub referral_rate_thousandths: Option<i64>,
    pub viral_coefficient_thousandths: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Channel {
    pub channel: String,
    pub acquisition_cost_cents: Cents,
    /// `None` if no first invoice shows the revenue.
    pub first_year_margin_cents: Option<Cents>,
    /// Margin over cost: 523 is 5.23. `None` if nothing was spent.
    pub margin_over_cost_hundredths: Option<i64>,
}

/// The definition of each figure, as included in every answer.
pub const DEFINITIONS: &[(&str, &str)] = &[
    ("rewarded_referrals", "accounts whose first reward of this program that was not voided is dated in the period"),
    (
        "acquisition_cost_cents",
        "current net rewards and benefits of the rewarded referrals, dated less than 365 days after each one's first reward, divided by the number of rewarded referrals and rounded down; for a paid channel, as configured",
    ),
    (
        "first_year_revenue_cents",
        "12 times the monthly list price, which is (paid + discount) / months of the first invoice, averaged over the rewarded referrals that have an invoice",
    ),
    ("first_year_margin_cents", "first-year revenue minus acquisition cost"),
    (
        "margin_over_cost_hundredths",
        "first-year margin divided by acquisition cost, rounded down: 523 is 5.23x; not revenue divided by cost",
    ),
    (
        "clicks",
        "counted clicks in the period; of a day whose clicks were removed by age (KEEP_CLICKS_DAYS) all of the day (UTC), even if the period has a part of it",
    ),
    ("referred_signups", "accounts attributed to this program that signed up in the period"),
    (
        "active_referrers",
        "partners of this program with a counted click or a referred sign-up in the period; clicks count as above",
    ),
    ("existing_accounts", "accounts that had signed up before the period, referred or not"),
    ("referral_rate_thousandths", "referred sign-ups per active referrer: 750 is 0.75"),
    ("viral_coefficient_thousandths", "referred sign-ups per existing account: 300 is 0.3"),
];

pub fn economics(document: &Document, sums: &EconomicsSums) -> Economics {
    let per = |cents: i64| (sums.rewarded > 0).then(|| Cents(cents.div_euclid(sums.rewarded)));
    let cost = per(sums.reward_cents.saturating_add(sums.benefit_cents));
    let revenue = (sums.invoiced > 0).then(|| Cents(sums.first_year_cents.div_euclid(sums.invoiced)));
    let paid = document.economics.iter().flat_map(|e| &e.paid_channels);
    Economics {
        rewarded_referrals: sums.rewarded,
        referral: cost.map(|cost| channel(&document.title, cost, revenue)),
        reward_cents: per(sums.reward_cents),
        benefit_cents: per(sums.benefit_cents),
        revenue_sample: sums.invoiced,
        first_year_revenue_cents: revenue,
        paid_channels: paid.map(|p| channel(&p.channel, p.cost_cents, revenue)).collect(),
        clicks: sums.clicks,
        referred_signups: sums.signups,
        active_referrers: sums.active_referrers,
        existing_accounts: sums.existing_accounts,
        referral_rate_thousandths: quotient(sums.signups, 1_000, sums.active_referrers),
        viral_coefficient_thousandths: quotient(sums.signups, 1_000, sums.existing_accounts),
    }
}

fn channel(name: &str, cost: Cents, revenue: Option<Cents>) -> Channel {
    let margin = revenue.map(|revenue| Cents(revenue.0.saturating_sub(cost.0)));
    Channel {
        channel: name.to_owned(),
        acquisition_cost_cents: cost,
        first_year_margin_cents: margin,
        margin_over_cost_hundredths: margin.and_then(|margin| quotient(margin.0, 100, cost.0)),
    }
}

fn quotient(number: i64, scale: i64, by: i64) -> Option<i64> {
    let scaled = i128::from(number) * i128::from(scale);
    (by > 0).then(|| i64::try_from(scaled.div_euclid(i128::from(by))).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let (_, text) = crate::program::catalog::PRESETS.iter().find(|(id, _)| *id == "user-referral").unwrap();
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_briefs_table() {
        let sums = EconomicsSums {
            rewarded: 60,
            reward_cents: 60 * 5_000,
            benefit_cents: 60 * 580,
            invoiced: 60,
            first_year_cents: 60 * 34_800,
            signups: 150,
            active_referrers: 200,
            existing_accounts: 500,
            clicks: 3_000,
        };
        let found = economics(&document(), &sums);
        let rows: Vec<_> = found
            .referral
            .iter()
            .chain(&found.paid_channels)
            .map(|c| (c.acquisition_cost_cents.0, c.first_year_margin_cents.unwrap().0, c.margin_over_cost_hundredths))
            .collect();
        // The brief says 5.2x.
        let wanted = [
            (5_580, 29_220, Some(523)),
            (12_000, 22_800, Some(190)),
            (18_000, 16_800, Some(93)),
            (4_500, 30_300, Some(673)),
        ];
        assert_eq!(rows, wanted);
        assert_eq!(found.first_year_revenue_cents, Some(Cents(34_800)));
        assert_eq!((found.referral_rate_thousandths, found.viral_coefficient_thousandths), (Some(750), Some(300)));
    }

    #[test]
    fn nothing_divides_by_nothing() {
        let found = economics(&document(), &EconomicsSums::default());
        assert_eq!(
            (found.referral, found.first_year_revenue_cents, found.referral_rate_thousandths),
            (None, None, None)
        );
        assert!(found.paid_channels.iter().all(|c| c.first_year_margin_cents.is_none()));
        let free = economics(&document(), &EconomicsSums { rewarded: 1, ..EconomicsSums::default() });
        assert_eq!(free.referral.unwrap().margin_over_cost_hundredths, None);
        let costly = EconomicsSums {
            rewarded: 1,
            reward_cents: 200,
            invoiced: 1,
            first_year_cents: 100,
            ..EconomicsSums::default()
        };
        let loss = economics(&document(), &costly).referral.unwrap();
        assert_eq!((loss.first_year_margin_cents, loss.margin_over_cost_hundredths), (Some(Cents(-100)), Some(-50)));
    }
}
