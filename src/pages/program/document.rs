//! A program's document in plain words: attribution, rewards, payouts and risk rules.

use crate::pages::components;
use crate::pages::locale::Locale;
use crate::pages::text::operator::{common, document as wording, navigation};
use crate::program::document::*;
use crate::program::measure::Funnel;
use maud::{Markup, html};

/// The ledger unit of a program: `cash:usd`.
pub fn unit_of(d: &Document) -> String {
    format!("{}:{}", d.settlement.unit.name(), d.currency)
}

pub fn unit(d: &Document) -> String {
    wording::unit(d.settlement.unit, &d.currency)
}

pub fn cadence(d: &Document) -> &'static str {
    wording::cadence(d.settlement.cadence)
}

/// The whole document.
pub fn readable(locale: &dyn Locale, d: &Document) -> Markup {
    html! {
        p.lead { (d.source) }
        div.columns {
            section { h2 { (common::ATTRIBUTION) } (attribution(d)) }
            section { h2 { (common::PAYOUTS) } (settlement(locale, d)) }
        }
        @if !d.rewards.is_empty() { h2 { (wording::REWARDS) } (rewards(locale, d)) }
        @if !d.modifiers.is_empty() || !d.caps.is_empty() { h2 { (wording::RATES_AND_CAPS) } (terms(locale, d)) }
        @if !d.lifecycle.is_empty() { h2 { (common::MILESTONES) } (lifecycle(d)) }
        @if let Some(b) = &d.benefit {
            h2 { (wording::DISCOUNT) }
            p {
                (wording::discount(&locale.percent(b.rate_bps.0), &wording::months(b.months)))
                @if b.as_promotion_code { (wording::AS_PROMOTION_CODE) }
            }
        }
        @if !d.risk.is_empty() { h2 { (wording::RISK_RULES) } (risk(d)) }
        @if let Some(funnel) = &d.funnel { h2 { (navigation::FUNNEL) } (measured(locale, funnel)) }
    }
}

fn attribution(d: &Document) -> Markup {
    let a = &d.attribution;
    let model = match a.model {
        Model::FirstTouch => wording::FIRST_TOUCH,
        Model::LastTouch => wording::LAST_TOUCH,
    };
    let methods: Vec<&str> = a.methods.iter().map(|m| wording::method(*m)).collect();
    let params: Vec<&str> = d.code.params.iter().map(|p| param(*p)).collect();
    components::facts(&[
        (wording::MODEL, html! { (model) }),
        (wording::WINDOW, html! { (wording::days(a.window_days)) }),
        (wording::METHODS, html! { (methods.join(wording::THEN)) }),
        (wording::CODES, html! { (wording::codes(&d.code.form, &params.join(wording::OR))) }),
        (
            common::DISCLOSURE,
            html! { (if d.requires_disclosure { wording::DISCLOSURE_REQUIRED } else { common::NOT_REQUIRED }) },
        ),
        (
            wording::EXCLUSIVE,
            html! {
                @match &a.exclusive_group { Some(group) => { (wording::EXCLUSIVE_GROUP) code { (group) } } None => (common::NONE) }
            },
        ),
    ])
}

fn param(p: Param) -> &'static str {
    match p {
        Param::Ref => "?ref=",
        Param::Partner => "?partner=",
        Param::Campaign => "?campaign=",
    }
}

