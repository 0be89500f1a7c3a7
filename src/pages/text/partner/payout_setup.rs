//! Payout setup: the partner's Stripe account.

use crate::engine::payout::payee::CloseReason;
pub use crate::pages::text::partner::common::SET_UP_PAYOUTS;
use crate::pages::text::shared::field::COUNTRY_HINT;

// On the payouts page.
pub const SET_UP_WHY: &str = "We pay you through Stripe. Setup takes a few minutes. ";
pub const EARNINGS_KEPT: &str = "Your earnings are kept for you until then.";
pub const ACTIVE: &str = " Payouts go to your Stripe account.";
pub const DASHBOARD: &str = "Open Stripe dashboard";
pub const UPDATE: &str = "Update payout details";
pub const NOT_YET: &str = "Stripe can't pay you yet";
pub const REVIEWING: &str = "Stripe is reviewing your details. This may take a day or two. ";
pub const STILL_NEEDS: &str = "Stripe still needs:";

/// Why the last account is gone.
pub fn closed(why: CloseReason) -> &'static str {
    match why {
        CloseReason::Deauthorized => "Your Stripe account was disconnected.",
        CloseReason::Missing => "Your Stripe account no longer exists.",
        CloseReason::Moved => "Your Stripe account was in another country.",
    }
}

/// To partners in a country that Stripe does not reach from here.
pub fn not_offered(country: &str) -> String {
    format!(
        "We can't pay partners in {country} through Stripe; your earnings are kept for you until there is another way."
    )
}

// The setup.
pub const MOVED: &str = "Moved to another country?";
pub const MOVED_WHY: &str = "Stripe can't change an account's country, so you'll set up a new account. The old one keeps \
    what was paid to it.";
pub const MOVED_BUTTON: &str = "Set up a new account";
pub const LEAD: &str = "We pay you through Stripe. Stripe asks for your identity and bank details. We never see your \
    documents or your bank account.";
pub const NOT_CONNECTED: &str = "Payouts are not set up yet";
pub const NOT_CONNECTED_WHY: &str = "The program has not connected Stripe yet. ";
pub const NOT_CONNECTED_PROBLEM: &str =
    "the program has not connected Stripe yet; your earnings are kept for you until then";
/// Before the account's id.
pub const YOUR_ACCOUNT: &str = "Your Stripe account is ";
/// Before the account's country.
pub const IN_COUNTRY: &str = ", in ";
pub const COUNTRY_UNCHOSEN: &str = "Choose";

pub fn country_hint() -> String {
    format!("{COUNTRY_HINT} You can't change it later.")
}

// The link to Stripe.
pub const YOUR_DETAILS: &str = "Your payout details";
pub const YOUR_STRIPE: &str = "Your Stripe account";
pub const ONCE: &str = "This link to Stripe works once and expires in a few minutes.";
pub const TO_STRIPE: &str = "Continue to Stripe";
pub const NOT_NOW: &str = "Not now";
pub const NO_URL: &str = "Stripe's response has no URL";
