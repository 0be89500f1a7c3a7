//! A program's document in plain words: attribution, rewards, payouts and risk rules.

use crate::pages::components;
use crate::pages::locale::Locale;
use crate::pages::text::operator::{common, document as wording, navigation};
use crate::pages::text::terms::{Audience, Reader};
use crate::program::document::*;
use crate::program::measure::Funnel;
use maud::{Markup, html};

/// The ledger unit of a program: `cash:usd`.
pub fn unit_of(d: &Document) -> String {
    format!("{}:{}", d.settlement.unit.name(), d.currency)
}

pub fn unit(d: &Document) -> String {
    if d.pays() { wording::unit(d.settlement.unit, &d.currency) } else { wording::PAYS_NOTHING.to_owned() }
}

pub fn cadence(d: &Document) -> &'static str {
    wording::cadence(d.settlement.cadence)
}

/// The whole document.
pub fn readable(locale: &dyn Locale, d: &Document) -> Markup {
    let reader = Reader::new(d, locale, Audience::Operator);
    html! {
        p.lead { (d.source) }
        div.columns {
            section { h2 { (common::ATTRIBUTION) } (attribution(d)) }
            section { h2 { (common::PAYOUTS) } (settlement(locale, d)) }
        }
        @if d.pays() { h2 { (wording::REWARDS) } (rewards(&reader, d)) }
        @if !d.modifiers.is_empty() || !d.caps.is_empty() { h2 { (wording::RATES_AND_CAPS) } (modifiers_and_caps(&reader, d)) }
        @if !d.lifecycle.is_empty() { h2 { (common::MILESTONES) } (lifecycle(&reader, d)) }
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
    let most = a.domain_accounts_in_month.unwrap_or(DOMAIN_ACCOUNTS);
    let by_domain = a.methods.contains(&Method::EmailDomain);
    let mut facts = vec![
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
    ];
    facts.extend(by_domain.then(|| (wording::ONE_DOMAIN, html! { (wording::held_beyond(most)) })));
    components::facts(&facts)
}

fn param(p: Param) -> &'static str {
    match p {
        Param::Ref => "?ref=",
        Param::Partner => "?partner=",
        Param::Campaign => "?campaign=",
    }
}

fn settlement(locale: &dyn Locale, d: &Document) -> Markup {
    if !d.pays() {
        return components::facts(&[(common::UNIT, html! { (self::unit(d)) })]);
    }
    let (s, unit) = (&d.settlement, unit_of(d));
    let hold = Reader::new(d, locale, Audience::Operator).hold();
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

fn rewards(reader: &Reader, d: &Document) -> Markup {
    html! {
        dl.facts {
            @for r in &d.rewards { div { dt { (r.id) } dd { (reader.reward(r)) br; span.quiet { (r.source) } } } }
        }
    }
}

fn modifiers_and_caps(reader: &Reader, d: &Document) -> Markup {
    html! {
        dl.facts {
            @for m in &d.modifiers { div { dt { (m.id) } dd { (reader.modifier(m)) br; span.quiet { (m.source) } } } }
            @for cap in &d.caps { div { dt { (cap.reward) } dd { (reader.cap(cap)) } } }
        }
    }
}

fn lifecycle(reader: &Reader, d: &Document) -> Markup {
    html! {
        ol { @for s in &d.lifecycle { li {
            strong { (named(&s.state)) } ": " @for (n, c) in s.when.iter().enumerate() { @if n > 0 { (wording::AND) } (reader.condition(c)) }
        } } }
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
}
