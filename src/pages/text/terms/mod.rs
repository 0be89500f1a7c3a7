//! A program's terms in plain words, from its document: what a partner earns, when, and under what conditions.
//!
//! Partners and operators read the same sentences. Only who is spoken to differs, and what a customer is called.

use crate::base::ids::RewardId;
use crate::pages::locale::Locale;
use crate::program::document::{
    Cap, Condition, Document, Effect, Hold, Model, Modifier, PartnerCondition, ReferralPeriod, Reward, Source, Span,
    Trigger,
};
use crate::program::settlement::{Cadence, Delivery, Unit};

/// Who reads the terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Partner,
    Operator,
}

/// The terms for partners: names and what they say. A name without a sentence has nothing to say.
pub fn rows(d: &Document, locale: &dyn Locale) -> [(&'static str, Vec<String>); 7] {
    let reader = Reader::new(d, locale, Audience::Partner);
    [
        ("You earn", reader.rewards()),
        ("You earn more", d.modifiers.iter().map(|m| reader.modifier(m)).collect()),
        ("Limits", reader.caps()),
        ("Hold period", vec![reader.hold()]),
        ("Payouts", vec![reader.settlement()]),
        ("Attribution", vec![reader.attribution()]),
        ("New customers get", reader.benefit()),
    ]
}

/// Puts the parts of one document into sentences.
pub struct Reader<'a> {
    d: &'a Document,
    locale: &'a dyn Locale,
    audience: Audience,
}

