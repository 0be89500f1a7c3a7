//! Partners: the list, and the page of one.

use crate::engine::payout::payee::CloseReason;

// The list.
pub const LEAD: &str = "People and companies that refer accounts to you.";
pub const FIND: &str = "Find a partner";
pub const FIND_HINT: &str =
    "Search by ID, or by any part of a name, email address, website, external ID, or link code.";
pub const NONE_YET: &str = "No partners yet";
pub const NONE_YET_HINT: [&str; 2] = ["Partners join at ", ", or you can create them with the API."];
pub const NONE_FOUND: &str = "No partners found";
pub const NONE_FOUND_HINT: &str = "Try fewer letters, or the start of the name or email address.";

// Balances.
pub const PENDING: &str = "Pending";
pub const PENDING_NOTE: &str = "not yet vested";
pub const AVAILABLE: &str = "Available";
pub const OWED_NOTE: &str = "owed by the partner; carried forward";
pub const USED: &str = "Used";

// The profile.
pub const PROFILE: &str = "Profile";
pub const EXTERNAL_ID: &str = "External ID";
pub const WEBSITE: &str = "Website";
pub const DISCLOSED: &str = "accepted ";
pub const NOT_DISCLOSED: &str = "not accepted; the partner's links don't work until it is";
pub const LEFT: &str = "Left";

// The code.
pub const CHANGE_CODE: &str = "Change code";
pub const CHANGE_CODE_HINT: &str = "3 to 64 letters, digits, hyphens, and underscores. The old code goes on working.";

// Payout status.
pub const PAYOUT_STATUS: &str = "Payout status";
pub const NO_STRIPE_ACCOUNT: &str = "This partner has no Stripe account yet. Their Payouts page asks them to set one up, and each run sends a \
                                     reminder.";
pub const CLOSED_ACCOUNTS: &str = "Former Stripe accounts";

/// Why an account is gone.
pub fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Deauthorized => "disconnected",
        CloseReason::Missing => "not found at Stripe",
        CloseReason::Moved => "moved to another country",
    }
}

pub const NO_PAYOUTS_YET_BY_STRIPE: &str = " Stripe can't send payouts yet";
pub const REQUIRED_BY_STRIPE: &str = "Required by Stripe";
pub const NOTHING_REQUIRED: &str = "nothing";

// Links.
pub const LINKS: &str = "Links";
pub const DESTINATION: &str = "Destination";
pub const HOME_PAGE: &str = "home page";
pub const CAMPAIGN: &str = "Campaign";

// Referred accounts and payouts.
pub const NO_SIGN_UPS: &str = "No sign-ups yet.";
pub const ACCOUNTS_NEWEST_FIRST: &str = "Referred accounts, newest first";
pub const NO_PAYOUTS: &str = "No payouts yet.";
pub const PAYOUTS_NEWEST_FIRST: &str = "Payouts, newest first";

// Earnings.
pub const EARNED_BY: &str = "Earned by";
pub const REFERRED_ACCOUNT: &str = "the referred account";
pub const ADJUSTED: &str = "adjusted by ";
pub const VIEW_PAYOUT: &str = "View payout";
pub const AVAILABLE_FROM: &str = "available from ";

pub fn program_version(program: &str, version: i64) -> String {
    format!("{program} v{version}")
}
