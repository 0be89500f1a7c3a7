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
    let reason = format!("reached the state {state}");
    let ground = Ground { rule: &reward.id, basis: format!("state:{state}"), event: &binding.event, at: as_of, reason };
    let mut line = Line::new(document, &binding.partner, account, ground, *cents);
    if matches!(document.vesting.hold, Hold::None {}) {
        // Without a hold a reward vests as it is granted.
        line.bucket = Bucket::Available;
        line.state = LineState::Available;
    }
    Some(line)
}

/// A line's identity: the same program, beneficiary, rule, account and fact are the same line.
pub fn line_id(program: &str, partner: &str, rule: &str, account: &str, basis: &str) -> String {
    id::derived("acr", &[program, partner, rule, account, basis])
}

/// The fact that a line is about, and the rule that makes it one.
struct Ground<'a> {
    rule: &'a str,
    basis: String,
    event: &'a str,
    at: UtcMillis,
    reason: String,
}

fn invoice_ground<'a>(rule: &'a str, payment: &'a Payment, reason: String) -> Ground<'a> {
    let basis = format!("invoice:{}", payment.invoice.invoice_id);
    Ground { rule, basis, event: payment.event_id, at: payment.at, reason }
}

impl Line {
    /// A fresh line of `earned` cents, pending.
    fn new(document: &Document, partner: &str, account: &str, ground: Ground, earned: Cents) -> Line {
        Line {
            id: line_id(&document.id, partner, ground.rule, account, &ground.basis),
            program_id: document.id.clone(),
            program_version: document.version,
            rule_id: ground.rule.to_owned(),
            partner_id: partner.to_owned(),
            account_id: account.to_owned(),
            event_id: ground.event.to_owned(),
            basis: ground.basis,
            at_ms: ground.at,
            period: schedule::period_at(document.settlement.cadence, ground.at),
            unit: format!("{}:{}", document.settlement.unit.name(), document.currency),
            earned_cents: earned,
            net_cents: earned,
            bucket: Bucket::Pending,
            state: LineState::Pending,
            vests_at_ms: ground.at,
            reason: ground.reason,
            postings: 0,
        }
    }
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
        let reason = format!("invoice {} was paid", payment.invoice.invoice_id);
        let ground = invoice_ground(&reward.id, payment, reason);
        (earned > Cents::ZERO).then(|| Line::new(document, &binding.partner, account, ground, earned))
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
    let reason = format!("discount on invoice {}; referred through {}", payment.invoice.invoice_id, binding.code);
    let mut line = Line::new(document, "", account, invoice_ground("benefit", payment, reason), cost);
    line.unit = format!("cash:{}", document.currency);
    line.bucket = Bucket::Benefit;
    line.state = LineState::Settled;
    Some(line)
}
