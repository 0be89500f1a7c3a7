//! Customers: the accounts that a partner referred.

pub use crate::pages::text::partner::common::{CUSTOMER, DATE, NONE, PARTNER, SHARE_YOUR_LINK, STATE};

// The list.
pub const LEAD: &str = "People who signed up through your links. Their names are hidden.";
pub const CAPTION: &str = "Your customers";
pub const SIGNED_UP: &str = "Signed up";
pub const THROUGH: &str = "Through";
pub const FIRST_PAYMENT: &str = "First payment";
pub const YOUR_EARNINGS: &str = "Your earnings";
pub const NOT_YET: &str = "not yet";
pub const NOTHING_YET: &str = "nothing yet";
pub const EMPTY: &str = "No customers yet";
pub const SHARE_WHY: &str = ". People who sign up through it show up here.";

/// The name that a partner sees for a customer.
/// What an earning without a customer is for.
pub const NO_CUSTOMER: &str = "—";

pub fn name(short: &str) -> String {
    format!("{CUSTOMER} {short}")
}

/// How a customer came, where it was not through a code.
pub fn through(method: Option<&str>) -> Option<&'static str> {
    match method {
        Some("workspace") => Some("your workspace"),
        Some("email_domain") => Some("the same company"),
        Some("operator") => Some("the program's decision"),
        _ => None,
    }
}

// A customer's page.
pub const UNDER_REVIEW: &str = " This sign-up is under review. Its earnings are on hold.";
pub const ATTRIBUTION: &str = "Attribution";

/// Why the customer is the partner's.
pub fn why(method: Option<&str>) -> &'static str {
    match method {
        Some("code") => "This customer signed up with your code.",
        Some("workspace") => "You invited this customer to your workspace or handed the account over.",
        Some("token") => "This customer clicked your link before signing up.",
        Some("email_domain") => "This customer is at the same company as another customer of yours.",
        Some("fingerprint") => "This customer signed up from a device that had clicked your link.",
        Some("operator") => "The program assigned this customer to you.",
        _ => "This customer came through you.",
    }
}

// The attribution candidates.
pub const CANDIDATES: &str = "Attribution candidates";
pub const SOURCE: &str = "Source";
pub const CREDITED: &str = "Credited";
/// Before the partner's own code.
pub const YOU: &str = "You, ";
pub const ANOTHER_PARTNER: &str = "Another partner";
pub const AT_SIGN_UP: &str = "At sign-up";
pub const CHOSEN: &str = "Yes";
pub const NOT_CHOSEN: &str = "No";

pub fn not_chosen(reason: &str) -> String {
    format!("{NOT_CHOSEN}: {reason}")
}

/// The source of an attribution candidate.
pub fn source(method: &str) -> &'static str {
    match method {
        "code" => "A code entered at sign-up",
        "workspace" => "An invitation or handoff",
        "token" => "A click on a link",
        "email_domain" => "A customer at the same company",
        "fingerprint" => "A visit from the same device",
        "operator" => "The program’s decision",
        _ => "Something else",
    }
}

pub const MILESTONES: &str = "Milestones";
pub const NO_MILESTONES: &str = "Nothing yet.";
pub const NO_EARNINGS: &str = "Nothing yet";
pub const NO_EARNINGS_HINT: &str = "Rewards for this customer show up here.";
