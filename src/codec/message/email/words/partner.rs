//! Emails to partners.

pub use crate::codec::message::email::words::shared::{AMOUNT, FOR, VIEW_PAYOUT};

use crate::base::time::UtcMillis;
use crate::codec::message::email::fields::MessageFields;
use crate::codec::message::email::money::{instant, percent};
use crate::codec::message::email::render::EmailPart;
use crate::codec::message::email::requirements;
use crate::codec::message::email::words::parts::{MessageWords, Written, amount, link, rows, say, text};
use crate::engine::message::MessageType;
use serde_json::Value;

/// What the message types to this audience say.
pub fn of(kind: MessageType) -> Option<MessageWords> {
    Some(match kind {
        MessageType::ReferralJoined => MessageWords::optional(joined_email, "when someone signs up with your link")
            .choice("Email me when someone signs up with my link"),
        MessageType::AccrualCreated => MessageWords::optional(earned_email, "when a customer earns you a commission")
            .choice("Email me when a customer earns me a commission"),
        MessageType::RewardGrantedReferrer => MessageWords::required(rewarded_email),
        MessageType::StatementCommission => MessageWords::required(statement_email),
        MessageType::PayoutSent => MessageWords::required(sent_email),
        MessageType::PayoutFailed => MessageWords::required(failed_email),
        MessageType::PayoutOnboarding => MessageWords::required(onboarding_email),
        MessageType::AttributionReply => MessageWords::required(reply_email),
        _ => return None,
    })
}

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

fn joined_email(f: &MessageFields) -> Written {
    let at = UtcMillis(f.payload["signed_up_at_ms"].as_i64().unwrap_or(f.at.0));
    let parts = vec![
        say(joined(f.site_name)),
        rows(vec![(SIGNED_UP, instant(at)), (PROGRAM, f.program.to_owned())]),
        say(JOINED_TERMS),
        link(YOUR_CUSTOMERS, "/partner/clients".to_owned()),
    ];
    (joined_subject(f.site_name), parts)
}

// accrual.created
pub fn adjusted_subject(amount: &str, site: &str) -> String {
    format!("{site} added {amount} to your balance")
}

pub fn adjusted(site: &str, amount: &str) -> String {
    format!("{site} added {amount} to your balance.")
}

pub const NOTE: &str = "Note";

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

/// What an operator added, with the note to the partner.
fn adjusted_email(f: &MessageFields) -> Written {
    let net = amount(f, "amount_cents");
    let mut parts =
        vec![say(adjusted(f.site_name, &net)), rows(vec![(NOTE, text(f, "reason")), (PROGRAM, f.program.to_owned())])];
    if f.payload["state"] == "pending" {
        parts.push(say(ON_HOLD));
    }
    parts.push(view_earning(f));
    (adjusted_subject(&net, f.site_name), parts)
}

fn earned_email(f: &MessageFields) -> Written {
    if text(f, "source").starts_with("adjustment:") {
        return adjusted_email(f);
    }
    let (net, gross) = (amount(f, "amount_cents"), amount(f, "gross_cents"));
    let share = f.payload["rate_bps"].as_i64().map(|rate| share(&percent(rate), &amount(f, "base_cents"), &gross));
    let capped = if net == gross { String::new() } else { net.clone() };
    let mut parts = vec![
        say(earned(f.site_name, &net)),
        rows(vec![(COMMISSION, share.unwrap_or(gross)), (CAPPED, capped), (PROGRAM, f.program.to_owned())]),
    ];
    if f.payload["state"] == "pending" {
        parts.push(say(ON_HOLD));
    }
    parts.push(view_earning(f));
    (earned_subject(&net, f.site_name), parts)
}

