//! What is earned: rewards as they are written, and as they are run. What makes one of the other refuses what the engine
//! does not interpret.

use crate::base::ids::RewardId;
use crate::base::money::{Bps, Cents};
use crate::program::check::checker::Checker;
use crate::program::event::EventType;
use serde::{Deserialize, Serialize};

/// What the accruals that operators make are earned by. No reward of a document has this id.
pub const ADJUSTMENT: &str = "adjustment";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    pub id: RewardId,
    /// The part of the source that it comes from.
    pub source: String,
    pub on: Trigger,
    #[serde(default)]
    pub when: RewardConditions,
    pub to: Beneficiary,
    pub amount: RewardAmount,
    pub span: Span,
}

/// What makes a reward due: an event of a type, or a state. Where a program settles instantly, a state is judged when
/// an event is received; otherwise, as of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// `invoice.paid`, `subscription.started`, `purchase.completed`, or any other type, by its name alone.
    Event(String),
    State(String),
}

/// What must be true besides the trigger. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardConditions {
    /// The binding's source is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<Source>,
    /// The invoice's monthly amount is more than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_over_cents: Option<Cents>,
    /// The subscription's annual value is at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annual_at_least_cents: Option<Cents>,
}

/// How a partner brought an account: the link's own source, or else the partner's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    DirectLink,
    Agency,
    Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beneficiary {
    Referrer,
}

/// A flat amount, or a rate of the event's amount. `cap_cents` limits what one account earns in total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardAmount {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat_cents: Option<Cents>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_bps: Option<Bps>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_cents: Option<Cents>,
}

/// How often, or how long, a reward is earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Span {
    /// Once per account.
    Once {},
    /// For facts in [from, to) calendar months since the account's first payment; without `to`, permanently.
    Months {
        from: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<i64>,
    },
    /// For this many calendar months since the first event that meets the reward's conditions.
    MonthsSinceFirstMatch { months: i64 },
}

/// A reward as it is run. A fact gives at most one accrual for each earning.
#[derive(Clone, Debug, PartialEq)]
pub struct Earning {
    pub id: RewardId,
    /// How the account must have been brought; empty: in any way.
    pub sources: Vec<Source>,
    pub per: Per,
}

/// The facts that an earning is for, and what they earn.
#[derive(Clone, Debug, PartialEq)]
pub enum Per {
    Invoice(PerInvoice),
    Event(PerEvent),
    Milestone(PerMilestone),
}

/// For paid invoices in a span.
#[derive(Clone, Debug, PartialEq)]
pub struct PerInvoice {
    /// The invoice's monthly amount is more than this.
    pub monthly_over: Option<Cents>,
    pub span: Span,
    pub amount: InvoiceAmount,
}

#[derive(Clone, Debug, PartialEq)]
pub enum InvoiceAmount {
    Flat(Cents),
    Rate(InvoiceRate),
}

/// A share of the invoice. Both caps are over what the rate and the modifiers earn together.
#[derive(Clone, Debug, PartialEq)]
pub struct InvoiceRate {
    pub own: Bps,
    /// The whole rate with a modifier, where that is higher; in the document's order.
    pub better: Vec<(RewardId, Bps)>,
    /// What one account earns in total.
    pub account_cap: Option<Cents>,
    /// What one partner earns in a calendar month.
    pub month_cap: Option<Cents>,
}

/// For the first event that meets the conditions.
#[derive(Clone, Debug, PartialEq)]
pub enum PerEvent {
    /// A share of a purchase, at most `cap`.
    PurchaseShare {
        rate: Bps,
        cap: Option<Cents>,
    },
    /// `kind` starts or updates a subscription, whose annual value is at least this.
    Subscription {
        kind: &'static str,
        annual_at_least: Cents,
        cents: Cents,
    },
    Named {
        kind: String,
        cents: Cents,
    },
}

/// Once, for a state of the lifecycle: judged as of a run, or, where a program settles instantly, when an event is
/// received.
#[derive(Clone, Debug, PartialEq)]
pub struct PerMilestone {
    pub state: String,
    pub cents: Cents,
}

impl PerEvent {
    /// The type of event.
    pub fn kind(&self) -> &str {
        match self {
            PerEvent::PurchaseShare { .. } => crate::program::event::EventType::PurchaseCompleted.name(),
            PerEvent::Subscription { kind, .. } => kind,
            PerEvent::Named { kind, .. } => kind,
        }
    }
}

/// A flat amount, or a rate with the most that it earns.
enum Amount {
    Flat(Cents),
    Rate(Bps, Option<Cents>),
}

/// What of the rest of a document decides whether a reward can be one.
pub(in crate::program) struct RewardContext<'d> {
    pub states: Vec<&'d str>,
    pub is_budgeted: bool,
}

