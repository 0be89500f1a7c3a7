//! The page behind an email's unsubscribe link.

/// The title of the browser's tab.
pub use crate::pages::text::partner::settings::EMAILS as TITLE;

pub const UNSUBSCRIBE: &str = "Unsubscribe";
pub const UNSUBSCRIBED: &str = "Unsubscribed";

pub const INVALID: &str = "This link doesn't work";
pub const INVALID_WHY: &str = "It was copied incompletely or is too old. Use the link in a newer email.";

/// `when` says which emails, as the message type's words do.
pub fn question(when: &str) -> String {
    format!("Stop getting emails {when}?")
}

pub fn done(when: &str) -> String {
    format!("You will no longer get emails {when}.")
}
