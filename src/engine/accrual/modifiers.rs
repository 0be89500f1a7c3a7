//! What a decision about an account says about its partner's modifiers and monthly caps, for a preview: runs have the same
//! stored with bindings and accruals. Which modifiers a partner has earned and what a cap removes is found from it, in SQL,
//! by one rule for both (`store::accrual::modifiers`).

use crate::base::ids::{AccountId, AccrualId, PartnerId, ProgramId, RewardId};
use crate::base::money::Cents;
use crate::base::time::{Quarter, UtcMillis};
use crate::engine::account::decision::AccountDecision;
use crate::engine::account::timeline::Revenue;
use crate::engine::accrual::source::AccrualSource;
use crate::program::catalog::Catalog;
use serde::Serialize;

/// What one account contributes to its partner's modifiers.
#[derive(Clone, Debug, Serialize)]
pub struct Referral {
    pub account: AccountId,
    pub partner: PartnerId,
    /// `None` also while a review holds the account.
    pub qualified_at: Option<UtcMillis>,
    pub quarter: Option<String>,
    pub revenue: Vec<Revenue>,
}

/// An accrual that uses room under a cap. Rewards' own accruals come before what modifiers add.
#[derive(Clone, Debug, Serialize)]
pub struct CapRoom {
    pub accrual: AccrualId,
    pub account: AccountId,
    pub partner: PartnerId,
    /// The reward that is capped.
    pub reward: RewardId,
    pub is_modifiers: bool,
    pub at: UtcMillis,
    pub source: AccrualSource,
    pub gross_cents: Cents,
    /// The cap of its version.
    pub cap_cents: Cents,
}

/// The account as a referral of its partner in the program, if it is bound there.
pub fn referral(program: &ProgramId, account: &AccountId, decision: &AccountDecision) -> Option<Referral> {
    let mut bound = decision.groups.iter().filter_map(|group| Some((group, group.result.binding.as_ref()?)));
    let (group, binding) = bound.find(|(_, binding)| binding.program == *program)?;
    let qualified_at = group.qualified_at.filter(|_| !group.held);
    Some(Referral {
        account: account.clone(),
        partner: binding.partner.clone(),
        qualified_at,
        quarter: qualified_at.map(|at| Quarter::of(at).to_string()),
        revenue: group.revenue.clone(),
    })
}

/// Rule 20: the accruals that use room under caps. Where modifiers share it, theirs have to be in the decision.
pub fn cap_rooms(catalog: &Catalog, program: &ProgramId, decision: &AccountDecision) -> Vec<CapRoom> {
    let mut rooms = Vec::new();
    for accrual in decision.accruals.iter().filter(|l| l.program_id == *program && l.gross_cents > Cents::ZERO) {
        let Some(version) = catalog.version(program, accrual.program_version) else { continue };
        let is_modifiers = version.modifiers.iter().any(|m| m.id == accrual.reward_id);
        let fills = |reward: &RewardId| {
            if is_modifiers { accrual.source.is_added_to(reward) } else { accrual.reward_id == *reward }
        };
        if let Some((reward, most)) = version.month_caps().find(|(reward, _)| fills(reward)) {
            rooms.push(CapRoom {
                accrual: accrual.id.clone(),
                account: accrual.account_id.clone(),
                partner: accrual.partner_id.clone(),
                reward: reward.clone(),
                is_modifiers,
                at: accrual.at_ms,
                source: accrual.source.clone(),
                gross_cents: accrual.gross_cents,
                cap_cents: most,
            });
        }
    }
    rooms
}
