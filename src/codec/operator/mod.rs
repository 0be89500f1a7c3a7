//! Bodies of operators' and partners' calls, with the same limits and errors as events.

pub mod account;
pub mod adjustment;
pub mod partner;
pub mod payout;
pub mod program;
mod shared;

pub use crate::codec::operator::account::{
    BilledAccount, ReassignRequest, ReconciliationRequest, ReviewDecision, reassign, reconciliation, review,
};
pub use crate::codec::operator::adjustment::{AdjustmentDecision, AdjustmentRequest, adjustment, adjustment_decision};
pub use crate::codec::operator::partner::{
    ChosenCode, GenerateLinkRequest, LinkChange, NewLink, NewPartner, PartnerChange, Profile, generate, link,
    link_change, missing, partner, partner_change, profile,
};
pub use crate::codec::operator::payout::{
    OnboardingRequest, ResolutionRequest, ReversalRequest, decision, nothing, onboarding, remark, resolution, reversal,
};
pub use crate::codec::operator::program::{DryRunRequest, FundingRequest, NewRun, dry_run, funding, run};

#[cfg(test)]
mod tests;
