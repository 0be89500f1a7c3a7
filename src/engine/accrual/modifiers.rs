//! Partners' modifiers and monthly caps under a document: which modifiers partners have earned, and what caps remove
//! from their accruals.
//!
//! Runs get the same results from SQL statements over all stored accounts (`store::accrual::modifiers`), for the
//! document in force. This is the same calculation over decisions in memory, for a document that is only a draft.
//! Rules 14, 15 and 20 of the design.

use crate::base::ids::{AccountId, AccrualId, PartnerId, ProgramId, RewardId};
use crate::base::money::Cents;
use crate::base::sort::{sort, sort_by};
use crate::base::time::{Month, Quarter, UtcMillis};
use crate::engine::account::decision::{AccountDecision, GroupDecision};
use crate::engine::account::timeline::Revenue;
use crate::engine::accrual::invoice::PartnerModifier;
use crate::engine::accrual::source::AccrualSource;
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::{Document, PartnerCondition, ReferralPeriod};
use std::collections::{BTreeMap, HashMap};

/// What one account contributes to its partner's modifiers.
struct Referral {
    account: AccountId,
    qualified_at: Option<UtcMillis>,
    revenue: Vec<Revenue>,
}

/// An accrual that uses room under a cap. Rewards' own accruals come before what modifiers add.
struct Room {
    accrual: AccrualId,
    is_modifiers: bool,
    at: UtcMillis,
    source: AccrualSource,
    earned: Cents,
    /// The cap of its version.
    most: Cents,
}

/// Collects what the decisions under a document say about its partners.
#[derive(Default)]
pub struct ModifierInputs {
    /// By partner.
    referrals: BTreeMap<PartnerId, Vec<Referral>>,
    /// By reward, partner and month.
    rooms: BTreeMap<(RewardId, PartnerId, Month), Vec<Room>>,
}

impl ModifierInputs {
    /// Adds what the decision about one account says about its partner: about modifiers, and about caps if no modifier's
    /// accrual uses their room.
    pub fn add(&mut self, catalog: &Catalog, program: &Document, account: &AccountId, decision: &AccountDecision) {
        for group in &decision.groups {
            self.add_referral(program, account, group);
        }
        if !catalog.versions(&program.id).any(Program::caps_modifiers) {
            self.add_rooms(catalog, &program.id, decision);
        }
    }

    /// Adds the accruals that use room under caps. Where modifiers share it, theirs have to be in the decision.
    pub fn add_rooms(&mut self, catalog: &Catalog, program: &ProgramId, decision: &AccountDecision) {
        for accrual in decision.accruals.iter().filter(|l| l.program_id == *program && l.gross_cents > Cents::ZERO) {
            let mut versions = catalog.versions(program);
            let Some(version) = versions.find(|v| v.version == accrual.program_version) else { continue };
            let is_modifiers = version.modifiers.iter().any(|m| m.id == accrual.reward_id);
            let fills = |reward: &RewardId| {
                if is_modifiers { accrual.source.is_added_to(reward) } else { accrual.reward_id == *reward }
            };
            if let Some((reward, most)) = version.month_caps().find(|(reward, _)| fills(reward)) {
                let place = (reward.clone(), accrual.partner_id.clone(), Month::of(accrual.at_ms));
                self.rooms.entry(place).or_default().push(Room {
                    accrual: accrual.id.clone(),
                    is_modifiers,
                    at: accrual.at_ms,
                    source: accrual.source.clone(),
                    earned: accrual.gross_cents,
                    most,
                });
            }
        }
    }

    fn add_referral(&mut self, document: &Document, account: &AccountId, group: &GroupDecision) {
        let Some(binding) = group.result.binding.as_ref().filter(|b| b.program == document.id && !group.held) else {
            return;
        };
        self.referrals.entry(binding.partner.clone()).or_default().push(Referral {
            account: account.to_owned(),
            qualified_at: group.qualified_at,
            revenue: group.revenue.clone(),
        });
    }

