//! The page behind an email's unsubscribe link.

/// The title of the browser's tab.
pub use crate::pages::text::partner::settings::EMAILS as TITLE;

pub const UNSUBSCRIBE: &str = "Unsubscribe";
pub const UNSUBSCRIBED: &str = "Unsubscribed";

pub const INVALID: &str = "This link doesn't work";
pub const INVALID_WHY: &str = "It was copied incompletely or is too old. Use the link in a newer email.";

pub fn question(kind: &str) -> String {
    format!("Stop getting emails {}?", when(kind))
}

pub fn done(kind: &str) -> String {
    format!("You will no longer get emails {}.", when(kind))
}

/// Ends the sentence "emails …", for a type of message.
fn when(kind: &str) -> &'static str {
    match kind {
        "referral.joined" => "when someone signs up with your link",
        "reward.granted.referee" => "when you get a reward for signing up through a referral",
        "report.funnel" => "when a funnel report is ready",
        _ => "like this one",
    }
}
