//! A connected account: the requirements it must meet to be paid.

use crate::codec::Invalid;
use crate::codec::stripe::read::{flag, required_id, text};
use crate::engine::payout::payee::Payability;
use serde_json::Value;

/// Most requirements that are kept; Stripe lists fewer.
const DUE_MAX: usize = 100;

/// Reads an account object, from `account.updated` or from a response.
pub fn payability(account: &Value) -> Result<Payability, Invalid> {
    let capabilities = account.get("capabilities").unwrap_or(&Value::Null);
    let requirements = account.get("requirements").unwrap_or(&Value::Null);
    let due = requirements.get("currently_due").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let owned = |text: &str| text.chars().take(255).collect::<String>();
    Ok(Payability {
        stripe_account_id: required_id(account, "id")?,
        transfers_active: text(capabilities, "transfers") == Some("active"),
        payouts_enabled: flag(account, "payouts_enabled"),
        currently_due: due.iter().filter_map(Value::as_str).take(DUE_MAX).map(owned).collect(),
        disabled_reason: text(requirements, "disabled_reason").map(owned),
        country: text(account, "country").map(owned),
        default_currency: text(account, "default_currency").map(str::to_ascii_lowercase),
    })
}
