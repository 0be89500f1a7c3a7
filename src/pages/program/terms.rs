//! A program's terms in plain words, from its document: what a partner earns, when, and what it takes.

use crate::pages::locale::Locale;
use crate::program::document::{
    Condition, Document, Effect, Hold, Model, Modifier, PartnerCondition, ReferralPeriod, Reward, Source, Span, Trigger,
};
use crate::program::settlement::{Cadence, Delivery, Unit};
use maud::{Markup, html};

/// The terms as names and sentences.
pub fn terms(d: &Document, words: &dyn Locale) -> Markup {
    let reader = Reader { d, words };
    let rows = [
        ("You earn", reader.rewards()),
        ("You earn more", d.modifiers.iter().map(|m| reader.modifier(m)).collect()),
        ("At most", reader.caps()),
        ("It is yours", vec![reader.hold()]),
        ("You get it", vec![reader.settlement()]),
        ("It counts as yours", vec![reader.attribution()]),
        ("Who comes gets", reader.benefit()),
    ];
    html! {
        dl.facts {
            @for (name, sentences) in rows.iter().filter(|(_, sentences)| !sentences.is_empty()) {
                div {
                    dt { (name) }
                    dd { @for sentence in sentences { p { (sentence) } } }
                }
            }
        }
    }
}

struct Reader<'a> {
    d: &'a Document,
    words: &'a dyn Locale,
}

