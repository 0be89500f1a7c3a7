//! A program's terms in plain words, from its document: what a partner earns, when, and under what conditions.

use crate::pages::locale::Locale;
use crate::program::document::{
    Condition, Document, Effect, Hold, Model, Modifier, PartnerCondition, ReferralPeriod, Reward, Source, Span, Trigger,
};
use crate::program::settlement::{Cadence, Delivery, Unit};
use maud::{Markup, html};

/// The terms as names and sentences.
pub fn terms(d: &Document, locale: &dyn Locale) -> Markup {
    let reader = Reader { d, locale };
    let rows = [
        ("You earn", reader.rewards()),
        ("You earn more", d.modifiers.iter().map(|m| reader.modifier(m)).collect()),
        ("Limits", reader.caps()),
        ("Hold period", vec![reader.hold()]),
        ("Payouts", vec![reader.settlement()]),
        ("Attribution", vec![reader.attribution()]),
        ("New customers get", reader.benefit()),
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
    locale: &'a dyn Locale,
}

impl Reader<'_> {
    fn money(&self, cents: i64) -> String {
        self.locale.money(cents, &self.d.currency)
    }

    fn rewards(&self) -> Vec<String> {
        if self.d.rewards.is_empty() {
            return vec!["No money: this program tracks the results of your links and shows them to you.".to_owned()];
        }
        self.d.rewards.iter().map(|r| self.reward(r)).collect()
    }

    fn reward(&self, r: &Reward) -> String {
        let mut out = match (r.amount.flat_cents, r.amount.rate_bps) {
            (Some(flat), _) => format!("{} when a customer {}", self.money(flat.0), self.trigger(&r.on)),
            (None, Some(rate)) => {
                let rate = self.locale.percent(rate.0);
                match &r.on {
                    Trigger::Event(event) if event == "invoice.paid" => format!("{rate} of what a customer pays"),
                    Trigger::Event(event) if event == "purchase.completed" => {
                        format!("{rate} of a customer's first purchase")
                    }
                    on => format!("{rate} when a customer {}", self.trigger(on)),
                }
            }
            (None, None) => String::new(),
        };
        if let Some(over) = r.when.monthly_over_cents {
            out.push_str(&format!(", if that is more than {} a month", self.money(over.0)));
        }
        if let Some(least) = r.when.annual_at_least_cents {
            out.push_str(&format!(" of at least {} a year", self.money(least.0)));
        }
        let came: Vec<&str> = r.when.source.iter().map(|s| came_by(*s)).collect();
        if !came.is_empty() {
            out.push_str(&format!(", if the customer came {}", came.join(" or ")));
        }
        if r.amount.rate_bps.is_some() {
            out.push_str(&self.span(&r.span));
        }
        if let Some(cap) = r.amount.cap_cents {
            out.push_str(&format!(", up to {} per customer", self.money(cap.0)));
        }
        sentence(&out)
    }

    fn span(&self, span: &Span) -> String {
        let number = |n: i64| self.locale.number(n);
        match span {
            Span::Once {} => String::new(),
            Span::Months { from: 0, to: Some(to) } => format!(", for the first {} months", number(*to)),
            Span::Months { from: 0, to: None } => ", for as long as they pay".to_owned(),
            Span::Months { from, to: Some(to) } => {
                format!(", from month {} to month {}", number(from + 1), number(*to))
            }
            Span::Months { from, to: None } => format!(", from month {} for as long as they pay", number(from + 1)),
            Span::MonthsSinceFirstMatch { months } => format!(", for {} months", number(*months)),
        }
    }

    /// Continues "when a customer …".
    fn trigger(&self, on: &Trigger) -> String {
        match on {
            Trigger::Event(event) => does(event),
            Trigger::State(state) => self.state(state),
        }
    }

    fn state(&self, name: &str) -> String {
        let conditions = self.d.state(name).map(|s| s.when.as_slice()).unwrap_or_default();
        // A customer who paid or stayed has signed up, so that condition is left out.
        let wording = conditions.iter().filter(|c| conditions.len() == 1 || !matches!(c, Condition::SignedUp {}));
        let wording: Vec<String> = wording.map(|c| self.condition(c)).collect();
        if wording.is_empty() { format!("is {}", name.replace('_', " ")) } else { wording.join(" and ") }
    }

    fn condition(&self, condition: &Condition) -> String {
        let number = |n: &i64| self.locale.number(*n);
        match condition {
            Condition::SignedUp {} => "signs up".to_owned(),
            Condition::Paid {} => "has paid".to_owned(),
            Condition::ActiveDays { days } => format!("has been active for {} days", number(days)),
            Condition::PaidForDays { days } => format!("has paid for {} days", number(days)),
            Condition::AnyOf { conditions } => {
                conditions.iter().map(|c| self.condition(c)).collect::<Vec<_>>().join(" or ")
            }
            Condition::ApiCalls { at_least } => format!("has made {} API calls", number(at_least)),
            Condition::TeamLarger { than } => format!("has a team of more than {}", number(than)),
            Condition::ListingsViewed { distinct, within_days } => {
                format!("has viewed {} listings within {} days", number(distinct), number(within_days))
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
                    format!("with {} paying customers in a quarter", self.locale.number(*at_least))
                }
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Total } => {
                    format!("with {} paying customers in total", self.locale.number(*at_least))
                }
                PartnerCondition::AnnualRevenue { at_least_cents } => {
                    format!("once your customers pay a total of {} a year", self.money(at_least_cents.0))
                }
            })
            .collect();
        let then = match &m.then {
            Effect::AddBps(more) => format!("an extra {} of what they pay", self.locale.percent(more.0)),
            Effect::ReplaceBps(rates) => {
                let one = |(reward, rate): (&String, &crate::base::money::Bps)| {
                    let now = self.d.reward(reward).and_then(|r| r.amount.rate_bps).map(|r| self.locale.percent(r.0));
                    format!("{} instead of {}", self.locale.percent(rate.0), now.unwrap_or_default())
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
            sentence(&format!("up to {} a month for this reward: {reward}", self.money(c.per_partner_month_cents.0)))
        };
        self.d.caps.iter().map(one).collect()
    }

    fn hold(&self) -> String {
        match &self.d.vesting.hold {
            Hold::None {} => "None. Earnings are available immediately.".to_owned(),
            Hold::DaysAfterFirstPayment { days, void_if_cancelled } => {
                let void =
                    if *void_if_cancelled { " If the customer cancels before then, you earn nothing." } else { "" };
                format!("Until {} days after the customer's first payment.{void}", self.locale.number(*days))
            }
            Hold::UntilState { state, .. } => {
                let reached = self.state(state);
                format!("Until the customer {reached}. If the customer cancels before then, you earn nothing.")
            }
        }
    }

    fn settlement(&self) -> String {
        let s = &self.d.settlement;
        let when = match s.cadence {
            Cadence::Instant => "Immediately",
            Cadence::Weekly => "Every week",
            Cadence::Monthly => "Every month",
            Cadence::None => return "There are no payouts.".to_owned(),
        };
        let how = match (s.unit, s.delivery) {
            (Unit::Cash, _) => "paid to your bank account through Stripe",
            (Unit::Credit, Delivery::StripeBalance) => "as credit on your next invoice",
            (Unit::Credit, _) => "as credit",
        };
        let least = match s.minimum_cents.0 {
            0 => "There is no minimum.".to_owned(),
            least => format!("Balances under {} carry over.", self.money(least)),
        };
        let delay = match s.delay_days {
            0 => String::new(),
            days => format!(", {} days after the hold period", self.locale.number(days)),
        };
        format!("{when}, {how}{delay}. {least}")
    }

    fn attribution(&self) -> String {
        let a = &self.d.attribution;
        let which = match a.model {
            Model::FirstTouch => "first",
            Model::LastTouch => "last",
        };
        let days = self.locale.number(a.window_days);
        format!(
            "A sign-up is credited to you if it comes within {days} days of a click on your link, and yours was the {which} \
             partner link clicked."
        )
    }

    fn benefit(&self) -> Vec<String> {
        let one = |b: &crate::program::settlement::Benefit| {
            format!("{} off the first invoice.", self.locale.percent(b.rate_bps.0))
        };
        self.d.benefit.iter().map(one).collect()
    }
}

