//! What a preview looks at each account for: the decision about it, and what that means for the result.

use crate::base::ids::{AccountId, PartnerId, RewardId};
use crate::engine::account::decision::AccountDecision;
use crate::engine::accrual::invoice::PartnerModifiers;
use crate::program::catalog::Catalog;
use crate::service::account::books::AccountSnapshots;
use crate::store::preview::PreviewRow;
use serde_json::Value;
use std::collections::BTreeMap;

/// A part of the result, by the name that the database has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Grant,
    Reward,
    Term,
    Vest,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::Grant => "grant",
            Part::Reward => "reward",
            Part::Term => "term",
            Part::Vest => "vest",
        }
    }
}

/// The sums of one page of accounts.
#[derive(Default)]
pub struct PreviewSums(BTreeMap<(Part, PartnerId, String, RewardId), PreviewRow>);

impl PreviewSums {
    pub fn of(&mut self, part: Part, partner: &PartnerId, unit: &str, reward: RewardId) -> &mut PreviewRow {
        let key = (part, partner.clone(), unit.to_owned(), reward);
        self.0.entry(key).or_insert_with_key(|(part, partner, unit, reward)| PreviewRow {
            part: part.name().to_owned(),
            partner_id: partner.clone(),
            unit: unit.clone(),
            reward_id: reward.clone(),
            ..PreviewRow::default()
        })
    }

    pub fn into_rows(self) -> Vec<PreviewRow> {
        self.0.into_values().collect()
    }
}

/// What is previewed.
pub trait Subject {
    /// The programs by which accounts are decided.
    fn catalog(&self) -> &Catalog;

    /// Whether it is about a run, which leaves out accounts whose decision is refused.
    fn is_run(&self) -> bool;

    fn decide(&self, books: &AccountSnapshots, account: &AccountId, terms: PartnerModifiers) -> AccountDecision;

    /// Adds one account to the result.
    fn compare(&self, books: &AccountSnapshots, account: &AccountId, terms: PartnerModifiers, sums: &mut PreviewSums);

    /// The result for operators, with these rows and the sums over all rows so far.
    fn view(&self, rows: &[PreviewRow], totals: &[PreviewRow]) -> Value;
}