fn view_earning(f: &MessageFields) -> EmailPart {
    link(VIEW_EARNING, format!("/partner/earnings/{}", text(f, "accrual_id")))
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

fn rewarded_email(f: &MessageFields) -> Written {
    let facts = rows(vec![(REWARD, amount(f, "amount_cents")), (AWARDED, instant(f.at)), (PERIOD, text(f, "period"))]);
    let parts = vec![say(rewarded(f.site_name)), facts, view_earning(f)];
    (rewarded_subject(&amount(f, "amount_cents"), f.program), parts)
}

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

/// What is payable is named to those whom it can be sent to.
fn statement_email(f: &MessageFields) -> Written {
    let period = text(f, "period");
    let cents = |name: &str| f.payload[name].as_i64().unwrap_or_default();
    let (payouts, payable) = (text(f, "payouts"), amount(f, "payable_cents"));
    let of_payable = if payouts == "ready" { payable.clone() } else { String::new() };
    let mut parts = vec![
        say(statement(f.program, f.site_name, &period)),
        rows(vec![
            (VESTED, amount(f, "settled_cents")),
            (PENDING, amount(f, "pending_cents")),
            (AVAILABLE, amount(f, "available_cents")),
            (PAYABLE, of_payable),
        ]),
    ];
    if cents("available_cents") < 0 {
        parts.push(say(OVERDRAWN));
    } else if payouts == "setup" && cents("payable_cents") > 0 {
        parts.push(say(set_up(&payable)));
        parts.push(link(SET_UP_PAYOUTS, "/partner/payouts/setup".to_owned()));
    } else if payouts == "ready" && cents("payable_cents") == 0 && cents("available_cents") > 0 {
        parts.push(say(CARRIED_FORWARD));
    }
    parts.push(link(YOUR_EARNINGS, "/partner/earnings".to_owned()));
    (statement_subject(f.program, &period), parts)
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

fn sent_email(f: &MessageFields) -> Written {
    let parts = vec![
        say(sent(f.program, f.site_name)),
        rows(vec![
            (AMOUNT, amount(f, "amount_cents")),
            (FOR, text(f, "period")),
            (SENT, instant(f.at)),
            (TRANSFER, text(f, "transfer")),
        ]),
        say(SENT_SCHEDULE),
        view_payout(f),
    ];
    (sent_subject(&amount(f, "amount_cents")), parts)
}

fn view_payout(f: &MessageFields) -> EmailPart {
    link(VIEW_PAYOUT, format!("/partner/payouts/{}", text(f, "payout")))
}

// payout.failed
pub fn failed_subject(amount: &str) -> String {
    format!("Your payout of {amount} did not go through")
}

pub fn failed(program: &str, site: &str) -> String {
    format!("Your payout from {program} at {site} {FAILED}. It goes out with a later payout.")
}

/// The pages say the same. An operator's note and Stripe's message are for operators only.
pub const FAILED: &str = "failed; the amount is available again";

fn failed_email(f: &MessageFields) -> Written {
    let facts = rows(vec![(AMOUNT, amount(f, "amount_cents")), (FOR, text(f, "period"))]);
    (failed_subject(&amount(f, "amount_cents")), vec![say(failed(f.program, f.site_name)), facts, view_payout(f)])
}

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

fn onboarding_email(f: &MessageFields) -> Written {
    let due: Vec<&str> = f.payload["due"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let due = requirements::in_words(&due);
    let waiting = amount(f, "amount_cents");
    let parts = vec![
        say(onboarding(&waiting, f.program, f.site_name)),
        rows(vec![(WAITING, waiting.clone()), (STILL_NEEDED, due.join(", "))]),
        link(SET_UP_PAYOUTS, "/partner/payouts/setup".to_owned()),
    ];
    (onboarding_subject(&waiting), parts)
}

// attribution.reply
pub fn reply_subject(site: &str) -> String {
    format!("{site} replied to your question")
}

pub fn reply(program: &str, site: &str) -> String {
    format!("You asked {site} about a customer in {program}. Here is the reply.")
}

pub const YOUR_QUESTION: &str = "Your question";
pub const REPLY: &str = "Reply";
pub const VIEW_QUESTION: &str = "View your question";

fn reply_email(f: &MessageFields) -> Written {
    let parts = vec![
        say(reply(f.program, f.site_name)),
        rows(vec![(YOUR_QUESTION, text(f, "message")), (REPLY, text(f, "reply"))]),
        link(VIEW_QUESTION, format!("/partner/why-not/{}", text(f, "question"))),
    ];
    (reply_subject(f.site_name), parts)
}