fn came_by(source: Source) -> &'static str {
    match source {
        Source::DirectLink => "through your link",
        Source::Agency => "through you as their agency",
        Source::Content => "through content you published",
    }
}

fn does(event: &str) -> String {
    match event {
        "account.signed_up" => "signs up".to_owned(),
        "invoice.paid" => "pays".to_owned(),
        "subscription.started" => "starts a subscription".to_owned(),
        "purchase.completed" => "makes a first purchase".to_owned(),
        "newsletter.confirmed" => "confirms the newsletter".to_owned(),
        "rfq.submitted" => "requests a quote".to_owned(),
        other => format!("reaches {}", other.replace(['.', '_'], " ")),
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

    fn wording(id: &str) -> String {
        let text = PRESETS.iter().find(|(known, _)| *known == id).expect("a preset").1;
        terms(&check::read(text).expect("it is right"), &Plain).0
    }

    #[test]
    fn every_preset_is_told() {
        for (id, wanted) in [
            (
                "agency-partner",
                &[
                    "20% of what a customer pays, for the first 12 months.",
                    "10% of what a customer pays, from month 13 for as long as they pay.",
                    "USD 500.00 when a customer starts a subscription of at least USD 5,000.00 a year.",
                    "With 5 paying customers in a quarter: an extra 5% of what they pay.",
                    "With 20 paying customers in total, or once your customers pay a total of USD 50,000.00 a year: 25% instead of 20%, and 15% instead of 10%.",
                    "Until 60 days after the customer's first payment. If the customer cancels before then, you earn nothing.",
                    "Every month, paid to your bank account through Stripe. There is no minimum.",
                    "within 30 days of a click on your link, and yours was the last",
                ][..],
            ),
            (
                "user-referral",
                &[
                    "USD 50.00 when a customer has been active for 14 days and has paid for 30 days.",
                    "Every week, as credit. There is no minimum.",
                    "20% off the first invoice.",
                ],
            ),
            (
                "tiered-credits",
                &[
                    "USD 10.00 when a customer has viewed 3 listings within 30 days.",
                    "10% of a customer's first purchase, up to USD 250.00 per customer.",
                    "Immediately, as credit.",
                ],
            ),
            (
                "developer-affiliate",
                &[
                    "15% of what a customer pays, if that is more than USD 500.00 a month, if the customer came through your link, for 6 months.",
                    "Up to USD 2,000.00 a month for this reward: 15% of what",
                    "Until the customer has been active for 90 days and has paid. If the customer cancels before then, you earn nothing.",
                    "30 days after the hold period. Balances under USD 50.00 carry over.",
                ],
            ),
            ("partner-funnel", &["No money", "There are no payouts."]),
        ] {
            let wording = wording(id);
            for sentence in wanted {
                assert!(wording.contains(sentence), "{id}: {sentence:?} is not in {wording}");
            }
        }
    }
}
