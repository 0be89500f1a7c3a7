//! Earnings: the list, and an earning's page.

pub use crate::pages::text::partner::common::{
    AMOUNT, CHANGE, CUSTOMER, DATE, EARNED, NOTHING_EARNED, REASON, REVERSED, SHARE_YOUR_LINK, STATE,
};

// The list.
pub const LEAD: &str = "All commissions and rewards, newest first.";
pub const SHOW: &str = "Show";
pub const ALL_STATES: &str = "All";
pub const EARNED_FOR: &str = "Earned for";
pub const AVAILABLE_FROM: &str = "Available from";
/// Before an amount that was reversed or capped.
pub const OF: &str = "of ";
pub const VIEW_PAYOUT: &str = "View payout";
pub const SHARE_WHY: &str = ". You'll see what you earn here, and why.";
pub const SHOW_ALL: &str = "Show all earnings";

pub fn none_in(state: &str) -> String {
    format!("No {} earnings", state.replace('_', " "))
}

// When an earning becomes available.
pub const NOW: &str = "Now";
pub const NOT_KNOWN: &str = "Not known yet";
pub const AFTER_REVIEW: &str = "After review";
pub const AFTER_DISPUTE: &str = "When the dispute closes";
pub const AFTER_FUNDING: &str = "When the budget is funded";
pub const NEVER: &str = "Never";

/// What each state means.
pub fn meaning(state: &str) -> &'static str {
    match state {
        "pending" => "In the hold period.",
        "available" => "Ready to be paid out or used.",
        "on_its_way" => "On its way to you.",
        "paid" => "Paid to you.",
        "held" => "On hold while the program reviews it.",
        "disputed" => "The customer disputed the payment. On hold until the dispute closes.",
        "waiting" => "On hold until the program adds to its reward budget.",
        "reversed" => "The customer's payment was refunded, so you earned nothing.",
        "void" => "Not earned.",
        _ => "",
    }
}

// What it was earned for.
pub const INVOICE_PAID: &str = "Invoice paid";
pub const ADJUSTMENT: &str = "Adjustment";

pub fn reached(state: &str) -> String {
    format!("Customer reached “{state}”")
}

// An earning's page.
pub const EARNING: &str = "Earning";
pub const RULE: &str = "Rule";
pub const TERMS: &str = "Terms";
pub const CALCULATION: &str = "Calculation";
pub const ORIGINALLY: &str = "Originally earned";
pub const CAPPED: &str = "Above the monthly limit";
pub const REFUNDED: &str = "Refunds and disputes";
pub const ADJUSTED: &str = "Adjusted by the program";
pub const ADJUSTED_WHY: &str = "The program adjusted this earning. See its history below.";
pub const BECAME_AVAILABLE: &str = "Became available";
/// Before the customer.
pub const FOR: &str = "For ";

pub fn terms(title: &str, version: i64) -> String {
    format!("{title}, version {version}")
}

/// After the instant.
pub fn with_settlement(period: &str) -> String {
    format!(", with the settlement for {period}")
}

// Its history.
pub const HISTORY: &str = "History";
pub const REVERSED_WHY: &str = "Reversed by a refund or another later event.";
pub const REJECTED_WHY: &str = "The program reviewed this and rejected it. Contact the program to learn more.";

// Its ids.
pub const REFERENCE: &str = "Reference";
pub const REFERENCE_HINT: &str = "Include these if you contact the program about this earning.";
pub const PROGRAM: &str = "Program";
/// Between the program and its version.
pub const VERSION: &str = " version ";
pub const PERIOD: &str = "Period";
pub const SETTLEMENT: &str = "Settlement";