    /// The modifiers that partners have earned through facts before `as_of`, by partner.
    pub fn modifiers(
        &self,
        catalog: &Catalog,
        program: &ProgramId,
        as_of: UtcMillis,
    ) -> HashMap<PartnerId, Vec<PartnerModifier>> {
        let mut terms: HashMap<PartnerId, Vec<PartnerModifier>> = HashMap::new();
        for modifier in catalog.modifiers(program, as_of) {
            for (partner, referrals) in &self.referrals {
                let ways = modifier.when_any.iter().flat_map(|when| earned(when, referrals, as_of));
                // If there are several ways to earn the same modifier, the earliest instant counts.
                let mut by_quarter: BTreeMap<String, UtcMillis> = BTreeMap::new();
                for (quarter, from) in ways {
                    let known = by_quarter.entry(quarter).or_insert(from);
                    *known = (*known).min(from);
                }
                if by_quarter.is_empty() {
                    continue;
                }
                let of_partner = terms.entry(partner.clone()).or_default();
                of_partner.extend(by_quarter.into_iter().map(|(quarter, from_ms)| PartnerModifier {
                    partner_id: partner.clone(),
                    program_id: program.clone(),
                    modifier_id: modifier.id.clone(),
                    quarter,
                    from_ms,
                }));
            }
        }
        terms
    }

    /// Rule 20: what the caps remove from accruals before `as_of`, by accrual. In the order of (paid at, invoice), the
    /// rewards' own accruals first; what modifiers add takes the room that is left.
    pub fn capped(&self, as_of: UtcMillis) -> HashMap<AccrualId, Cents> {
        let mut taken = HashMap::new();
        for rooms in self.rooms.values() {
            let mut order: Vec<&Room> = rooms.iter().filter(|r| r.at < as_of).collect();
            let place = |r: &Room| (r.is_modifiers, r.at);
            sort_by(&mut order, |a, b| place(a).cmp(&place(b)).then_with(|| a.source.cmp(&b.source)));
            let mut total = 0;
            for room in order {
                total += room.earned.0;
                let over = (total - room.most.0).min(room.earned.0);
                if over > 0 {
                    taken.insert(room.accrual.clone(), Cents(over));
                }
            }
        }
        taken
    }
}

/// Rule 14: the quarters (or empty: permanently) for which a condition holds, and from when.
fn earned(when: &PartnerCondition, referrals: &[Referral], as_of: UtcMillis) -> Vec<(String, UtcMillis)> {
    let mut qualified: Vec<(UtcMillis, &AccountId)> =
        referrals.iter().filter_map(|r| r.qualified_at.filter(|at| *at < as_of).map(|at| (at, &r.account))).collect();
    sort(&mut qualified);
    match when {
        PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Total } => {
            let place = usize::try_from(*at_least - 1).unwrap_or(usize::MAX);
            qualified.get(place).map(|(at, _)| (String::new(), *at)).into_iter().collect()
        }
        PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Quarter } => {
            let mut counts: BTreeMap<String, i64> = BTreeMap::new();
            for (at, _) in qualified {
                *counts.entry(Quarter::of(at).to_string()).or_default() += 1;
            }
            counts.retain(|_, count| *count >= *at_least);
            counts.into_keys().map(|quarter| (quarter, UtcMillis(0))).collect()
        }
        PartnerCondition::AnnualRevenue { at_least_cents } => {
            let mut changes: BTreeMap<UtcMillis, i64> = BTreeMap::new();
            for span in referrals.iter().flat_map(|r| &r.revenue) {
                *changes.entry(span.from_ms).or_default() += span.annual_cents.0;
                if let Some(to) = span.to_ms {
                    *changes.entry(to).or_default() -= span.annual_cents.0;
                }
            }
            let mut worth = 0;
            let reached = changes.range(..as_of).find(|(_, cents)| {
                worth += **cents;
                worth >= at_least_cents.0
            });
            reached.map(|(at, _)| (String::new(), *at)).into_iter().collect()
        }
    }
}