pub(in crate::program) fn earning(
    c: &mut Checker,
    path: &str,
    document: &RewardContext<'_>,
    reward: &Reward,
) -> Option<Earning> {
    let amount = amount(c, &format!("{path}.amount"), &reward.amount);
    check_span(c, &format!("{path}.span"), &reward.span);
    let per = match &reward.on {
        Trigger::State(state) => {
            c.rule(
                &format!("{path}.on.state"),
                state,
                document.states.contains(&state.as_str()),
                "a state from the lifecycle",
            );
            let cents = flat(c, path, amount, "a state has no amount, so use flat_cents");
            once(c, path, reward, "a state is reached once, so use {\"once\":{}}");
            conditions(c, path, reward, "a state");
            cents.map(|cents| Per::Milestone(PerMilestone { state: state.clone(), cents }))
        }
        Trigger::Event(event) => match EventType::parse(event) {
            Some(EventType::InvoicePaid) => per_invoice(c, path, document, reward, amount).map(Per::Invoice),
            known => per_event(c, path, reward, (event, known), amount).map(Per::Event),
        },
    };
    Some(Earning { id: reward.id.clone(), sources: reward.when.source.clone(), per: per? })
}

fn amount(c: &mut Checker, path: &str, amount: &RewardAmount) -> Option<Amount> {
    if let Some(cap) = amount.cap_cents {
        c.rule(&format!("{path}.cap_cents"), cap.0, amount.rate_bps.is_some(), "only a rate can have a cap");
    }
    match (amount.flat_cents, amount.rate_bps) {
        (Some(cents), None) => Some(Amount::Flat(cents)),
        (None, Some(rate)) => Some(Amount::Rate(rate, amount.cap_cents)),
        _ => {
            c.rule(path, "both or neither", false, "either flat_cents or rate_bps");
            None
        }
    }
}

/// The amount, where only a flat one makes sense.
fn flat(c: &mut Checker, path: &str, amount: Option<Amount>, rule: &str) -> Option<Cents> {
    match amount? {
        Amount::Flat(cents) => Some(cents),
        Amount::Rate(..) => {
            c.rule(&format!("{path}.amount"), "rate_bps", false, rule);
            None
        }
    }
}

fn check_span(c: &mut Checker, path: &str, span: &Span) {
    if let Span::Months { from, to: Some(to) } = span {
        c.rule(&format!("{path}.months"), format!("from {from} to {to}"), from < to, "from < to");
    }
}

fn once(c: &mut Checker, path: &str, reward: &Reward, rule: &str) {
    c.rule(&format!("{path}.span"), "months", matches!(reward.span, Span::Once {}), rule);
}

/// Refuses the conditions about amounts, which only invoices and subscriptions have.
fn conditions(c: &mut Checker, path: &str, reward: &Reward, what: &str) {
    if let Some(over) = reward.when.monthly_over_cents {
        let rule = format!("absent, because {what} has no monthly amount: only invoice.paid has one");
        c.rule(&format!("{path}.when.monthly_over_cents"), over.0, false, &rule);
    }
    if let Some(least) = reward.when.annual_at_least_cents {
        let rule =
            format!("absent, because {what} has no annual value: only subscription.started and .updated have one");
        c.rule(&format!("{path}.when.annual_at_least_cents"), least.0, false, &rule);
    }
}

fn per_invoice(
    c: &mut Checker,
    path: &str,
    document: &RewardContext<'_>,
    reward: &Reward,
    amount: Option<Amount>,
) -> Option<PerInvoice> {
    let mut others = reward.clone();
    others.when.monthly_over_cents = None;
    conditions(c, path, &others, "an invoice");
    c.rule(
        &format!("{path}.on.event"),
        EventType::InvoicePaid.name(),
        !document.is_budgeted,
        "a state, such as one reached when {\"paid\":{}}: what a budget has paid isn't taken back, but a refund takes back what an invoice earned",
    );
    let amount = match amount? {
        Amount::Flat(cents) => InvoiceAmount::Flat(cents),
        Amount::Rate(own, account_cap) => {
            InvoiceAmount::Rate(InvoiceRate { own, better: Vec::new(), account_cap, month_cap: None })
        }
    };
    Some(PerInvoice { monthly_over: reward.when.monthly_over_cents, span: reward.span.clone(), amount })
}

fn per_event(
    c: &mut Checker,
    path: &str,
    reward: &Reward,
    (event, known): (&str, Option<EventType>),
    amount: Option<Amount>,
) -> Option<PerEvent> {
    once(c, path, reward, "only invoices recur, so use {\"once\":{}}");
    let kind = event.to_owned();
    if let Some(subscription @ (EventType::SubscriptionStarted | EventType::SubscriptionUpdated)) = known {
        let mut others = reward.clone();
        let least = others.when.annual_at_least_cents.take();
        conditions(c, path, &others, "a subscription");
        let cents = flat(c, path, amount, "only invoices and first purchases have an amount, so use flat_cents")?;
        let Some(annual_at_least) = least else { return Some(PerEvent::Named { kind, cents }) };
        return Some(PerEvent::Subscription { kind: subscription.name(), annual_at_least, cents });
    }
    conditions(c, path, reward, event);
    if let (Some(EventType::PurchaseCompleted), Some(Amount::Rate(rate, cap))) = (known, &amount) {
        return Some(PerEvent::PurchaseShare { rate: *rate, cap: *cap });
    }
    let cents = flat(c, path, amount, "only invoices and first purchases have an amount, so use flat_cents")?;
    Some(PerEvent::Named { kind, cents })
}
