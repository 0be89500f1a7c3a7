//! Emails to the referred side.

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
