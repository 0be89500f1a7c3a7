//! Texts that several of the partners' and visitors' pages share, and those that depend on the program's document.

use crate::program::document::Document;

pub const CHECK_EMAIL: &str = "Check your email";
pub const NO_EMAIL: &str = "No email after a minute? Check your spam folder and the address you entered, or try again.";
pub const EMAIL_LIMIT: &str = "We send up to five emails an hour to one address.";
pub const NOT_YOU: &str = "If you didn't request this, close this page.";
pub const ENTER_EMAIL: &str = "Enter an email address, such as you@example.com.";
pub const CHOOSE_COUNTRY: &str = "Choose a country from the list.";
pub const COUNTRY_HINT: &str = "Where you live or where your business is based.";
pub const WEBSITE_HINT: &str = "For example, example.com.";
pub const EARNINGS_KEPT: &str = "Your earnings are kept for you until then.";
pub const FUTURE_EARNINGS: &str = "future earnings make up for it";

/// What the join page promises: only what the document gives.
pub fn join_lead(document: &Document) -> &'static str {
    if document.rewards.is_empty() {
        "Get a link and a code to share, and see the results. You can leave at any time."
    } else {
        "Get a link and a code to share, and earn rewards for the customers you refer. You can leave at any time."
    }
}

/// What a partner agrees to by joining.
pub fn disclosure_promise(document: &Document) -> &'static str {
    if document.rewards.is_empty() {
        "I will disclose that I am a partner whenever I share my link. Rules such as the FTC's require it."
    } else {
        "I will disclose that I may earn a reward whenever I share my link. Rules such as the FTC's require it."
    }
}
