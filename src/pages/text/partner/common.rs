//! Columns, figures and links that several partner pages have.

pub use crate::pages::text::shared::chart::DATE;

pub const AMOUNT: &str = "Amount";
pub const CHANGE: &str = "Change";
pub const CREATED: &str = "Created";
pub const CUSTOMER: &str = "Customer";
pub const LINK: &str = "Link";
pub const NONE: &str = "None";
pub const PARTNER: &str = "Partner";
pub const REASON: &str = "Reason";
pub const STATE: &str = "State";

pub const CLICKS: &str = "Clicks";
pub const SIGN_UPS: &str = "Sign-ups";
pub const PAYING_CUSTOMERS: &str = "Paying customers";

pub const AVAILABLE: &str = "Available";
pub const EARNED: &str = "Earned";
pub const PAID: &str = "Paid";
pub const REVERSED: &str = "Reversed";
pub const USED: &str = "Used";
/// What becomes of a negative balance.
pub const FUTURE_EARNINGS: &str = "future earnings make up for it";
/// The same while a payout that was not sent can be reduced by it.
pub const WAITING_PAYOUT: &str = "your waiting payout makes up for it";

pub const NOTHING_EARNED: &str = "Nothing earned yet";
pub const SET_UP_PAYOUTS: &str = "Set up payouts";
pub const SHARE_YOUR_LINK: &str = "Share your link";
