//! Emails to partners.

pub use crate::codec::message::email::text::shared::{AMOUNT, FOR, VIEW_PAYOUT};

/// Why the reader receives the email.
pub fn why(program: &str, site: &str) -> String {
    format!("You're receiving this email because you're a partner of {site} ({program}).")
}

// referral.joined
pub fn joined_subject(site: &str) -> String {
    format!("Someone signed up for {site} with your link")
}

pub fn joined(site: &str) -> String {
    format!("Someone signed up for {site} with your link.")
}

pub const SIGNED_UP: &str = "Signed up";
pub const PROGRAM: &str = "Program";
pub const JOINED_TERMS: &str =
    "The program's terms say whether and when this earns you a reward. If it does, we'll email you.";
pub const YOUR_CUSTOMERS: &str = "Your customers";

// accrual.created
pub fn earned_subject(amount: &str, site: &str) -> String {
    format!("You earned {amount} from {site}")
}

pub fn earned(site: &str, amount: &str) -> String {
    format!("A customer you referred to {site} has earned you {amount}.")
}

pub const COMMISSION: &str = "Commission";
pub const CAPPED: &str = "After the program's limit";
pub const ON_HOLD: &str = "It is pending until the program's hold period is over.";
pub const VIEW_EARNING: &str = "View this earning";

/// What a commission is a share of.
pub fn share(percent: &str, base: &str, amount: &str) -> String {
    format!("{percent} of {base} = {amount}")
}

// reward.granted.referrer
pub fn rewarded_subject(amount: &str, program: &str) -> String {
    format!("You earned {amount} with {program}")
}

pub fn rewarded(site: &str) -> String {
    format!("Someone you referred to {site} has earned you a reward.")
}

pub const REWARD: &str = "Reward";
pub const AWARDED: &str = "Awarded";
pub const PERIOD: &str = "Period";

// statement.commission
pub fn statement_subject(program: &str, period: &str) -> String {
    format!("Your {program} statement for {period}")
}

pub fn statement(program: &str, site: &str, period: &str) -> String {
    format!("Your statement for {period} in {program} at {site}:")
}

pub const VESTED: &str = "Vested this period";
pub const PENDING: &str = "Still pending";
pub const AVAILABLE: &str = "Available";
pub const PAYABLE: &str = "Ready to pay out";
pub const OVERDRAWN: &str =
    "Refunds and disputes exceeded your available balance. Your next earnings will make up the difference.";
pub const CARRIED_FORWARD: &str = "The balance that can't be paid out yet carries forward to the next statement.";
pub const YOUR_EARNINGS: &str = "Your earnings";

/// To a partner who can't be paid yet.
pub fn set_up(amount: &str) -> String {
    format!("Set up payouts so that we can send you {amount}. Until then we keep it for you.")
}

// payout.sent
pub fn sent_subject(amount: &str) -> String {
    format!("{amount} is on its way to you")
}

pub fn sent(program: &str, site: &str) -> String {
    format!("Your payout from {program} at {site} has been sent to your Stripe account.")
}

pub const SENT: &str = "Sent";
pub const TRANSFER: &str = "Transfer";
pub const SENT_SCHEDULE: &str = "It will reach your bank on your Stripe account's payout schedule.";

// payout.failed
pub fn failed_subject(amount: &str) -> String {
    format!("Your payout of {amount} did not go through")
}

pub fn failed(program: &str, site: &str) -> String {
    format!("Your payout from {program} at {site} {FAILED}. It goes out with a later payout.")
}

/// The pages say the same. An operator's note and Stripe's message are for operators only.
pub const FAILED: &str = "failed; the amount is available again";

// payout.onboarding
pub fn onboarding_subject(amount: &str) -> String {
    format!("Set up payouts to receive {amount}")
}

pub fn onboarding(amount: &str, program: &str, site: &str) -> String {
    format!(
        "You have {amount} from {program} at {site} waiting. Finish setting up your payout account so that we can send it."
    )
}

pub const WAITING: &str = "Waiting";
pub const STILL_NEEDED: &str = "Still needed";
pub const SET_UP_PAYOUTS: &str = "Set up payouts";
