//! Referred accounts: the list, and the page of one.

// The list.
pub const LEAD: &str = "Referred accounts and their attribution.";
pub const FIND: &str = "Find an account";
pub const FIND_HINT: &str = "Search by the start of an account ID, an email address or domain, or a partner ID.";
pub const NONE_YET: &str = "No accounts yet";
pub const NONE_YET_HINT: [&str; 2] = ["Accounts appear when your app sends events to ", "."];
pub const NONE_FOUND: &str = "No accounts found";
pub const NONE_FOUND_HINT: &str = "Account IDs are case-sensitive and match from the start.";
pub const REFERRED_BY: &str = "Referred by";
pub const NO_PARTNER: &str = "no partner";
/// A method that an account's row does not have.
pub const UNKNOWN_METHOD: &str = "?";

pub fn by_method(program: &str, method: &str) -> String {
    format!("{program}, by {method}")
}

// One account.
pub const ACCOUNT_LEAD: &str = "The account's attribution, milestones and earnings.";
pub const REASSIGN: &str = "Reassign";
pub const NO_ATTRIBUTION: &str = "This account hasn't signed up yet, so it has no attribution.";
pub const ATTRIBUTED_TO: [&str; 4] = ["Attributed to ", " in ", ", since ", ". "];
pub const CANDIDATES: &str = "Candidates";
pub const PARTNER_AND_CODE: &str = "Partner and code";
pub const RESULT: &str = "Result";
pub const NOT_CHOSEN: &str = "not chosen";
pub const EXPECTED: &str = "expected";
pub const ATTRIBUTION_UPDATED: &str = "Attribution updated ";

/// Between the program and the code that attributed the account.
pub fn by_method_and_code(method: &str) -> String {
    format!(" by {method}, code ")
}

// Its decision is not up to date.
pub const UNDECIDED: [&str; 2] = ["New activity since ", " isn't included yet."];

pub const UNDECIDED_NOW: &str = "New activity isn't included yet.";

/// What refuses it.
pub fn refused_by(name: &str) -> String {
    format!(" The database rejects the update ({name}). Nothing of this account vests until this is fixed.")
}

// What it earned no one.
pub const PAYMENT: &str = "Payment";
pub const WAITING: &str = "Waiting for an invoice";
pub const WAITING_LEAD: &str = "These refunds and disputes count once Stripe says which invoice their payment is for.";

/// The title of the amounts that a program does not count.
pub fn other_currencies(program: &str) -> String {
    format!("In another currency than {program}'s")
}

// Reassigning it.
pub const REASSIGN_TITLE: &str = "Reassign this account";
pub const REASSIGN_LEAD: &str = "The current partner's earnings from this account are reversed. The new partner earns them instead, under the \
                                 program's rules. Leave the partner ID empty to remove the attribution.";
pub const PARTNER_ID_HINT: &str = "Starts with ptn_ and is shown on the partner's page. Leave empty for no partner.";
pub const REASSIGN_BUTTON: &str = "Reassign account";
