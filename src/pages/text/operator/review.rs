//! Reviews: the list, and the page of one.

// The list.
pub const LEAD: &str = "Referrals that risk rules flagged. Their earnings are on hold until you decide.";
pub const BY_STATE: &str = "Reviews by state";
pub const OPEN: &str = "Open";
pub const UNKNOWN_STATE: &str = "Unknown review state.";
pub const NONE_OPEN: &str = "No open reviews";
pub const NONE_OPEN_HINT: &str = "Referrals that a risk rule flags appear here.";
pub const NONE: &str = "No reviews";
pub const NONE_HINT: &str = "Reviews you decide appear here.";

// One review.
pub const ALL_REVIEWS: &str = "All reviews";
pub const APPLIES_TO: &str = "Applies to";
pub const WHOLE_ACCOUNT: &str = "the whole account";
pub const NOTHING_HELD: &str = "nothing; this is for your information only";
pub const NO_EARNINGS_HELD: &str = "no earnings yet";
pub const HELD_IN: &str = " in ";
pub const OPENED: &str = "Opened";
pub const AN_OPERATOR: &str = "An operator";

/// Before the time of the decision and its reason.
pub fn decided_by(actor: &str) -> String {
    format!("{actor} decided")
}

/// The title of a rule.
pub fn rule(name: &str) -> String {
    match name {
        "same_email" => "Account has the partner's email address".to_owned(),
        "same_domain" => "Account has the partner's email domain".to_owned(),
        "signups_in_month" => "Unusual number of sign-ups in a month".to_owned(),
        "one_visitor" => "Many accounts from one browser".to_owned(),
        "one_mailbox" => "Mailbox of an earlier account".to_owned(),
        "one_domain" => "Many accounts from one email domain".to_owned(),
        "disposable_email" => "Disposable email address".to_owned(),
        "own_account" => "Account belongs to the partner".to_owned(),
        "referral_ring" => "Partners who refer each other".to_owned(),
        "currency" => "Currency doesn't match the program's".to_owned(),
        other => other.replace('_', " "),
    }
}

// The decision.
pub const DECISION_HINT: &str = "Release to let the partner earn from this referral. Reject to void its earnings, past and future. You can't \
                                 undo either.";
pub const DOMAIN_HINT: &str =
    "Release the domain if it is one organization: its accounts are not held for their number again.";
pub const RELEASE_DOMAIN: &str = "Release the domain";
pub const REJECT: &str = "Reject";