impl<'a> Reader<'a> {
    pub fn new(d: &'a Document, locale: &'a dyn Locale, audience: Audience) -> Reader<'a> {
        Reader { d, locale, audience }
    }

    /// What a referred account is called.
    fn customer(&self) -> &'static str {
        match self.audience {
            Audience::Partner => "customer",
            Audience::Operator => "account",
        }
    }

    fn a_customer(&self) -> &'static str {
        match self.audience {
            Audience::Partner => "a customer",
            Audience::Operator => "an account",
        }
    }

    /// Who loses what is not earned.
    fn earns_nothing(&self) -> &'static str {
        match self.audience {
            Audience::Partner => "you earn nothing",
            Audience::Operator => "it earns nothing",
        }
    }

    fn money(&self, cents: i64) -> String {
        self.locale.money(cents, &self.d.currency)
    }

    fn rewards(&self) -> Vec<String> {
        if !self.d.pays() {
            return vec!["No money: this program tracks the results of your links and shows them to you.".to_owned()];
        }
        self.d.rewards.iter().map(|r| self.reward(r)).collect()
    }

    pub fn reward(&self, r: &Reward) -> String {
        let mut out = match (r.amount.flat_cents, r.amount.rate_bps) {
            (Some(flat), _) => format!("{} when {} {}", self.money(flat.0), self.a_customer(), self.trigger(&r.on)),
            (None, Some(rate)) => {
                let rate = self.locale.percent(rate.0);
                match &r.on {
                    Trigger::Event(event) if event == "invoice.paid" => {
                        format!("{rate} of what {} pays", self.a_customer())
                    }
                    Trigger::Event(event) if event == "purchase.completed" => {
                        format!("{rate} of {}'s first purchase", self.a_customer())
                    }
                    on => format!("{rate} when {} {}", self.a_customer(), self.trigger(on)),
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
        let came: Vec<&str> = r.when.source.iter().map(|s| self.came_by(*s)).collect();
        if !came.is_empty() {
            out.push_str(&format!(", if the {} came {}", self.customer(), came.join(" or ")));
        }
        if r.amount.rate_bps.is_some() {
            out.push_str(&self.span(&r.span));
        }
        if let Some(cap) = r.amount.cap_cents {
            out.push_str(&format!(", up to {} per {}", self.money(cap.0), self.customer()));
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

    pub fn state(&self, name: &str) -> String {
        let conditions = self.d.state(name).map(|s| s.when.as_slice()).unwrap_or_default();
        // A customer who paid or stayed has signed up, so that condition is left out.
        let wording = conditions.iter().filter(|c| conditions.len() == 1 || !matches!(c, Condition::SignedUp {}));
        let wording: Vec<String> = wording.map(|c| self.condition(c)).collect();
        if wording.is_empty() { format!("is {}", name.replace('_', " ")) } else { wording.join(" and ") }
    }

    pub fn condition(&self, condition: &Condition) -> String {
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

    pub fn modifier(&self, m: &Modifier) -> String {
        let when: Vec<String> = m
            .when_any
            .iter()
            .map(|condition| match condition {
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Quarter } => {
                    format!("with {} paying {}s in a quarter", self.locale.number(*at_least), self.customer())
                }
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Total } => {
                    format!("with {} paying {}s in total", self.locale.number(*at_least), self.customer())
                }
                PartnerCondition::AnnualRevenue { at_least_cents } => {
                    let whose = if self.audience == Audience::Partner { "your customers" } else { "its accounts" };
                    format!("once {whose} pay a total of {} a year", self.money(at_least_cents.0))
                }
            })
            .collect();
        let then = match &m.then {
            Effect::AddBps(more) => format!("an extra {} of what they pay", self.locale.percent(more.0)),
            Effect::ReplaceBps(rates) => {
                let one = |(reward, rate): (&RewardId, &crate::base::money::Bps)| {
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
        let one = |c: &Cap| {
            let reward = self.d.reward(&c.reward).map(|r| self.reward(r)).unwrap_or_default();
            let most = self.money(c.per_partner_month_cents.0);
            sentence(&format!("up to {most} a month for this reward: {}", reward.trim_end_matches('.')))
        };
        self.d.caps.iter().map(one).collect()
    }

    /// A cap beside its reward.
    pub fn cap(&self, c: &Cap) -> String {
        sentence(&format!("up to {} per partner and month", self.money(c.per_partner_month_cents.0)))
    }

    pub fn hold(&self) -> String {
        match &self.d.vesting.hold {
            Hold::None {} => "None. Earnings are available immediately.".to_owned(),
            hold => sentence(&self.held_until(hold)),
        }
    }

    /// The hold period as the end of a sentence about earnings.
    pub fn hold_of_earnings(&self) -> String {
        match &self.d.vesting.hold {
            Hold::None {} => "Earnings are available immediately.".to_owned(),
            hold => sentence(&format!("earnings are held {}", self.held_until(hold))),
        }
    }

    /// "until …", without the last period.
    fn held_until(&self, hold: &Hold) -> String {
        let (customer, nothing) = (self.customer(), self.earns_nothing());
        match hold {
            Hold::None {} => String::new(),
            Hold::DaysAfterFirstPayment { days, void_if_cancelled } => {
                let days = self.days(*days);
                let void = match void_if_cancelled {
                    true => format!(". If the {customer} cancels before then, {nothing}"),
                    false => String::new(),
                };
                format!("until {days} after the {customer}'s first payment{void}")
            }
            Hold::UntilState { state, churn_days } => {
                let churn = match churn_days {
                    0 => String::new(),
                    days => format!(", or within {} of the first payment", self.days(*days)),
                };
                let reached = self.state(state);
                format!("until the {customer} {reached}. If the {customer} cancels before then{churn}, {nothing}")
            }
        }
    }

    fn days(&self, days: i64) -> String {
        if days == 1 { "1 day".to_owned() } else { format!("{} days", self.locale.number(days)) }
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

    fn came_by(&self, source: Source) -> &'static str {
        match (source, self.audience) {
            (Source::DirectLink, Audience::Partner) => "through your link",
            (Source::DirectLink, Audience::Operator) => "through a direct link",
            (Source::Agency, Audience::Partner) => "through you as their agency",
            (Source::Agency, Audience::Operator) => "through an agency",
            (Source::Content, Audience::Partner) => "through content you published",
            (Source::Content, Audience::Operator) => "through content",
        }
    }

    fn benefit(&self) -> Vec<String> {
        let one = |b: &crate::program::settlement::Benefit| {
            format!("{} off the first invoice.", self.locale.percent(b.rate_bps.0))
        };
        self.d.benefit.iter().map(one).collect()
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

/// A reward's or modifier's name and what it gives: "First year, 20%".
pub fn rule(locale: &dyn Locale, d: &Document, id: &str, name: &str) -> String {
    if let Some(reward) = d.reward(id) {
        let gives = match (reward.amount.flat_cents, reward.amount.rate_bps) {
            (Some(cents), _) => locale.money(cents.0, &d.currency),
            (None, Some(rate)) => locale.percent(rate.0),
            (None, None) => String::new(),
        };
        return format!("{name}, {gives}");
    }
    match d.modifiers.iter().find(|m| m.id == id).map(|m| &m.then) {
        Some(Effect::AddBps(more)) => format!("{name} bonus, {} more", locale.percent(more.0)),
        Some(Effect::ReplaceBps(_)) => format!("{name} bonus"),
        None => name.to_owned(),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

#[cfg(test)]
mod tests;
