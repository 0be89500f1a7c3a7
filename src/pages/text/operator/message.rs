//! The outbox.

pub const LEAD: &str = "Emails and webhooks to partners, friends, your team and your app. Failed deliveries are retried for three days, then \
                        listed here. A message is undelivered if it has to reach someone and nobody received it.";
pub const BY_STATE: &str = "Messages by state";
pub const WAITING: &str = "Waiting";
pub const SENT: &str = "Sent";
pub const SUPPRESSED: &str = "Suppressed";
pub const UNDELIVERED: &str = "Undelivered";
pub const NOBODY: &str = "nobody";
/// Behind a credit that an email announces, and no webhook hands over.
pub const NO_ENDPOINT: &str = "No endpoint subscribes to it.";
pub const UNKNOWN_STATE: &str = "Unknown message state.";
pub const NONE: &str = "No messages";
pub const NONE_HINT: &str = "Messages are sent for events such as rewards, payouts and reviews.";
pub const MESSAGES: &str = "Messages";
pub const MESSAGE: &str = "Message";
pub const DELIVERIES: &str = "Deliveries";
pub const RESEND: &str = "Resend";

/// How a message goes out, and to whom.
pub fn delivery(channel: &str, target: &str) -> String {
    format!("{channel} to {target} ")
}

pub fn reason_for(message: &str) -> String {
    format!("Reason for resending {message}")
}
