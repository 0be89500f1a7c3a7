//! What a partner's connected account can do, as Stripe reports it, and whether it is gone.

use crate::base::names::names;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payability {
    /// `acct_…`.
    pub stripe_account_id: String,
    /// Transfers can reach it.
    pub transfers_active: bool,
    /// Stripe pays it out to the bank.
    pub payouts_enabled: bool,
    /// What Stripe still needs from the partner, in Stripe's terms.
    pub currently_due: Vec<String>,
    pub disabled_reason: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: Option<String>,
    /// ISO 4217, in lower case.
    pub default_currency: Option<String>,
}

impl Payability {
    /// Whether a transfer to it would arrive and be paid out.
    pub fn is_payable(&self) -> bool {
        is_payable(self.transfers_active, self.payouts_enabled)
    }
}

/// Whether money reaches the bank behind an account: transfers reach it, and Stripe pays it out. The payout plan checks
/// the same for the stored account (`store/payout/plan.rs`).
pub fn is_payable(transfers_active: bool, payouts_enabled: bool) -> bool {
    transfers_active && payouts_enabled
}

names! {
    /// Why a partner's account is gone for good.
    pub enum CloseReason {
        /// The partner, or Stripe, ended the platform's access to it.
        Deauthorized = "deauthorized",
        /// Stripe does not know it, or not as ours.
        Missing = "missing",
        /// The partner moved, and Stripe can't change an account's country.
        Moved = "moved",
    }
}

/// Whether Stripe's refusal of a call about an account may mean that the account is gone. A key of the other mode is
/// refused with the same code, and Stripe says so.
pub fn is_account_gone(code: &str, message: &str) -> bool {
    matches!(code, "account_invalid" | "resource_missing") && !message.contains("similar object exists in")
}
