//! What an account earns its referrer: the lines that the facts call for, each with its state and its reason.
//!
//! Rules 1, 2, 11 and 16 of the design. A line's amount is floored to the cent once; what is taken back is the share
//! of what the invoice earned, over all its lines, the first line used up before the next.

use super::attribution::Binding;
use super::risk::Standing;
use super::sabotage::{self, Fault as Sabotage};
use super::schedule;
use super::timeline::{Payment, Timeline};
use crate::base::id;
use crate::base::money::{Bps, Cents};
use crate::base::time::UtcMillis;
use crate::program::catalog::Catalog;
use crate::program::document::{Document, EventTrigger, Hold, Reward, RewardAmount, Span, Trigger};
use serde::{Deserialize, Serialize};

/// Where a line is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    Pending,
    /// Waits for a person's decision.
    Held,
    /// A dispute is open: neither vests nor pays.
    Disputed,
    Available,
    /// Taken back in full by refunds or lost disputes.
    Reversed,
    /// Never to be earned; the reason says why.
    Void,
    /// A cost that is borne when it arises, owed to nobody: the friend's discount.
    Settled,
}

/// Which balance a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    Pending,
    Available,
    Benefit,
}

impl Bucket {
    pub fn name(self) -> &'static str {
        match self {
            Bucket::Pending => "pending",
            Bucket::Available => "available",
            Bucket::Benefit => "benefit",
        }
    }
}

/// One line: who earns what, for which fact, by which rule of which version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub id: String,
    pub program_id: String,
    pub program_version: i64,
    pub rule_id: String,
    /// Empty for the referred side's benefit.
    pub partner_id: String,
    pub account_id: String,
    /// The event that made it.
    pub event_id: String,
    /// `invoice:<id>` or `state:<name>`.
    pub basis: String,
    pub at_ms: UtcMillis,
    pub period: String,
    /// `cash:usd`, `credit:usd`.
    pub unit: String,
    /// Before anything was taken back.
    pub earned_cents: Cents,
    /// What stands.
    pub net_cents: Cents,
    pub bucket: Bucket,
    pub state: LineState,
    /// From which instant on a run vests it.
    pub vests_at_ms: UtcMillis,
    pub reason: String,
    /// How many ledger rows it has: the next row's number is one more.
    pub postings: i64,
}

/// The lines of one account's payments under its binding.
pub fn invoice_lines(
    catalog: &Catalog,
    binding: &Binding,
    timeline: &Timeline,
    account: &str,
    standing: &Standing,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut first = true;
    for payment in &timeline.payments {
        if (payment.at, payment.event_id) < (binding.from, binding.event.as_str()) {
            continue;
        }
        let Some(document) = catalog.in_force(&binding.program, payment.at) else { continue };
        if payment.invoice.amount.currency != document.currency {
            continue;
        }
        let mut earned = earn(document, binding, timeline, payment, account, first);
        take_back(&mut earned, payment);
        for line in &mut earned {
            judge(line, document, timeline, payment, standing);
        }
        lines.append(&mut earned);
        lines.extend(benefit_line(document, binding, payment, account, timeline));
        first = false;
    }
    lines
}

/// The line of a reward that a state grants, as of a run.
pub fn state_line(
    document: &Document,
    reward: &Reward,
    binding: &Binding,
    account: &str,
    as_of: UtcMillis,
) -> Option<Line> {
    let (Trigger::State(state), RewardAmount::FlatCents(cents)) = (&reward.on, &reward.amount) else { return None };
    let basis = format!("state:{state}");
    // Without a hold a reward vests as it is granted.
    let (bucket, line_state) = match document.vesting.hold {
        Hold::None {} => (Bucket::Available, LineState::Available),
        Hold::DaysAfterFirstPayment { .. } => (Bucket::Pending, LineState::Pending),
    };
    Some(Line {
        id: line_id(&document.id, &binding.partner, &reward.id, account, &basis),
        program_id: document.id.clone(),
        program_version: document.version,
        rule_id: reward.id.clone(),
        partner_id: binding.partner.clone(),
        account_id: account.to_owned(),
        event_id: binding.event.clone(),
        basis,
        at_ms: as_of,
        period: schedule::period_at(document.settlement.cadence, as_of),
        unit: unit_of(document),
        earned_cents: *cents,
        net_cents: *cents,
        bucket,
        state: line_state,
        vests_at_ms: as_of,
        reason: format!("reached the state {state}"),
        postings: 0,
    })
}

/// A line's identity: the same program, beneficiary, rule, account and fact are the same line.
pub fn line_id(program: &str, partner: &str, rule: &str, account: &str, basis: &str) -> String {
    id::derived("acr", &[program, partner, rule, account, basis])
}

pub fn unit_of(document: &Document) -> String {
    format!("{}:{}", document.settlement.unit.name(), document.currency)
}

