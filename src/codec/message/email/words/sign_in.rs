//! Emails whose link proves that the reader owns the address.

// To sign in.
pub fn sign_in_subject(host: &str) -> String {
    format!("Sign in to {host}")
}

pub const SIGN_IN_INSTRUCTIONS: &str = "Open this link to sign in. You'll be asked to confirm on the page it opens.";
pub const SIGN_IN: &str = "Sign in";

// To join a program.
pub fn join_subject(program: &str) -> String {
    format!("Confirm your email address for {program}")
}

pub fn join_instructions(program: &str) -> String {
    format!("Open this link to join {program}. You'll be asked to confirm on the page it opens.")
}

pub const JOIN: &str = "Confirm and join";

// To change a partner's address.
pub fn change_subject(host: &str) -> String {
    format!("Confirm your new email address for {host}")
}

pub const CHANGE_INSTRUCTIONS: &str =
    "Open this link to use this address for your partner account. You'll be asked to confirm on the page it opens.";
pub const CHANGE: &str = "Confirm this address";

/// To the old address.
pub fn changed_subject(host: &str) -> String {
    format!("Your email address at {host} was changed")
}

pub const CHANGED: &str = "Your partner account now has another email address. Emails go there from now on, and this address no longer signs in.";

/// Why the reader of the old address receives the email.
pub fn changed_why(host: &str) -> String {
    format!(
        "You're receiving this email because this was your address at {host}. If you didn't change it, contact the program."
    )
}

// For all.
pub fn expires(minutes: i64) -> String {
    let span = if minutes > 60 && minutes % 60 == 0 {
        format!("{} hours", minutes / 60)
    } else {
        format!("{minutes} minutes")
    };
    format!("The link works once and expires after {span}. You can request a new one at any time.")
}

/// Why the reader receives the email.
pub fn why(host: &str) -> String {
    format!(
        "You're receiving this email because someone entered this address at {host}. If it wasn't you, ignore this \
         email: nobody can get in without the link. Don't share it."
    )
}