fn settlement(locale: &dyn Locale, d: &Document) -> Markup {
    let (s, unit) = (&d.settlement, unit_of(d));
    let hold = match &d.vesting.hold {
        Hold::None {} => wording::NO_HOLD.to_owned(),
        Hold::DaysAfterFirstPayment { days, void_if_cancelled } => {
            wording::hold_days(&wording::days(*days), *void_if_cancelled)
        }
        Hold::UntilState { state, churn_days } => {
            let churn = (*churn_days > 0).then(|| wording::days(*churn_days));
            wording::hold_until(&named(state), churn.as_deref())
        }
    };
    let payable = match s.delay_days {
        days if days > 0 => wording::payable_after(&wording::days(days)),
        _ => wording::PAYABLE_AT_ONCE.to_owned(),
    };
    components::facts(&[
        (common::PAID, html! { (cadence(d)) }),
        (common::UNIT, html! { (self::unit(d)) }),
        (wording::HOLD, html! { (hold) }),
        (
            wording::MINIMUM,
            html! { @if s.minimum_cents.0 > 0 { (components::amount(locale, s.minimum_cents.0, &unit)) } @else { (wording::NONE) } },
        ),
        (wording::PAYABLE, html! { (payable) }),
        (wording::DELIVERY, html! { (wording::delivery(s.unit, s.delivery)) }),
        (common::REWARD_BUDGET, html! { (if s.budget { wording::FROM_BUDGET } else { wording::NONE }) }),
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
        @if let Some(rate) = a.rate_bps { (wording::of_amount(&locale.percent(rate.0))) }
        @if let Some(cap) = a.cap_cents { (wording::CAP[0]) (components::amount(locale, cap.0, unit)) (wording::CAP[1]) }
    }
}

fn occasion(on: &Trigger) -> String {
    match on {
        Trigger::Event(event) => wording::when_event(event),
        Trigger::State(state) => wording::when_state(&named(state)),
    }
}

fn span(span: &Span) -> String {
    match span {
        Span::Once {} => wording::ONCE.to_owned(),
        Span::Months { from: 0, to: Some(to) } => wording::for_the_first(&wording::months(*to)),
        Span::Months { from: 0, to: None } => wording::FOR_LIFE.to_owned(),
        Span::Months { from, to: Some(to) } => wording::months_between(from + 1, *to),
        Span::Months { from, to: None } => wording::months_from(from + 1),
        Span::MonthsSinceFirstMatch { months } => wording::months_since_first(&wording::months(*months)),
    }
}

fn conditions(locale: &dyn Locale, when: &RewardConditions, unit: &str) -> Markup {
    html! {
        @if !when.source.is_empty() { (wording::if_source(&when.source)) }
        @if let Some(cents) = when.monthly_over_cents { (wording::IF_MONTHLY[0]) (components::amount(locale, cents.0, unit)) (wording::IF_MONTHLY[1]) }
        @if let Some(cents) = when.annual_at_least_cents { (wording::IF_ANNUAL[0]) (components::amount(locale, cents.0, unit)) (wording::IF_ANNUAL[1]) }
    }
}

fn terms(locale: &dyn Locale, d: &Document) -> Markup {
    let unit = unit_of(d);
    let condition = |c: &PartnerCondition| match c {
        PartnerCondition::QualifyingReferrals { at_least, per } => {
            let sentences = match per {
                ReferralPeriod::Quarter => wording::referrals_in_quarter(*at_least),
                ReferralPeriod::Total => wording::referrals_in_total(*at_least),
            };
            html! { (sentences) }
        }
        PartnerCondition::AnnualRevenue { at_least_cents } => {
            html! { (wording::REVENUE[0]) (components::amount(locale, at_least_cents.0, &unit)) (wording::REVENUE[1]) }
        }
    };
    html! {
        dl.facts {
            @for m in &d.modifiers {
                div {
                    dt { (m.id) }
                    dd {
                        strong { @match &m.then {
                            Effect::AddBps(more) => { (wording::more(&locale.percent(more.0))) }
                            Effect::ReplaceBps(rates) => { @for (n, (reward, rate)) in rates.iter().enumerate() { @if n > 0 { (wording::BETWEEN_RATES) } (wording::rate_for(&locale.percent(rate.0), reward)) } }
                        } }
                        (wording::WITH) @for (n, c) in m.when_any.iter().enumerate() { @if n > 0 { (wording::ANY_OF) } (condition(c)) } "."
                        br; span.quiet { (m.source) }
                    }
                }
            }
            @for cap in &d.caps {
                div { dt { (cap.reward) } dd { (wording::MONTHLY_CAP[0]) (components::amount(locale, cap.per_partner_month_cents.0, &unit)) (wording::MONTHLY_CAP[1]) } }
            }
        }
    }
}

fn lifecycle(d: &Document) -> Markup {
    html! {
        ol { @for s in &d.lifecycle { li {
            strong { (named(&s.state)) } ": " @for (n, c) in s.when.iter().enumerate() { @if n > 0 { (wording::AND) } (condition(c)) }
        } } }
    }
}

fn condition(c: &Condition) -> String {
    match c {
        Condition::SignedUp {} => wording::SIGNED_UP.to_owned(),
        Condition::Paid {} => wording::HAS_PAID.to_owned(),
        Condition::ActiveDays { days } => wording::active_for(&wording::days(*days)),
        Condition::PaidForDays { days } => wording::paid_for(&wording::days(*days)),
        Condition::AnyOf { conditions } => conditions.iter().map(condition).collect::<Vec<_>>().join(wording::ANY_OF),
        Condition::ApiCalls { at_least } => wording::api_calls(*at_least),
        Condition::TeamLarger { than } => wording::team_larger(*than),
        Condition::ListingsViewed { distinct, within_days } => {
            wording::listings_viewed(*distinct, &wording::days(*within_days))
        }
        Condition::Happened { event } => wording::happened(event),
    }
}

fn risk(d: &Document) -> Markup {
    let when = |r: &Risk| match r {
        Risk::SameEmail {} => wording::SAME_EMAIL.to_owned(),
        Risk::SameDomain {} => wording::SAME_DOMAIN.to_owned(),
        Risk::SignupsInMonth { more_than } => wording::signups_beyond(*more_than),
    };
    html! {
        ul { @for r in &d.risk { li {
            (when(&r.when)) (if r.then == RiskAction::Hold { wording::HELD } else { wording::FLAGGED })
        } } }
    }
}

fn measured(locale: &dyn Locale, funnel: &Funnel) -> Markup {
    html! {
        ol { @for s in &funnel.stages { li {
            (s.title) " " span.quiet { (s.events.join(", ")) }
            @if let Some(band) = s.band_bps { (wording::target(&locale.percent(band.from.0), &locale.percent(band.to.0))) }
        } } }
        p.quiet { (wording::sample(&locale.number(funnel.sample_min))) }
    }
}

fn named(state: &str) -> String {
    state.replace('_', " ")
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
            assert!(shown.contains(common::ATTRIBUTION), "{id}");
            for reward in &document.rewards {
                assert!(shown.contains(&format!("<dt>{}</dt>", reward.id)), "{id}: {}", reward.id);
            }
        }
    }

    #[test]
    fn spans_are_sentences() {
        for (form, want) in [
            (Span::Once {}, wording::ONCE.to_owned()),
            (Span::Months { from: 0, to: Some(12) }, wording::for_the_first("12 months")),
            (Span::Months { from: 12, to: None }, wording::months_from(13)),
            (Span::Months { from: 12, to: Some(24) }, wording::months_between(13, 24)),
            (Span::MonthsSinceFirstMatch { months: 1 }, wording::months_since_first("1 month")),
        ] {
            assert_eq!(span(&form), want);
        }
    }
}