fn earn(
    document: &Document,
    binding: &Binding,
    timeline: &Timeline,
    payment: &Payment,
    account: &str,
    first: bool,
) -> Vec<Line> {
    let rewards = document.rewards.iter().filter(|r| r.on == Trigger::Event(EventTrigger::InvoicePaid));
    let due = rewards.filter(|r| in_span(&r.span, timeline, payment, first));
    due.filter_map(|reward| {
        let earned = match reward.amount {
            RewardAmount::FlatCents(cents) => cents,
            RewardAmount::RateBps(rate) => share(rate, payment.invoice.amount.cents)?,
        };
        let basis = format!("invoice:{}", payment.invoice.invoice_id);
        (earned > Cents::ZERO).then(|| Line {
            id: line_id(&document.id, &binding.partner, &reward.id, account, &basis),
            program_id: document.id.clone(),
            program_version: document.version,
            rule_id: reward.id.clone(),
            partner_id: binding.partner.clone(),
            account_id: account.to_owned(),
            event_id: payment.event_id.to_owned(),
            basis,
            at_ms: payment.at,
            period: schedule::period_at(document.settlement.cadence, payment.at),
            unit: unit_of(document),
            earned_cents: earned,
            net_cents: earned,
            bucket: Bucket::Pending,
            state: LineState::Pending,
            vests_at_ms: payment.at,
            reason: format!("invoice {} was paid", payment.invoice.invoice_id),
            postings: 0,
        })
    })
    .collect()
}

fn share(rate: Bps, amount: Cents) -> Option<Cents> {
    if sabotage::is(Sabotage::RoundShare) {
        return Some(Cents((amount.0 * rate.0 + 5_000) / 10_000));
    }
    rate.of(amount)
}

fn in_span(span: &Span, timeline: &Timeline, payment: &Payment, first: bool) -> bool {
    match span {
        Span::Once {} => first,
        Span::Months { from, to } => {
            let start = if sabotage::is(Sabotage::YearFromStay) {
                timeline.stays.get(payment.stay).map(|s| s.first_paid_at)
            } else {
                timeline.first_paid_at()
            };
            let end = |start: UtcMillis, months: i64| {
                let by_days = sabotage::is(Sabotage::YearOf365Days) && months == 12;
                if by_days { start.plus_days(365) } else { start.plus_months(months) }
            };
            start
                .is_some_and(|start| payment.at >= end(start, *from) && to.is_none_or(|to| payment.at < end(start, to)))
        }
    }
}

/// Takes the refunded share of what the invoice earned from its lines, first line first.
fn take_back(lines: &mut [Line], payment: &Payment) {
    let earned = Cents(lines.iter().map(|l| l.earned_cents.0).sum());
    // A payment is more than zero and at least what was taken back, so the share exists and is at most the whole.
    let mut left = earned.share(payment.taken_back, payment.invoice.amount.cents).unwrap_or(Cents::ZERO);
    for line in lines {
        let taken = left.0.min(line.net_cents.0);
        line.net_cents.0 -= taken;
        left.0 -= taken;
        if line.net_cents == Cents::ZERO {
            line.state = LineState::Reversed;
            line.reason = format!("invoice {} was taken back in full", payment.invoice.invoice_id);
        }
    }
}

/// The hold, the dispute and the review decide what becomes of a line that earned something.
fn judge(line: &mut Line, document: &Document, timeline: &Timeline, payment: &Payment, standing: &Standing) {
    if let (Hold::DaysAfterFirstPayment { days, void_if_cancelled }, Some(stay)) =
        (&document.vesting.hold, timeline.stays.get(payment.stay))
    {
        let end = stay.first_paid_at.plus_days(*days);
        line.vests_at_ms = end.max(payment.at);
        let inside =
            |cancelled: UtcMillis| cancelled < end || (sabotage::is(Sabotage::HoldIncludesEnd) && cancelled == end);
        if *void_if_cancelled && stay.cancelled_at.is_some_and(inside) {
            line.net_cents = Cents::ZERO;
            line.state = LineState::Void;
            line.reason = format!("cancelled inside the hold of {days} days");
            return;
        }
    }
    if let Standing::Rejected(reason) = standing {
        line.net_cents = Cents::ZERO;
        line.state = LineState::Void;
        line.reason = format!("rejected in review: {reason}");
    } else if line.state == LineState::Pending && payment.disputed {
        line.state = LineState::Disputed;
        line.reason = format!("a dispute of invoice {} is open", payment.invoice.invoice_id);
    } else if line.state == LineState::Pending && *standing == Standing::Held {
        line.state = LineState::Held;
        line.reason = "held for review".to_owned();
    }
}

/// What the account's first invoice was discounted, where the program offers that.
fn benefit_line(
    document: &Document,
    binding: &Binding,
    payment: &Payment,
    account: &str,
    timeline: &Timeline,
) -> Option<Line> {
    document.benefit.as_ref()?;
    let first = timeline.payments.first()?;
    let cost = payment.invoice.discount_cents;
    if first.event_id != payment.event_id || cost <= Cents::ZERO {
        return None;
    }
    let basis = format!("invoice:{}", payment.invoice.invoice_id);
    Some(Line {
        id: line_id(&document.id, "", "benefit", account, &basis),
        program_id: document.id.clone(),
        program_version: document.version,
        rule_id: "benefit".to_owned(),
        partner_id: String::new(),
        account_id: account.to_owned(),
        event_id: payment.event_id.to_owned(),
        basis,
        at_ms: payment.at,
        period: schedule::period_at(document.settlement.cadence, payment.at),
        unit: format!("cash:{}", document.currency),
        earned_cents: cost,
        net_cents: cost,
        bucket: Bucket::Benefit,
        state: LineState::Settled,
        vests_at_ms: payment.at,
        reason: format!("discount on invoice {}; referred through {}", payment.invoice.invoice_id, binding.code),
        postings: 0,
    })
}
