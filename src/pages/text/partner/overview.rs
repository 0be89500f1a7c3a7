//! The first page.

pub use crate::pages::text::partner::common::{
    AVAILABLE, CLICKS, EARNED, FUTURE_EARNINGS, NOTHING_EARNED, PAID, PAYING_CUSTOMERS, SET_UP_PAYOUTS,
    SHARE_YOUR_LINK, SIGN_UPS, USED, WAITING_PAYOUT,
};
use crate::program::document::Document;

pub fn hello(name: &str) -> String {
    format!("Hello, {name}")
}

// What to do next.
pub const NEXT_STEPS: &str = "What to do next";
pub const UNDISCLOSED: &str = "Your links do not work yet.";
pub const DISCLOSE: &str = "I will disclose this";
pub const SET_UP_PAYOUTS_OWED: &str = "You have earned money. Set up payouts";
pub const STRIPE_ASKS: &str = ". Stripe will ask you a few questions.";
pub const FINISH_STRIPE: &str = "Finish your Stripe setup";
pub const SHARE_DRAFTED: &str = ". We have drafted the messages for you.";
pub const CREATE_LINKS: &str = "Create a link for each place";
pub const CREATE_LINKS_WHY: &str = " you share, and see which one works best.";

/// What the program requires before links work.
pub fn disclosure_required(document: &Document) -> &'static str {
    if !document.pays() {
        "This program requires you to disclose that you are a partner whenever you share your links."
    } else {
        "This program requires you to disclose that you may earn a reward when people sign up through your links."
    }
}

/// After the link to finish the setup.
pub fn stripe_setup(due: &[&str]) -> String {
    if due.is_empty() {
        ". Stripe is reviewing your details.".to_owned()
    } else {
        format!(". Stripe still needs: {}.", due.join(", "))
    }
}

// A partner who has left.
pub const SUSPENDED: &str = "Your participation is paused";
pub const SUSPENDED_EFFECT: &str = "The program's operator has paused it. Your links don't count for now, and nothing is paid out until it is resumed. \
                                    Please contact them if you have questions.";
pub const LEFT: &str = "You have left this program";
/// Before the day.
pub const LEFT_ON: &str = "You left on ";
pub const LEFT_KEEPS: &str =
    ". Your links no longer earn anything. What you earned before is still yours, on the program's terms.";

// The figures.
pub const EARNED_NOTE: &str = "all time";
pub const THIS_MONTH: &str = "This month";
/// Before the end of the month.
pub const THIS_MONTH_NOTE: &str = "estimate, through ";
pub const PENDING: &str = "Pending";
pub const PENDING_NOTE: &str = "in the hold period";
pub const AVAILABLE_NOTE: &str = "not paid yet";
pub const AVAILABLE_CREDIT_NOTE: &str = "not used yet";
/// After an amount.
pub const ON_ITS_WAY_NOTE: &str = " more is on its way";
/// Before what becomes of it.
pub const OVERDRAWN_NOTE: &str = "reversed after payout; ";
pub const PAID_NOTE: &str = "sent to you";
pub const USED_NOTE: &str = "redeemed or applied for you";

// The link and its visits.
pub const YOUR_LINK: &str = "Your link";
pub const LAST_30_DAYS: &str = "The last 30 days";
pub const IN_30_DAYS: &str = "in 30 days";
pub const CHART: &str = "Clicks, sign-ups, and paying customers by day (UTC), last 30 days";
pub const NO_VISITS: &str = "No visits yet";
pub const CLICKS_SOON: &str = ". Clicks show up within a minute.";

// The newest earnings.
pub const LATEST: &str = "Latest earnings";
pub const NOTHING_EARNED_HINT: &str = "When a customer you referred earns you something, you'll see it here, and why.";
pub const ALL_EARNINGS: &str = "All earnings";
