//! Emails to operators.

pub use crate::codec::message::email::text::shared::{AMOUNT, FOR, REASON};

/// Why the reader receives the email.
pub fn why(program: &str) -> String {
    format!("You're receiving this email because you're an operator of {program}.")
}

pub const STRIPE_MESSAGE: &str = "Stripe's message";
pub const PARTNER: &str = "Partner";
pub const DECIDE: &str = "Review and decide";

// payout.approval
pub fn approval_subject(program: &str, amount: &str) -> String {
    format!("{program}: payouts of {amount} need your approval")
}

pub const APPROVAL: &str = "A run's payouts are ready. None will be sent until you approve them.";
pub const RUN: &str = "Run";
pub const PAYOUTS: &str = "Payouts";
pub const TOTAL: &str = "Total";
pub const APPROVE: &str = "Review and approve";

// payout.review
pub fn payout_review_subject(program: &str, amount: &str) -> String {
    format!("{program}: a payout of {amount} needs your review")
}

pub const PAYOUT_REVIEW: &str = "Stripe's records don't match the payout we requested. We won't send anything more for it \
    until you decide.";
pub const PAYOUT: &str = "Payout";
pub const FINDING: &str = "Finding";

// transfer.unexpected
pub fn transfer_unexpected_subject(program: &str, amount: &str) -> String {
    format!("{program}: a transfer of {amount} that we didn't request")
}

pub const TRANSFER_UNEXPECTED: &str = "Stripe reports a transfer to a partner that no payout asked for. Someone may have \
    made it by hand, or another program uses the same key. If it shouldn't stand, reverse it in Stripe.";
pub const TRANSFER: &str = "Transfer";
pub const TO_ACCOUNT: &str = "Stripe account";

// payout.funds
pub fn funds_subject(program: &str) -> String {
    format!("{program}: payouts are waiting for funds in Stripe")
}

pub const FUNDS: &str = "Your Stripe balance is too low to cover the payouts that are due. Add funds in Stripe; we retry \
    every few hours.";
pub const FIRST_WAITING: &str = "First payout waiting";
pub const VIEW_WAITING: &str = "View waiting payouts";

// payout.access
pub fn access_subject(program: &str) -> String {
    format!("{program}: Stripe rejected the API key")
}

pub const ACCESS: &str = "Stripe rejected STRIPE_API_KEY, so no payouts can be sent. Nothing is lost: payouts that are due \
    go out automatically once the key works.";

// credit.review
pub fn credit_review_subject(program: &str, amount: &str) -> String {
    format!("{program}: a credit of {amount} needs a decision")
}

pub const CREDIT_REVIEW: &str = "We couldn't confirm whether this credit reached the customer's Stripe balance. It is on \
    hold until you decide.";
pub const CREDIT: &str = "Credit";
pub const VIEW_CREDITS_REVIEWED: &str = "View credits under review";

// credit.failed
pub fn credit_failed_subject(program: &str, amount: &str) -> String {
    format!("{program}: a credit of {amount} could not be delivered")
}

pub const CREDIT_FAILED: &str =
    "Stripe refused to change the customer's balance. Fix the customer in Stripe; we retry every day.";
pub const VIEW_CREDITS_FAILED: &str = "View failed credits";

// review.opened
pub fn review_subject(program: &str, rule: &str) -> String {
    format!("{program}: a referral needs your review ({rule})")
}

pub const REVIEW_HOLDS: &str = "We opened a review. The account's earnings are on hold until you decide.";
pub const REVIEW_HOLDS_NOTHING: &str = "We opened a review. Nothing is on hold because of it.";
pub const REVIEW: &str = "Review";
pub const RULE: &str = "Rule";
pub const ACCOUNT: &str = "Account";
pub const INVOICE: &str = "Invoice";
pub const EVIDENCE: &str = "Evidence";

// budget.low
pub fn budget_subject(program: &str) -> String {
    format!("{program}: the reward budget is low")
}

pub const BUDGET_LEFT: &str = "Budget left";
pub const BUDGET_THRESHOLD: &str = "Alert threshold";
pub const REWARDS_WAITING: &str = "Rewards waiting";
pub const BUDGET: &str = "Rewards that the budget can't cover wait, in order, until you add funds.";

// report.funnel
pub fn funnel_subject(program: &str, week: &str) -> String {
    format!("{program}: funnel report for {week}")
}

pub fn funnel(week: &str) -> String {
    format!("The funnel report for week {week} is ready, with one recommended action for each partner.")
}

pub const VIEW_REPORT: &str = "View the report";
