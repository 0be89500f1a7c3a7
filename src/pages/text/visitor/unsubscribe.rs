//! The page behind an email's unsubscribe link.

/// The title of the browser's tab.
pub use crate::pages::text::partner::settings::EMAILS as TITLE;

use crate::engine::message::MessageType;

pub const UNSUBSCRIBE: &str = "Unsubscribe";
pub const UNSUBSCRIBED: &str = "Unsubscribed";

pub const INVALID: &str = "This link doesn't work";
pub const INVALID_WHY: &str = "It was copied incompletely or is too old. Use the link in a newer email.";

pub fn question(kind: MessageType) -> String {
    format!("Stop getting emails {}?", when(kind))
}

pub fn done(kind: MessageType) -> String {
    format!("You will no longer get emails {}.", when(kind))
}

/// Ends the sentence "emails …", for a type of message that readers can unsubscribe from.
fn when(kind: MessageType) -> &'static str {
    match kind {
        MessageType::ReferralJoined => "when someone signs up with your link",
        MessageType::AccrualCreated => "when a customer earns you a commission",
        MessageType::RewardGrantedReferee => "when someone gets a reward for referring you",
        MessageType::ReportFunnel => "when a funnel report is ready",
        _ => "",
    }
}
