//! Emails to the referred side.

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
