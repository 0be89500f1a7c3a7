//! Emails to partners.

pub use crate::codec::message::email::words::shared::{AMOUNT, FOR, REASON};

use crate::base::time::UtcMillis;
use crate::codec::message::email::fields::MessageFields;
use crate::codec::message::email::money::instant;
use crate::codec::message::email::render::EmailPart;
use crate::codec::message::email::words::parts::{MessageWords, Written, amount, link, rows, say, text};
use crate::engine::message::MessageType;
use serde_json::Value;

/// What the message types to this audience say.
pub fn of(kind: MessageType) -> Option<MessageWords> {
    Some(match kind {
        MessageType::ReferralJoined => MessageWords::optional(joined_email, "when someone signs up with your link")
            .choice("Email me when someone signs up with my link"),
        MessageType::RewardGrantedReferrer => MessageWords::required(rewarded_email),
        MessageType::StatementCommission => MessageWords::required(statement_email),
        MessageType::PayoutSent => MessageWords::required(sent_email),
        MessageType::PayoutFailed => MessageWords::required(failed_email),
        MessageType::PayoutOnboarding => MessageWords::required(onboarding_email),
        _ => return None,
    })
}

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

fn joined_email(f: &MessageFields) -> Written {
    let at = UtcMillis(f.payload["signed_up_at_ms"].as_i64().unwrap_or(f.at.0));
    let parts = vec![say(JOINED), EmailPart::Table(vec![(SIGNED_UP, instant(at))]), say(JOINED_TERMS)];
    (joined_subject(f.program), parts)
}

// reward.granted.referrer
pub fn rewarded_subject(amount: &str, program: &str) -> String {
    format!("You earned {amount} with {program}")
}

pub const REWARDED: &str = "Someone you referred has earned you a reward.";
pub const REWARD: &str = "Reward";
pub const AWARDED: &str = "Awarded";
pub const PERIOD: &str = "Period";

fn rewarded_email(f: &MessageFields) -> Written {
    let facts = rows(vec![(REWARD, amount(f, "amount_cents")), (AWARDED, instant(f.at)), (PERIOD, text(f, "period"))]);
    (rewarded_subject(&amount(f, "amount_cents"), f.program), vec![say(REWARDED), facts])
}

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

fn statement_email(f: &MessageFields) -> Written {
    let period = text(f, "period");
    let cents = |name: &str| f.payload[name].as_i64().unwrap_or_default();
    let mut parts = vec![
        say(statement(f.program, &period)),
        EmailPart::Table(vec![
            (VESTED, amount(f, "settled_cents")),
            (PENDING, amount(f, "pending_cents")),
            (AVAILABLE, amount(f, "available_cents")),
            (PAYABLE, amount(f, "payable_cents")),
        ]),
    ];
    if cents("available_cents") < 0 {
        parts.push(say(OVERDRAWN));
    } else if cents("payable_cents") == 0 && cents("available_cents") > 0 {
        parts.push(say(CARRIED_FORWARD));
    }
    parts.push(link(YOUR_EARNINGS, "/partner/earnings".to_owned()));
    (statement_subject(f.program, &period), parts)
}

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

fn sent_email(f: &MessageFields) -> Written {
    let parts = vec![
        say(sent(f.program)),
        rows(vec![
            (AMOUNT, amount(f, "amount_cents")),
            (FOR, text(f, "period")),
            (SENT, instant(f.at)),
            (TRANSFER, text(f, "transfer")),
        ]),
        say(SENT_SCHEDULE),
        link(YOUR_PAYOUTS, "/partner/payouts".to_owned()),
    ];
    (sent_subject(&amount(f, "amount_cents")), parts)
}

// payout.failed
pub fn failed_subject(amount: &str) -> String {
    format!("Your payout of {amount} did not go through")
}

pub fn failed(program: &str) -> String {
    format!("Your payout from {program} could not be sent. The money is still yours, and we're looking into it.")
}

fn failed_email(f: &MessageFields) -> Written {
    let facts = rows(vec![(AMOUNT, amount(f, "amount_cents")), (FOR, text(f, "period")), (REASON, text(f, "reason"))]);
    (failed_subject(&amount(f, "amount_cents")), vec![say(failed(f.program)), facts])
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

fn onboarding_email(f: &MessageFields) -> Written {
    let due: Vec<&str> = f.payload["due"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let waiting = amount(f, "amount_cents");
    let parts = vec![
        say(onboarding(&waiting, f.program)),
        rows(vec![(WAITING, waiting.clone()), (STILL_NEEDED, due.join(", "))]),
        link(SET_UP_PAYOUTS, "/partner/payouts/setup".to_owned()),
    ];
    (onboarding_subject(&waiting), parts)
}
