//! Payouts, reversals and credits: the list, and the page of one.

// The list.
pub const LEAD: &str = "Runs plan payouts, you approve them, and Stripe sends them.";
pub const BY_STATE: &str = "Payouts by state";
pub const SENDING: &str = "Sending";
pub const NEEDS_REVIEW: &str = "Needs review";
pub const CANCELED: &str = "Canceled";
pub const UNKNOWN_STATE: &str = "Unknown payout state.";
pub const NONE: &str = "No payouts";
pub const NONE_HINT: &str = "A run plans a payout for each partner with a payable balance and a Stripe account.";
pub const PAYOUT_TO: &str = "Payout to";

// One of them.
pub const PAYOUT: &str = "Payout";
pub const REVERSAL: &str = "Reversal";
pub const CREDIT_REVERSAL: &str = "Credit reversal";

/// `kind`: one of the four above.
pub fn title(kind: &str, partner: &str) -> String {
    format!("{kind} to {partner}")
}

// What it is about.
pub const STRIPE_TRANSFER: &str = "Stripe transfer";
pub const STRIPE_CUSTOMER: &str = "Stripe customer";
pub const REVERSED_PAYOUT: &str = "Reversed payout";
pub const EARNING: &str = "Earning";
pub const STRIPE_ID: &str = "Stripe ID";
pub const ATTEMPTS: &str = "Attempts";
pub const FIRST_SENT: &str = ", first sent ";
pub const NEXT_ATTEMPT: &str = "Next attempt";

// Decisions about a planned one. Each is explained, then offered.
pub const ACTIONS: &str = "Actions";
pub const HOLD_EFFECT: [&str; 2] = ["Hold: ", " stays reserved and isn't sent until someone releases it."];
pub const RELEASE_EFFECT: [&str; 2] =
    ["Release: ", " is sent when its run is approved, or immediately if it already is."];
pub const CANCEL_EFFECT: [&str; 2] =
    ["Cancel: nothing is sent, and ", " returns to the partner's available balance for the next run."];
pub const HOLD: &str = "Hold payout";
pub const RELEASE: &str = "Release payout";
pub const CANCEL: &str = "Cancel payout";

// Decisions about one that needs review.
pub const CHECK_STRIPE: [&str; 2] = [
    "Check your Stripe dashboard first: is there a transfer of ",
    "? We compare your answer with Stripe before we save anything.",
];
pub const TRANSFER_ID: &str = "Stripe transfer ID";
pub const TRANSFER_ID_HINT: &str = "Required only if it was paid.";
pub const OTHER_AMOUNT: &str = "Amount of the transfer";
pub const OTHER_AMOUNT_HINT: &str = "Only if it differs from the payout's. The payout is then booked with it.";
pub const MARK_PAID: &str = "Mark as paid";
pub const RETRY: &str = "Check Stripe and retry";
pub const MARK_FAILED: &str = "Mark as failed";

// How it was calculated.
pub const CALCULATION: &str = "How this amount was calculated";
pub const OPENING_BALANCE: &str = "Opening balance";
pub const CHANGE: &str = "Change since then";
pub const NOT_PAYABLE: &str = "Not yet payable, on hold or disputed";
pub const INCLUDED: &str = "Included earnings";
pub const NO_ACTIVITY: &str = "No activity since the previous payout.";
pub const ACTIVITY: &str = "Activity since the previous payout";

/// What a ledger entry did to the balance. Others are called by their code.
pub fn movement<'a>(code: &'a str, phase: &str) -> &'a str {
    match (code, phase) {
        ("payout", "void") => "payout returned",
        ("vest", _) => "became available",
        ("reverse", _) => "reversed",
        ("accrue", _) => "earned",
        ("payout_return", _) => "reversed payout",
        (code, _) => code,
    }
}
