//! What changed of a payout since it was planned.

pub const PAYOUT: &str = "Payout";
pub const CHANGED: &str = "Changed since it was planned";
pub const WHAT: &str = "What changed";
pub const PLANNED: &str = "Planned";
pub const NOW: &str = "Now";
pub const CUSTOMER: &str = "Customer";
/// The planned amount, where less is or was sent.
pub const AS_PLANNED: &str = "As planned";
pub const LEFT: &str = "Left to send";
/// What no earning explains.
pub const OTHER: &str = "Adjustments and rounding";
pub const NOTHING_LEFT: &str = "canceled; nothing was left of it";
pub const BELOW_MINIMUM: &str = "canceled; less than the minimum was left, and it is carried forward";

/// Why less of an earning is paid than was planned.
pub fn change(kind: &str, event: Option<&str>) -> &'static str {
    let event = event.unwrap_or_default();
    match kind {
        "disputed" => "Disputed. It stays on hold until the dispute closes.",
        "held" => "Under review. It stays on hold.",
        "rounded" => "Rounded down to what Stripe can send. The rest is carried forward.",
        "transfer" => "The transfer that Stripe made has another amount.",
        "owed" => "An earlier payout included it. It was refunded or reversed since.",
        _ if event.contains("refund") => "Refunded",
        _ if event.contains("dispute") => "Dispute lost",
        _ => "Reversed",
    }
}
