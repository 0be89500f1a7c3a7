//! Payouts, a payout's receipt, and how credit was used.

use crate::codec::message::email::words::partner::FAILED;
pub use crate::pages::text::partner::common::{
    AMOUNT, AVAILABLE, CHANGE, CREATED, CUSTOMER, DATE, EARNED, FUTURE_EARNINGS, PAID, REASON, REVERSED, STATE, USED,
    WAITING_PAYOUT,
};
use crate::program::document::{Cadence, Delivery, Document};

// The list.
pub const LEAD_CASH: &str = "Your payouts and their Stripe transfers.";
pub const LEAD_CREDIT: &str = "How your credit was used.";
pub const DOWNLOAD: &str = "Download as CSV";
pub const PAYOUT: &str = "Payout";
pub const TRANSFER: &str = "Transfer";
pub const EMPTY: &str = "No payouts yet";
pub const EMPTY_HINT: &str = "When you have earnings available, they go out with the next payout.";

/// When the program pays. What follows is [`minimum`] and [`delay`].
pub fn cadence(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Instant => "Payouts go out as soon as earnings are available",
        Cadence::Weekly => "Payouts go out weekly",
        Cadence::Monthly => "Payouts go out monthly",
        Cadence::None => "This program pays nothing out",
    }
}

pub fn minimum(amount: &str) -> String {
    format!(", once {amount} or more is payable")
}

pub fn delay(days: i64) -> String {
    format!(", {days} days after earnings become available")
}

// The figures.
pub const AVAILABLE_NOTE: &str = "included in the next payout";
/// To a partner whom nothing can be sent to.
pub const KEPT_NOTE: &str = "kept for you";
pub const CARRIED_NOTE: &str = "carried forward until it reaches the minimum";
pub const ON_ITS_WAY: &str = "On its way";
pub const ON_ITS_WAY_NOTE: &str = "planned or being sent";
pub const PAID_NOTE: &str = "all time, minus reversals";

/// What an unpaid payout in this state is waiting for. An operator's reason for a hold is not shown.
pub fn waits(state: &str) -> &'static str {
    match state {
        "held" => "on hold by the program",
        "planned" => "not sent yet",
        "submitting" => "being sent",
        "review" => "under review",
        "failed" => FAILED,
        "cancelled" => "canceled; the amount is available again",
        _ => "",
    }
}

// Reversed payouts.
pub const REVERSAL: &str = "Reversal";

// How credit was used.
pub const CREDIT_USED: &str = "Credit used";
pub const RETURNED: &str = "Returned";
pub const TO_BALANCE: &str = "Added to your customer balance";
pub const FROM_BALANCE: &str = "Removed from your customer balance";
pub const NO_CREDIT: &str = "No credit used yet";

/// How credit reaches its partner.
pub fn credit_delivery(document: Option<&Document>) -> &'static str {
    match document {
        None => "",
        Some(d) if !d.pays() => "This program has no rewards.",
        Some(d) => match d.settlement.delivery {
            Delivery::Application => "You use your credit with the program. This program doesn't pay cash.",
            Delivery::StripeBalance => {
                "Credit is applied to your next invoices automatically. This program doesn't pay cash."
            }
            Delivery::Webhook => "The program applies your credit for you. This program doesn't pay cash.",
        },
    }
}

/// The first line of the CSV file.
pub const CSV_HEADING: &str = "payout,run,planned_at,paid_at,state,currency,planned,amount,transfer,reason";

// A receipt.
pub const FROM: &str = "From";
pub const TO: &str = "To";
pub const OPENING: &str = "Opening balance";
pub const EARNED_SINCE: &str = "Earned since";
pub const NOT_PAYABLE: &str = "Not yet payable";
pub const STRIPE_TRANSFER: &str = "Stripe transfer";
pub const TO_ACCOUNT: &str = "To account";
/// Between the amount and the day of a reversal.
pub const ON: &str = " on ";
pub const INCLUDED: &str = "Included earnings";
pub const TYPE: &str = "Type";
pub const CALCULATION: &str = "Calculation";
pub const NO_EARNINGS: &str = "No earnings. This payout is your opening balance.";

pub fn settlement_for(period: &str) -> String {
    format!("Settlement for {period}")
}