impl Reader<'_> {
    fn money(&self, cents: i64) -> String {
        self.words.money(cents, &self.d.currency)
    }

    fn rewards(&self) -> Vec<String> {
        if self.d.rewards.is_empty() {
            return vec!["Nothing in money: this program counts what your links lead to, and shows you.".to_owned()];
        }
        self.d.rewards.iter().map(|r| self.reward(r)).collect()
    }

    fn reward(&self, r: &Reward) -> String {
        let mut out = match (r.amount.flat_cents, r.amount.rate_bps) {
            (Some(flat), _) => format!("{} once a client {}", self.money(flat.0), self.trigger(&r.on)),
            (None, Some(rate)) => {
                let rate = self.words.percent(rate.0);
                match &r.on {
                    Trigger::Event(event) if event == "invoice.paid" => format!("{rate} of what a client pays"),
                    Trigger::Event(event) if event == "purchase.completed" => {
                        format!("{rate} of a client's first purchase")
                    }
                    on => format!("{rate} once a client {}", self.trigger(on)),
                }
            }
            (None, None) => String::new(),
        };
        if let Some(over) = r.when.monthly_over_cents {
            out.push_str(&format!(", where that is more than {} a month", self.money(over.0)));
        }
        if let Some(least) = r.when.annual_at_least_cents {
            out.push_str(&format!(" of at least {} a year", self.money(least.0)));
        }
        let came: Vec<&str> = r.when.source.iter().map(|s| came_by(*s)).collect();
        if !came.is_empty() {
            out.push_str(&format!(", where the client came {}", came.join(" or ")));
        }
        if r.amount.rate_bps.is_some() {
            out.push_str(&self.span(&r.span));
        }
        if let Some(cap) = r.amount.cap_cents {
            out.push_str(&format!(", at most {} for one client", self.money(cap.0)));
        }
        sentence(&out)
    }

    fn span(&self, span: &Span) -> String {
        let number = |n: i64| self.words.number(n);
        match span {
            Span::Once {} => String::new(),
            Span::Months { from: 0, to: Some(to) } => format!(", for the first {} months", number(*to)),
            Span::Months { from: 0, to: None } => ", for as long as they pay".to_owned(),
            Span::Months { from, to: Some(to) } => {
                format!(", from month {} to month {}", number(from + 1), number(*to))
            }
            Span::Months { from, to: None } => format!(", from month {} on, for as long as they pay", number(from + 1)),
            Span::MonthsSinceFirstMatch { months } => format!(", for {} months", number(*months)),
        }
    }

    /// Goes on "once a client …".
    fn trigger(&self, on: &Trigger) -> String {
        match on {
            Trigger::Event(event) => does(event),
            Trigger::State(state) => self.state(state),
        }
    }

    fn state(&self, name: &str) -> String {
        let conditions = self.d.state(name).map(|s| s.when.as_slice()).unwrap_or_default();
        // Who has paid, or stayed, has signed up.
        let told = conditions.iter().filter(|c| conditions.len() == 1 || !matches!(c, Condition::SignedUp {}));
        let told: Vec<String> = told.map(|c| self.condition(c)).collect();
        if told.is_empty() { format!("is {}", name.replace('_', " ")) } else { told.join(" and ") }
    }

    fn condition(&self, condition: &Condition) -> String {
        let number = |n: &i64| self.words.number(*n);
        match condition {
            Condition::SignedUp {} => "signs up".to_owned(),
            Condition::Paid {} => "has paid".to_owned(),
            Condition::ActiveDays { days } => format!("has stayed for {} days", number(days)),
            Condition::PaidForDays { days } => format!("has paid for {} days", number(days)),
            Condition::AnyOf { conditions } => {
                conditions.iter().map(|c| self.condition(c)).collect::<Vec<_>>().join(" or ")
            }
            Condition::ApiCalls { at_least } => format!("has made {} API calls", number(at_least)),
            Condition::TeamLarger { than } => format!("has a team of more than {}", number(than)),
            Condition::ListingsViewed { distinct, within_days } => {
                format!("has looked at {} listings within {} days", number(distinct), number(within_days))
            }
            Condition::Happened { event } => does(event),
        }
    }

    fn modifier(&self, m: &Modifier) -> String {
        let when: Vec<String> = m
            .when_any
            .iter()
            .map(|condition| match condition {
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Quarter } => {
                    format!("with {} paying referrals in a quarter", self.words.number(*at_least))
                }
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Total } => {
                    format!("with {} paying referrals in all", self.words.number(*at_least))
                }
                PartnerCondition::AnnualRevenue { at_least_cents } => {
                    format!("once your clients pay {} a year together", self.money(at_least_cents.0))
                }
            })
            .collect();
        let then = match &m.then {
            Effect::AddBps(more) => format!("another {} of what they pay", self.words.percent(more.0)),
            Effect::ReplaceBps(rates) => {
                let one = |(reward, rate): (&String, &crate::base::money::Bps)| {
                    let now = self.d.reward(reward).and_then(|r| r.amount.rate_bps).map(|r| self.words.percent(r.0));
                    format!("{} in place of {}", self.words.percent(rate.0), now.unwrap_or_default())
                };
                // The document's order, not the map's.
                let ordered = self.d.rewards.iter().filter_map(|r| rates.get_key_value(&r.id));
                ordered.map(one).collect::<Vec<_>>().join(", and ")
            }
        };
        sentence(&format!("{}: {then}", when.join(", or ")))
    }

    fn caps(&self) -> Vec<String> {
        let one = |c: &crate::program::document::Cap| {
            let reward = self.d.reward(&c.reward).map(|r| self.reward(r)).unwrap_or_default();
            let reward = reward.trim_end_matches('.').to_owned();
            sentence(&format!("{} a month of this: {reward}", self.money(c.per_partner_month_cents.0)))
        };
        self.d.caps.iter().map(one).collect()
    }

    fn hold(&self) -> String {
        match &self.d.vesting.hold {
            Hold::None {} => "As soon as it is earned.".to_owned(),
            Hold::DaysAfterFirstPayment { days, void_if_cancelled } => {
                let void = if *void_if_cancelled { " If the client cancels before, it is void." } else { "" };
                format!("{} days after the client's first payment.{void}", self.words.number(*days))
            }
            Hold::UntilState { state, .. } => {
                let reached = self.state(state);
                format!("Once the client {reached}. If the client cancels before, it is void.")
            }
        }
    }

    fn settlement(&self) -> String {
        let s = &self.d.settlement;
        let when = match s.cadence {
            Cadence::Instant => "At once",
            Cadence::Weekly => "Every week",
            Cadence::Monthly => "Every month",
            Cadence::None => return "There is nothing to pay out.".to_owned(),
        };
        let how = match (s.unit, s.delivery) {
            (Unit::Cash, _) => "paid out to your bank by Stripe",
            (Unit::Credit, Delivery::StripeBalance) => "as credit on your next invoice",
            (Unit::Credit, _) => "as credit",
        };
        let least = match s.minimum_cents.0 {
            0 => "There is no minimum.".to_owned(),
            least => format!("Less than {} is carried forward.", self.money(least)),
        };
        let delay = match s.delay_days {
            0 => String::new(),
            days => format!(", {} days after it has become yours", self.words.number(days)),
        };
        format!("{when}, {how}{delay}. {least}")
    }

    fn attribution(&self) -> String {
        let a = &self.d.attribution;
        let which = match a.model {
            Model::FirstTouch => "first",
            Model::LastTouch => "last",
        };
        let days = self.words.number(a.window_days);
        format!(
            "If somebody signs up within {days} days of following your link, and yours was the {which} that they followed."
        )
    }

    fn benefit(&self) -> Vec<String> {
        let one = |b: &crate::program::settlement::Benefit| {
            format!("{} off the first invoice.", self.words.percent(b.rate_bps.0))
        };
        self.d.benefit.iter().map(one).collect()
    }
}

