//! Emails to the referred side.

use crate::codec::message::email::fields::MessageFields;
use crate::codec::message::email::money::percent;
use crate::codec::message::email::words::parts::{MessageWords, Written, amount, say};
use crate::engine::message::MessageType;

/// What the message types to this audience say.
pub fn of(kind: MessageType) -> Option<MessageWords> {
    Some(match kind {
        MessageType::RewardGrantedReferee => {
            MessageWords::optional(referee_email, "when you get a reward for signing up through a referral")
        }
        _ => return None,
    })
}

/// Why the reader receives the email.
pub fn why(program: &str) -> String {
    format!("You're receiving this email because you signed up through a {program} referral.")
}

// reward.granted.referee
pub fn thanks(program: &str) -> String {
    format!("Thank you for joining through {program}")
}

pub fn referrer_rewarded(amount: &str) -> String {
    format!("Someone referred you to us, and they have now received a reward of {amount}.")
}

pub fn benefit(percent: &str) -> String {
    format!("You get {percent} off your first invoice.")
}

fn referee_email(f: &MessageFields) -> Written {
    let mut parts = vec![say(referrer_rewarded(&amount(f, "amount_cents")))];
    parts.extend(f.benefit_bps.map(|bps| say(benefit(&percent(bps)))));
    (thanks(f.program), parts)
}
