//! States as people read them.

pub const ON_HOLD: &str = "on hold";
pub const NEEDS_REVIEW: &str = "needs review";
pub const CANCELED: &str = "canceled";
pub const SENDING: &str = "sending";

/// A state's name on a page.
pub fn shown(name: &str) -> String {
    match name {
        "held" => ON_HOLD.to_owned(),
        "review" => NEEDS_REVIEW.to_owned(),
        "cancelled" => CANCELED.to_owned(),
        "submitting" => SENDING.to_owned(),
        other => other.replace('_', " "),
    }
}
