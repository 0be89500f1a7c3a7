//! Emails to partners.

pub use crate::codec::message::email::text::shared::{AMOUNT, FOR, REASON};

/// Why the reader receives the email.
pub fn why(program: &str) -> String {
    format!("You're receiving this email because you're a partner in {program}.")
}

// referral.joined
pub fn joined_subject(program: &str) -> String {
    format!("{program}: someone signed up with your link")
}

pub const JOINED: &str = "Someone signed up with your link.";
pub const SIGNED_UP: &str = "Signed up";
pub const JOINED_TERMS: &str =
    "The program's terms say whether and when this earns you a reward. If it does, we'll email you.";

// reward.granted.referrer
pub fn rewarded_subject(amount: &str, program: &str) -> String {
    format!("You earned {amount} with {program}")
}

pub const REWARDED: &str = "Someone you referred has earned you a reward.";
pub const REWARD: &str = "Reward";
pub const AWARDED: &str = "Awarded";
pub const PERIOD: &str = "Period";

// statement.commission
pub fn statement_subject(program: &str, period: &str) -> String {
    format!("Your {program} statement for {period}")
}

pub fn statement(program: &str, period: &str) -> String {
    format!("{}:", statement_subject(program, period))
}

pub const VESTED: &str = "Vested this period";
pub const PENDING: &str = "Still pending";
pub const AVAILABLE: &str = "Available";
pub const PAYABLE: &str = "Ready to pay out";
pub const OVERDRAWN: &str =
    "Refunds and disputes exceeded your available balance. Your next earnings will make up the difference.";
pub const CARRIED_FORWARD: &str = "The balance that can't be paid out yet carries forward to the next statement.";
pub const YOUR_EARNINGS: &str = "Your earnings";

// payout.sent
pub fn sent_subject(amount: &str) -> String {
    format!("{amount} is on its way to you")
}

pub fn sent(program: &str) -> String {
    format!("Your payout from {program} has been sent to your connected account.")
}

pub const SENT: &str = "Sent";
pub const TRANSFER: &str = "Transfer";
pub const SENT_SCHEDULE: &str = "It will reach your bank on your connected account's payout schedule.";
pub const YOUR_PAYOUTS: &str = "Your payouts";

// payout.failed
pub fn failed_subject(amount: &str) -> String {
    format!("Your payout of {amount} did not go through")
}

pub fn failed(program: &str) -> String {
    format!("Your payout from {program} could not be sent. The money is still yours, and we're looking into it.")
}

// payout.onboarding
pub fn onboarding_subject(amount: &str) -> String {
    format!("Set up payouts to receive {amount}")
}

pub fn onboarding(amount: &str, program: &str) -> String {
    format!("You have {amount} from {program} waiting. Finish setting up your payout account so that we can send it.")
}

pub const WAITING: &str = "Waiting";
pub const STILL_NEEDED: &str = "Still needed";
pub const SET_UP_PAYOUTS: &str = "Set up payouts";
