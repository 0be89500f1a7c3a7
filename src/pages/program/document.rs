//! A program's document in plain words: attribution, rewards, payouts and risk rules.

use crate::pages::components;
use crate::pages::locale::Locale;
use crate::pages::operator::text as wording;
use crate::program::document::*;
use crate::program::measure::Funnel;
use maud::{Markup, html};

/// The ledger unit of a program: `cash:usd`.
pub fn unit_of(d: &Document) -> String {
    format!("{}:{}", d.settlement.unit.name(), d.currency)
}

pub fn unit(d: &Document) -> String {
    format!("{}, {}", if d.settlement.unit == Unit::Cash { "cash" } else { "credit" }, d.currency.to_uppercase())
}

pub fn cadence(d: &Document) -> &'static str {
    match d.settlement.cadence {
        Cadence::Instant => "immediately",
        Cadence::Weekly => "every Monday at 09:00 UTC",
        Cadence::Monthly => "on the 1st at 06:00 UTC",
        Cadence::None => "never; this program only tracks visits",
    }
}

/// The whole document.
pub fn readable(locale: &dyn Locale, d: &Document) -> Markup {
    html! {
        p.lead { (d.source) }
        div.columns {
            section { h2 { "Attribution" } (attribution(d)) }
            section { h2 { "Payouts" } (settlement(locale, d)) }
        }
        @if !d.rewards.is_empty() { h2 { "Rewards" } (rewards(locale, d)) }
        @if !d.modifiers.is_empty() || !d.caps.is_empty() { h2 { "Higher rates and caps" } (terms(locale, d)) }
        @if !d.lifecycle.is_empty() { h2 { "Milestones" } (lifecycle(d)) }
        @if let Some(b) = &d.benefit {
            h2 { "Friend's discount" }
            p {
                (locale.percent(b.rate_bps.0)) " off the first invoice, for " (months(b.months)) "."
                @if b.as_promotion_code { " Given as a Stripe promotion code." }
            }
        }
        @if !d.risk.is_empty() { h2 { "Risk rules" } (risk(d)) }
        @if let Some(funnel) = &d.funnel { h2 { "Funnel" } (measured(locale, funnel)) }
    }
}

fn attribution(d: &Document) -> Markup {
    let a = &d.attribution;
    let model = match a.model {
        Model::FirstTouch => "the first touch",
        Model::LastTouch => "the last touch",
    };
    let methods: Vec<&str> = a.methods.iter().map(|m| method(*m)).collect();
    let params: Vec<&str> = d.code.params.iter().map(|p| param(*p)).collect();
    components::facts(&[
        ("Model", html! { (model) " wins" }),
        ("Attribution window", html! { (days(a.window_days)) }),
        ("Methods, in order", html! { (methods.join(", then ")) }),
        ("Codes", html! { (code(&d.code.form)) ", in a link after " (params.join(" or ")) }),
        (
            "Disclosure",
            html! { @if d.requires_disclosure { "required before a partner's links work" } @else { (wording::NOT_REQUIRED) } },
        ),
        (
            "Exclusive with",
            html! {
                @match &a.exclusive_group { Some(group) => { "other programs in the group " code { (group) } } None => "—" }
            },
        ),
    ])
}

fn method(m: Method) -> &'static str {
    match m {
        Method::Code => "a referral code",
        Method::Workspace => "an agency invitation or handover",
        Method::Token => "the visitor's cookie",
        Method::EmailDomain => "the email domain of an account referred earlier",
        Method::Fingerprint => "the visitor's fingerprint",
    }
}

fn param(p: Param) -> &'static str {
    match p {
        Param::Ref => "?ref=",
        Param::Partner => "?partner=",
        Param::Campaign => "?campaign=",
    }
}

fn code(form: &CodeForm) -> String {
    match form {
        CodeForm::Base62 { length } => format!("{length} letters and digits"),
        CodeForm::PrefixedHex { prefix, length } => format!("{prefix} and {length} hexadecimal digits"),
        CodeForm::Hex { length } => format!("{length} hexadecimal digits"),
    }
}

