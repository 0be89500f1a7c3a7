//! Emails to the referred side.

use crate::codec::message::email::fields::MessageFields;
use crate::codec::message::email::money::percent;
use crate::codec::message::email::words::parts::{MessageWords, Written, amount, say};
use crate::engine::message::MessageType;

/// What the message types to this audience say.
pub fn of(kind: MessageType) -> Option<MessageWords> {
    Some(match kind {
        MessageType::RewardGrantedReferee => {
            MessageWords::optional(referee_email, "when someone gets a reward for referring you")
        }
        _ => return None,
    })
}

/// Why the reader receives the email.
pub fn why(program: &str, site: &str) -> String {
    format!("You're receiving this email because you signed up for {site} through a referral ({program}).")
}

// reward.granted.referee
pub fn thanks(site: &str) -> String {
    format!("Thank you for joining {site}")
}

pub fn referrer_rewarded(site: &str, amount: &str) -> String {
    format!("Someone referred you to {site}, and they have now received a reward of {amount}.")
}

pub fn benefit(percent: &str) -> String {
    format!("You get {percent} off your first invoice.")
}

fn referee_email(f: &MessageFields) -> Written {
    let mut parts = vec![say(referrer_rewarded(f.site_name, &amount(f, "amount_cents")))];
    parts.extend(f.benefit_bps.map(|bps| say(benefit(&percent(bps)))));
    (thanks(f.site_name), parts)
}