fn came_by(source: Source) -> &'static str {
    match source {
        Source::DirectLink => "by your link",
        Source::Agency => "through you as their agency",
        Source::Content => "through something that you published",
    }
}

fn does(event: &str) -> String {
    match event {
        "account.signed_up" => "signs up".to_owned(),
        "invoice.paid" => "pays".to_owned(),
        "subscription.started" => "starts a subscription".to_owned(),
        "purchase.completed" => "buys for the first time".to_owned(),
        "newsletter.confirmed" => "has confirmed the newsletter".to_owned(),
        "rfq.submitted" => "asks for a quote".to_owned(),
        other => format!("has come to {}", other.replace(['.', '_'], " ")),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::locale::Plain;
    use crate::program::catalog::PRESETS;
    use crate::program::check;

    fn told(id: &str) -> String {
        let text = PRESETS.iter().find(|(known, _)| *known == id).expect("a preset").1;
        terms(&check::read(text).expect("it is right"), &Plain).0
    }

    #[test]
    fn every_preset_is_told() {
        for (id, wanted) in [
            (
                "agency-partner",
                &[
                    "20% of what a client pays, for the first 12 months.",
                    "10% of what a client pays, from month 13 on, for as long as they pay.",
                    "USD 500.00 once a client starts a subscription of at least USD 5,000.00 a year.",
                    "With 5 paying referrals in a quarter: another 5% of what they pay.",
                    "With 20 paying referrals in all, or once your clients pay USD 50,000.00 a year together: 25% in place of 20%, and 15% in place of 10%.",
                    "60 days after the client's first payment. If the client cancels before, it is void.",
                    "Every month, paid out to your bank by Stripe. There is no minimum.",
                    "within 30 days of following your link, and yours was the last",
                ][..],
            ),
            (
                "user-referral",
                &[
                    "USD 50.00 once a client has stayed for 14 days and has paid for 30 days.",
                    "Every week, as credit. There is no minimum.",
                    "20% off the first invoice.",
                ],
            ),
            (
                "tiered-credits",
                &[
                    "USD 10.00 once a client has looked at 3 listings within 30 days.",
                    "10% of a client's first purchase, at most USD 250.00 for one client.",
                    "At once, as credit.",
                ],
            ),
            (
                "developer-affiliate",
                &[
                    "15% of what a client pays, where that is more than USD 500.00 a month, where the client came by your link, for 6 months.",
                    "USD 2,000.00 a month of this: 15% of what",
                    "Once the client has stayed for 90 days and has paid. If the client cancels before, it is void.",
                    "30 days after it has become yours. Less than USD 50.00 is carried forward.",
                ],
            ),
            ("partner-funnel", &["Nothing in money", "There is nothing to pay out."]),
        ] {
            let told = told(id);
            for sentence in wanted {
                assert!(told.contains(sentence), "{id}: {sentence:?} is not in {told}");
            }
        }
    }
}
