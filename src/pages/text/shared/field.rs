//! Fields that several forms have, and their problems.

pub const OPTIONAL: &str = "optional";

// Above a form with problems.
pub const PROBLEM: &str = "There is a problem.";
pub const NOTHING_SAVED: &str = "Nothing was saved.";

pub const NAME: &str = "Name";
pub const ENTER_NAME: &str = "Enter your name.";
pub const EMAIL: &str = "Email";
pub const ENTER_EMAIL: &str = "Enter an email address, such as you@example.com.";
pub const WEBSITE: &str = "Website";
pub const WEBSITE_HINT: &str = "For example, example.com.";
pub const ENTER_WEBSITE: &str = "Enter your website.";
pub const COUNTRY: &str = "Country";
pub const COUNTRY_HINT: &str = "Where you live or where your business is based.";
pub const CHOOSE_COUNTRY: &str = "Choose a country from the list.";
