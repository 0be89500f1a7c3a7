//! Joining a program by form. What it promises is what the program's document gives.

use crate::engine::payout::region::is_cross_border;
use crate::program::document::Document;

pub fn title(document: &Document) -> String {
    format!("Join: {}", document.title)
}

pub fn lead(document: &Document) -> &'static str {
    if !document.pays() {
        "Get a link and a code to share, and see the results. You can leave at any time."
    } else {
        "Get a link and a code to share, and earn rewards for the customers you refer. You can leave at any time."
    }
}

// The form.
pub const JOIN: &str = "Join";
pub const NO_EMAIL_SETUP: &str = "Email is not set up here yet, so we can't confirm your address. If you run this site, \
    “Emails and webhooks” in the README explains how to set up email.";
pub const NAME_HINT: &str = "Your company's name, or your own.";
/// Before an address that is confirmed already.
pub const JOINING_AS: &str = "You are joining as";
pub const EMAIL_HINT: &str = "We'll email you a link to confirm it.";
pub const COUNTRY_UNCHOSEN: &str = "Choose a country";
pub const ALREADY_PARTNER: &str = "Already a partner?";

/// Where partners can be paid. `country`: the platform's name, `code` its code.
pub fn payouts(code: &str, country: &str) -> String {
    let reached = if is_cross_border(code) {
        "the United States, the United Kingdom, the EEA, Canada and Switzerland"
    } else {
        country
    };
    format!(
        "We pay partners in {reached} through Stripe; elsewhere, your earnings are kept until there is another way."
    )
}

/// What a partner agrees to by joining.
pub fn disclosure_promise(document: &Document) -> &'static str {
    if !document.pays() {
        "I will disclose that I am a partner whenever I share my link. Rules such as the FTC's require it."
    } else {
        "I will disclose that I may earn a reward whenever I share my link. Rules such as the FTC's require it."
    }
}

// Problems.
pub fn accept_disclosure(document: &Document) -> &'static str {
    if document.requires_disclosure {
        "Accept this to join. Your links don't work without it."
    } else {
        "Accept this to join."
    }
}

pub const OPERATOR_JOINS: &str =
    "You are signed in as an operator. Operators can't be partners. Sign out and join with a different address.";
pub const EMAIL_NOT_SENT: &str = "We couldn't send the email. Your answers are still here. Try again in a few minutes.";

// After the email was sent.
pub const SENT_LEAD: &str = "We've emailed you a link. Open it to confirm your address and get your code.";
pub const SENT_ONCE: &str = "The link works once and expires in 24 hours.";

// Behind the emailed link.
pub const CONFIRM: &str = "One more step";
/// Before the name and the address.
pub const CONFIRM_AS: &str = "You are about to join as";
pub const CONFIRM_AND_JOIN: &str = "Confirm and join";

// The address is an operator's.
pub const IS_OPERATOR: &str = "This address belongs to an operator";
pub const IS_OPERATOR_WHY: &str = "Operators can't be partners, so nothing was changed. Join with a different address.";
pub const SIGN_IN_AS_OPERATOR: &str = "Sign in as an operator";