fn settlement(locale: &dyn Locale, d: &Document) -> Markup {
    let (s, unit) = (&d.settlement, unit_of(d));
    let hold = match &d.vesting.hold {
        Hold::None {} => html! { "none; available when granted" },
        Hold::DaysAfterFirstPayment { days: n, void_if_cancelled } => html! {
            "until " (days(*n)) " after the account's first payment"
            @if *void_if_cancelled { "; canceling before then voids it" }
        },
        Hold::UntilState { state, churn_days } => html! {
            "until the account is " (named(state))
            @if *churn_days > 0 { "; canceling within " (days(*churn_days)) " of the first payment voids all earnings" }
        },
    };
    let delivery = match (s.unit, s.delivery) {
        (Unit::Cash, _) => "paid out by Stripe",
        (_, Delivery::Application) => "your app redeems it",
        (_, Delivery::StripeBalance) => "added to the referrer's Stripe customer balance",
        (_, Delivery::Webhook) => "sent to your webhook",
    };
    components::facts(&[
        ("Paid", html! { (cadence(d)) }),
        ("Unit", html! { (self::unit(d)) }),
        ("Hold", hold),
        (
            "Minimum",
            html! { @if s.minimum_cents.0 > 0 { (components::amount(locale, s.minimum_cents.0, &unit)) } @else { "none" } },
        ),
        (
            "Payable",
            html! { @if s.delay_days > 0 { (days(s.delay_days)) " after vesting" } @else { "as soon as it vests" } },
        ),
        ("Delivery", html! { (delivery) }),
        ("Reward budget", html! { @if s.budget { "rewards are paid from a budget that you fund" } @else { "none" } }),
    ])
}

fn rewards(locale: &dyn Locale, d: &Document) -> Markup {
    let unit = unit_of(d);
    html! {
        dl.facts {
            @for r in &d.rewards {
                div {
                    dt { (r.id) }
                    dd {
                        strong { (amount(locale, &r.amount, &unit)) } " " (occasion(&r.on)) ", " (span(&r.span)) (conditions(locale, &r.when, &unit)) "."
                        br; span.quiet { (r.source) }
                    }
                }
            }
        }
    }
}

fn amount(locale: &dyn Locale, a: &RewardAmount, unit: &str) -> Markup {
    html! {
        @if let Some(cents) = a.flat_cents { (components::amount(locale, cents.0, unit)) }
        @if let Some(rate) = a.rate_bps { (locale.percent(rate.0)) " of the amount" }
        @if let Some(cap) = a.cap_cents { ", at most " (components::amount(locale, cap.0, unit)) " per account" }
    }
}

fn occasion(on: &Trigger) -> String {
    match on {
        Trigger::Event(event) => match event.as_str() {
            "invoice.paid" => "when an invoice is paid".to_owned(),
            "subscription.started" => "when a subscription starts".to_owned(),
            "purchase.completed" => "when a purchase is completed".to_owned(),
            other => format!("when “{other}” happens"),
        },
        Trigger::State(state) => format!("when the account is {}", named(state)),
    }
}

fn span(span: &Span) -> String {
    match span {
        Span::Once {} => "once per account".to_owned(),
        Span::Months { from: 0, to: Some(to) } => format!("for the first {}", months(*to)),
        Span::Months { from: 0, to: None } => "for life".to_owned(),
        Span::Months { from, to: Some(to) } => {
            format!("from month {} to month {to} after the first payment", from + 1)
        }
        Span::Months { from, to: None } => format!("from month {} after the first payment, for life", from + 1),
        Span::MonthsSinceFirstMatch { months: n } => format!("for {} after the first reward", months(*n)),
    }
}

fn conditions(locale: &dyn Locale, when: &RewardConditions, unit: &str) -> Markup {
    let sources: Vec<&str> = when.source.iter().map(|s| source(*s)).collect();
    html! {
        @if !sources.is_empty() { ", if the account came through " (sources.join(" or ")) }
        @if let Some(cents) = when.monthly_over_cents { ", if it pays more than " (components::amount(locale, cents.0, unit)) " a month" }
        @if let Some(cents) = when.annual_at_least_cents { ", if the subscription is worth " (components::amount(locale, cents.0, unit)) " a year or more" }
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::DirectLink => "a direct link",
        Source::Agency => "an agency",
        Source::Content => "content",
    }
}

