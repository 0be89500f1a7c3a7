//! A program's document in plain words, for operators.

use crate::program::document::{CodeForm, Method};
use crate::program::settlement::{Cadence, Delivery, Unit};

// Sections.
pub const REWARDS: &str = "Rewards";
pub const RATES_AND_CAPS: &str = "Higher rates and caps";
pub const DISCOUNT: &str = "Friend's discount";
pub const RISK_RULES: &str = "Risk rules";

// Units and schedules.
pub const PAYS_NOTHING: &str = "nothing";

pub fn unit(unit: Unit, currency: &str) -> String {
    let kind = match unit {
        Unit::Cash => "cash",
        Unit::Credit => "credit",
    };
    format!("{kind}, {}", currency.to_uppercase())
}

pub fn cadence(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Instant => "immediately",
        Cadence::Weekly => "every Monday at 09:00 UTC",
        Cadence::Monthly => "on the 1st at 06:00 UTC",
        Cadence::None => "never; this program only tracks visits",
    }
}

pub fn days(number: i64) -> String {
    if number == 1 { "1 day".to_owned() } else { format!("{number} days") }
}

pub fn months(number: i64) -> String {
    if number == 1 { "1 month".to_owned() } else { format!("{number} months") }
}

// Attribution.
pub const MODEL: &str = "Model";
pub const FIRST_TOUCH: &str = "the first touch wins";
pub const LAST_TOUCH: &str = "the last touch wins";
pub const WINDOW: &str = "Attribution window";
pub const METHODS: &str = "Methods, in order";
pub const THEN: &str = ", then ";
pub const ONE_DOMAIN: &str = "Accounts of one email domain";
pub const CODES: &str = "Codes";
pub const OR: &str = " or ";
pub const DISCLOSURE_REQUIRED: &str = "required before a partner's links work";
pub const EXCLUSIVE: &str = "Exclusive with";
pub const EXCLUSIVE_GROUP: &str = "other programs in the group ";

pub fn method(method: Method) -> &'static str {
    match method {
        Method::Code => "a referral code",
        Method::Workspace => "an agency invitation or handover",
        Method::Token => "the visitor's cookie",
        Method::EmailDomain => "the email domain of an account referred earlier",
        Method::Fingerprint => "the visitor's fingerprint",
    }
}

/// `params`: `?ref= or ?partner=`.
pub fn codes(form: &CodeForm, params: &str) -> String {
    let code = match form {
        CodeForm::Base62 { length } => format!("{length} letters and digits"),
        CodeForm::PrefixedHex { prefix, length } => format!("{prefix} and {length} hexadecimal digits"),
        CodeForm::Hex { length } => format!("{length} hexadecimal digits"),
    };
    format!("{code}, in a link after {params}")
}

// Payouts.
pub const HOLD: &str = "Hold";
pub const MINIMUM: &str = "Minimum";
pub const PAYABLE: &str = "Payable";
pub const PAYABLE_AT_ONCE: &str = "as soon as it vests";
pub const DELIVERY: &str = "Delivery";
pub const FROM_BUDGET: &str = "rewards are paid from a budget that you fund";
pub const NONE: &str = "none";

pub fn payable_after(days: &str) -> String {
    format!("{days} after vesting")
}

pub fn delivery(unit: Unit, delivery: Delivery) -> &'static str {
    match (unit, delivery) {
        (Unit::Cash, _) => "paid out by Stripe",
        (_, Delivery::Application) => "your app redeems it",
        (_, Delivery::StripeBalance) => "added to the referrer's Stripe customer balance",
        (_, Delivery::Webhook) => "sent to your webhook",
    }
}

// Milestones.
pub const AND: &str = ", and ";

// The friend's discount.
pub const AS_PROMOTION_CODE: &str = " Given as a Stripe promotion code.";

pub fn discount(percent: &str, months: &str) -> String {
    format!("{percent} off the first invoice, for {months}.")
}

// Risk rules.
pub const SAME_EMAIL: &str = "The account has the partner's email address";
pub const SAME_DOMAIN: &str = "The account has the partner's email domain";
pub const HELD: &str = ": on hold until you decide.";
pub const FLAGGED: &str = ": flagged for your information; nothing is on hold.";

pub fn held_beyond(number: i64) -> String {
    format!("those beyond {number} in a month are on hold until you decide")
}

pub fn signups_beyond(number: i64) -> String {
    format!("A partner's sign-ups beyond {number} in a month")
}

// The funnel.
pub fn target(from: &str, to: &str) -> String {
    format!(": target {from} to {to} of visits")
}

pub fn sample(visits: &str) -> String {
    format!("The weakest step is shown once there are {visits} visits.")
}
