//! Settings: profile, emails, sessions, data, and leaving.

pub const LEAD: &str = "Your profile, emails, sessions, and data.";

// Profile.
pub const PROFILE: &str = "Profile";
/// Before the address.
pub const EMAIL_IS: &str = "Email: ";
pub const NO_EMAIL: &str = "none";
pub const CHANGE_EMAIL: &str = "Change email address";
pub const NO_COUNTRY: &str = "Not given";
pub const DISPLAY_NAME: &str = "Name on the leaderboard";
pub const DISPLAY_NAME_HINT: &str = "Other partners see this name. Leave it empty to stay anonymous.";

// Emails.
pub const EMAILS: &str = "Emails";
pub const ALWAYS_EMAILED: &str = "We always email you about your rewards, statements and payouts. ";
pub const CHOOSE_EMAILS: &str = "Choose your other emails";
pub const EMAILS_LEAD: &str = "Choose the emails you get besides your rewards, statements and payouts.";
pub const EMAIL_UNKNOWN: &str = "We don't have your email address";
pub const EMAIL_UNKNOWN_HINT: &str = "Ask the program to add it.";
pub const CHOICES: &str = "We always email statements, rewards, and payouts. These choices apply to every program \
    you joined with this address.";
pub const BACK: &str = "Back to settings";

// Sessions.
pub const SESSIONS: &str = "Where you are signed in";
pub const BROWSER: &str = "Browser";
pub const SIGNED_IN_WITH: &str = "Signed in with";
pub const LAST_USED: &str = "Last used";
pub const THIS_BROWSER: &str = "this browser";
pub const BY_SITE: &str = "site account";
pub const BY_EMAIL: &str = "emailed link";
pub const UNKNOWN_BROWSER: &str = "Unknown";

pub fn browser_on(browser: &str, system: &str) -> String {
    format!("{browser} on {system}")
}

// The copy of a partner's data.
pub const DATA: &str = "Your data";
pub const DOWNLOAD: &str = "Download my data";
pub const SEE_OR_ERASE: &str = "See or erase my data";
/// Before the field that leads to the next file.
pub const DATA_NEXT: &str = " If there are more, ";
/// The field's name in the file.
pub const DATA_NEXT_FIELD: &str = "next";
/// After it.
pub const DATA_NEXT_LINKS: &str = " in the file links to the next one.";
pub const NOT_A_NEXT_FILE: &str = "this is not the URL of a next file; start with the first file";

pub fn data(records: &str) -> String {
    format!(
        "Download a copy of the data we store about you: profile, links, earnings, payouts, sessions, and activity. Each \
         file holds up to {records} records."
    )
}

// Leaving.
pub const LEAVE: &str = "Leave the program";
pub const LEAVE_EFFECT: &str = "Your links stop working within a minute or two, and you get no credit for later \
    sign-ups. You keep what you have earned, on the program's terms. You can't undo this yourself.";
pub const CODE: &str = "Enter your code to confirm";
/// Before the day.
pub const LEFT_ON: &str = "You left the program on ";
pub const LEFT_KEEPS: &str = ". Your links no longer work. You keep what you earned, on the program's terms.";

pub fn code_hint(code: &str) -> String {
    format!("Your code is {code}.")
}

pub fn wrong_code(code: &str) -> String {
    format!("Enter your code exactly: {code}.")
}

// Another email address.
pub const CHANGE_EMAIL_LEAD: &str = "We'll email a link to the new address. It takes effect once you open the link.";
pub const NEW_EMAIL: &str = "New email address";
pub const SEND_LINK: &str = "Email me a link";
/// Before the address.
pub const CONFIRM_EMAIL: &str = "From now on, your partner account's address will be";
pub const CONFIRM_EMAIL_BUTTON: &str = "Confirm this address";
pub const EMAIL_CHANGED: &str = "Email address changed";
/// After the address.
pub const EMAIL_CHANGED_LEAD: &str = "is your address now. Sign in with it from now on.";
