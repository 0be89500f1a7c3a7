//! The search for why accounts were or were not attributed.

pub use crate::pages::text::operator::account::NONE_FOUND;
pub use crate::pages::text::operator::funnel::VISITS;
pub use crate::pages::text::operator::standing::{FROM, TO};

pub const TITLE: &str = "Search attribution";
pub const LEAD: &str = "Why accounts were or weren't attributed. Fill in what you know.";
pub const CODE: &str = "Code or link";
pub const DOMAIN: &str = "Email domain";
pub const DOMAIN_HINT: &str =
    "Of the account's sign-up. With a domain you also see what its accounts carried instead of the code.";
pub const DAY_HINT: &str = "A day (UTC).";
pub const ENTER_DAY: &str = "Enter a day such as 2026-05-20";
pub const WRONG_ORDER: &str = "Enter a day that isn't before the first";
pub const TOO_LONG: &str = "This is too long";
pub const NONE_FOUND_HINT: &str = "Accounts are found by what they carried, and by the email domains of companies.";
pub const THE_CODE: &str = "The code";
pub const WORKS: &str = "It works.";
pub const WITHOUT_TOUCH: &str = "Sign-ups without a code or touch";
pub const CARRIED: &str = "Codes and touches";
pub const CREDITED: &str = "credited";