fn terms(locale: &dyn Locale, d: &Document) -> Markup {
    let unit = unit_of(d);
    let condition = |c: &PartnerCondition| match c {
        PartnerCondition::QualifyingReferrals { at_least, per } => {
            let per = if *per == ReferralPeriod::Quarter {
                "in a quarter, for that quarter"
            } else {
                "in total, permanently"
            };
            html! { (at_least) " paying accounts " (per) }
        }
        PartnerCondition::AnnualRevenue { at_least_cents } => {
            html! { "accounts worth " (components::amount(locale, at_least_cents.0, &unit)) " a year, permanently" }
        }
    };
    html! {
        dl.facts {
            @for m in &d.modifiers {
                div {
                    dt { (m.id) }
                    dd {
                        strong { @match &m.then {
                            Effect::AddBps(more) => { (locale.percent(more.0)) " more" }
                            Effect::ReplaceBps(rates) => { @for (n, (reward, rate)) in rates.iter().enumerate() { @if n > 0 { ", " } (locale.percent(rate.0)) " for " (reward) } }
                        } }
                        " with " @for (n, c) in m.when_any.iter().enumerate() { @if n > 0 { ", or " } (condition(c)) } "."
                        br; span.quiet { (m.source) }
                    }
                }
            }
            @for cap in &d.caps {
                div { dt { (cap.reward) } dd { "at most " (components::amount(locale, cap.per_partner_month_cents.0, &unit)) " per partner per month" } }
            }
        }
    }
}

fn lifecycle(d: &Document) -> Markup {
    html! {
        ol { @for s in &d.lifecycle { li {
            strong { (named(&s.state)) } ": " @for (n, c) in s.when.iter().enumerate() { @if n > 0 { ", and " } (condition(c)) }
        } } }
    }
}

fn condition(c: &Condition) -> String {
    match c {
        Condition::SignedUp {} => "signed up".to_owned(),
        Condition::Paid {} => "has a paid invoice that was not refunded".to_owned(),
        Condition::ActiveDays { days: n } => format!("{} since sign-up without canceling", days(*n)),
        Condition::PaidForDays { days: n } => format!("{} since a paid invoice, or a second paid invoice", days(*n)),
        Condition::AnyOf { conditions } => conditions.iter().map(condition).collect::<Vec<_>>().join(", or "),
        Condition::ApiCalls { at_least } => format!("at least {at_least} API calls"),
        Condition::TeamLarger { than } => format!("a team larger than {than}"),
        Condition::ListingsViewed { distinct, within_days } => {
            format!("{distinct} listings viewed within {}", days(*within_days))
        }
        Condition::Happened { event } => format!("“{event}” has happened"),
    }
}

fn risk(d: &Document) -> Markup {
    let when = |r: &Risk| match r {
        Risk::SameEmail {} => "The account has the partner's email address".to_owned(),
        Risk::SameDomain {} => "The account has the partner's email domain".to_owned(),
        Risk::SignupsInMonth { more_than } => {
            format!("A partner's sign-ups beyond {more_than} in a month")
        }
    };
    html! {
        ul { @for r in &d.risk { li {
            (when(&r.when)) @if r.then == RiskAction::Hold { ": on hold until you decide." } @else { ": flagged for your information; nothing is on hold." }
        } } }
    }
}

fn measured(locale: &dyn Locale, funnel: &Funnel) -> Markup {
    html! {
        ol { @for s in &funnel.stages { li {
            (s.title) " " span.quiet { (s.events.join(", ")) }
            @if let Some(band) = s.band_bps { ": target " (locale.percent(band.from.0)) " to " (locale.percent(band.to.0)) " of visits" }
        } } }
        p.quiet { "The weakest step is shown once there are " (locale.number(funnel.sample_min)) " visits." }
    }
}

fn named(state: &str) -> String {
    state.replace('_', " ")
}

fn days(number: i64) -> String {
    if number == 1 { "1 day".to_owned() } else { format!("{number} days") }
}

fn months(number: i64) -> String {
    if number == 1 { "1 month".to_owned() } else { format!("{number} months") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::locale::Plain;
    use crate::program::catalog::PRESETS;

    #[test]
    fn every_preset_reads() {
        for (id, text) in PRESETS {
            let document: Document = serde_json::from_str(text).unwrap();
            let shown = readable(&Plain, &document).0;
            assert!(shown.contains("Attribution"), "{id}");
            for reward in &document.rewards {
                assert!(shown.contains(&format!("<dt>{}</dt>", reward.id)), "{id}: {}", reward.id);
            }
        }
    }

    #[test]
    fn spans_are_sentences() {
        for (form, want) in [
            (Span::Once {}, "once per account"),
            (Span::Months { from: 0, to: Some(12) }, "for the first 12 months"),
            (Span::Months { from: 12, to: None }, "from month 13 after the first payment, for life"),
            (Span::Months { from: 12, to: Some(24) }, "from month 13 to month 24 after the first payment"),
            (Span::MonthsSinceFirstMatch { months: 1 }, "for 1 month after the first reward"),
        ] {
            assert_eq!(span(&form), want);
        }
    }
}
