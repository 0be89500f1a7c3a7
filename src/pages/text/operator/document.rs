//! A program's document in plain words, for operators.

use crate::program::document::{CodeForm, Method, Source};
use crate::program::settlement::{Cadence, Delivery, Unit};

// Sections.
pub const REWARDS: &str = "Rewards";
pub const RATES_AND_CAPS: &str = "Higher rates and caps";
pub const DISCOUNT: &str = "Friend's discount";
pub const RISK_RULES: &str = "Risk rules";

// Units and schedules.
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
pub const NO_HOLD: &str = "none; available when granted";
pub const MINIMUM: &str = "Minimum";
pub const PAYABLE: &str = "Payable";
pub const PAYABLE_AT_ONCE: &str = "as soon as it vests";
pub const DELIVERY: &str = "Delivery";
pub const FROM_BUDGET: &str = "rewards are paid from a budget that you fund";
pub const NONE: &str = "none";

pub fn hold_days(days: &str, is_voided: bool) -> String {
    let voided = if is_voided { "; canceling before then voids it" } else { "" };
    format!("until {days} after the account's first payment{voided}")
}

/// `churn`: the days within which canceling voids everything.
pub fn hold_until(state: &str, churn: Option<&str>) -> String {
    let voided = churn
        .map_or(String::new(), |days| format!("; canceling within {days} of the first payment voids all earnings"));
    format!("until the account is {state}{voided}")
}

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

// Rewards: the amount, the occasion, the time and the conditions make one sentence.
pub const CAP: [&str; 2] = [", at most ", " per account"];
pub const ONCE: &str = "once per account";
pub const FOR_LIFE: &str = "for life";
pub const IF_MONTHLY: [&str; 2] = [", if it pays more than ", " a month"];
pub const IF_ANNUAL: [&str; 2] = [", if the subscription is worth ", " a year or more"];

pub fn of_amount(percent: &str) -> String {
    format!("{percent} of the amount")
}

pub fn when_event(event: &str) -> String {
    match event {
        "invoice.paid" => "when an invoice is paid".to_owned(),
        "subscription.started" => "when a subscription starts".to_owned(),
        "purchase.completed" => "when a purchase is completed".to_owned(),
        other => format!("when “{other}” happens"),
    }
}

pub fn when_state(state: &str) -> String {
    format!("when the account is {state}")
}

pub fn for_the_first(months: &str) -> String {
    format!("for the first {months}")
}

pub fn months_between(from: i64, to: i64) -> String {
    format!("from month {from} to month {to} after the first payment")
}

pub fn months_from(from: i64) -> String {
    format!("from month {from} after the first payment, for life")
}

pub fn months_since_first(months: &str) -> String {
    format!("for {months} after the first reward")
}

pub fn if_source(sources: &[Source]) -> String {
    let names = sources.iter().map(|source| match source {
        Source::DirectLink => "a direct link",
        Source::Agency => "an agency",
        Source::Content => "content",
    });
    format!(", if the account came through {}", names.collect::<Vec<_>>().join(OR))
}

// Higher rates and caps.
pub const WITH: &str = " with ";
pub const ANY_OF: &str = ", or ";
pub const BETWEEN_RATES: &str = ", ";
pub const REVENUE: [&str; 2] = ["accounts worth ", " a year, permanently"];
pub const MONTHLY_CAP: [&str; 2] = ["at most ", " per partner per month"];

pub fn more(percent: &str) -> String {
    format!("{percent} more")
}

pub fn rate_for(percent: &str, reward: &str) -> String {
    format!("{percent} for {reward}")
}

pub fn referrals_in_quarter(accounts: i64) -> String {
    format!("{accounts} paying accounts in a quarter, for that quarter")
}

pub fn referrals_in_total(accounts: i64) -> String {
    format!("{accounts} paying accounts in total, permanently")
}

// Milestones.
pub const SIGNED_UP: &str = "signed up";
pub const HAS_PAID: &str = "has a paid invoice that was not refunded";
pub const AND: &str = ", and ";

pub fn active_for(days: &str) -> String {
    format!("{days} since sign-up without canceling")
}

pub fn paid_for(days: &str) -> String {
    format!("{days} since a paid invoice, or a second paid invoice")
}

pub fn api_calls(at_least: i64) -> String {
    format!("at least {at_least} API calls")
}

pub fn team_larger(than: i64) -> String {
    format!("a team larger than {than}")
}

pub fn listings_viewed(distinct: i64, days: &str) -> String {
    format!("{distinct} listings viewed within {days}")
}

pub fn happened(event: &str) -> String {
    format!("“{event}” has happened")
}

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
