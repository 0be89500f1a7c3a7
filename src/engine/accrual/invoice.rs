//! What an account's payments earn its referrer: the accruals that the facts call for.
//!
//! Rules 1, 2, 11, 14, 15, 19 and 20 of the design. A share is floored to the cent once, over the whole rate. A
//! refund or lost dispute reverses its share of what the invoice really earned over all its accruals, and it uses up
//! the first accrual before the next.

use crate::base::ids::{AccountId, AccrualId, PartnerId, ProgramId, RewardId};
use crate::base::money::{Bps, Cents};
use crate::base::time::{Quarter, UtcMillis};
use crate::engine::account::closed::{ClosedHistory, PaymentUse, Used};
use crate::engine::account::lifecycle;
use crate::engine::account::order::Position;
use crate::engine::account::timeline::{Payment, Timeline};
use crate::engine::accrual::hold;
use crate::engine::accrual::hold::HoldContext;
use crate::engine::accrual::source::{AccrualOrigin, AccrualSource};
use crate::engine::accrual::{Accrual, AccrualCause, AccrualState, Balance};
use crate::engine::attribution::Binding;
use crate::engine::ledger::account::FundingAccount;
use crate::engine::review::risk::ReviewStatus;
use crate::engine::review::suspension::Suspension;
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::{Document, Hold, Source, Span};
use crate::program::reward::{InvoiceAmount, InvoiceRate, PerInvoice};
use serde::Deserialize;
use std::collections::HashMap;

/// Not known yet: the last instant that can be written.
pub const NEVER: UtcMillis = UtcMillis(253_402_300_799_999);

/// A modifier that a partner has earned, as the last run found.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PartnerModifier {
    pub partner_id: PartnerId,
    pub program_id: ProgramId,
    pub modifier_id: RewardId,
    /// The quarter whose invoices it applies to; empty: all invoices after `from_ms`, permanently.
    pub quarter: String,
    pub from_ms: UtcMillis,
}

/// What runs have found about partners that affects an account's accruals.
#[derive(Clone, Copy, Debug)]
pub struct PartnerModifiers<'a> {
    /// By partner.
    pub modifiers: &'a HashMap<PartnerId, Vec<PartnerModifier>>,
    /// What monthly caps remove, by accrual.
    pub capped: &'a HashMap<AccrualId, Cents>,
}

impl<'a> PartnerModifiers<'a> {
    pub fn of(&self, partner: &PartnerId) -> &'a [PartnerModifier] {
        self.modifiers.get(partner).map_or(&[], Vec::as_slice)
    }
}

/// One account bound to one program.
pub struct ReferredAccount<'a> {
    pub catalog: &'a Catalog,
    pub binding: &'a Binding,
    pub account: &'a AccountId,
    pub timeline: &'a Timeline<'a>,
    pub standing: &'a ReviewStatus,
    /// The partner's.
    pub suspensions: &'a [Suspension],
    /// What is known of payments that are not in the timeline.
    pub closed: Option<&'a ClosedHistory>,
    /// What stays of accruals in a ban, because it was paid or used.
    pub kept: &'a HashMap<AccrualId, Cents>,
    pub terms: PartnerModifiers<'a>,
}

impl<'a> ReferredAccount<'a> {
    pub fn grounds(&'a self, document: &'a Document) -> HoldContext<'a> {
        HoldContext { document, timeline: self.timeline }
    }

    pub fn counts(&self, at: Position) -> bool {
        at >= self.binding.position(&self.timeline.signup)
    }

    /// Whether the account was brought in one of these ways. None named: in any.
    pub fn is_brought(&self, sources: &[Source]) -> bool {
        sources.is_empty() || sources.contains(&self.binding.source)
    }
}

/// The accruals for the account's payments since the binding started, and what each of them used up.
pub fn invoice_accruals(b: &ReferredAccount, uses: &mut Vec<PaymentUse>) -> Vec<Accrual> {
    let mut accruals = Vec::new();
    let closed = b.closed.iter().flat_map(|closed| &closed.used).find(|of| of.program == b.binding.program);
    let mut used = closed.map(|of| of.used.clone()).unwrap_or_default();
    for payment in b.timeline.payments.iter().filter(|p| b.counts(p.position())) {
        let Some(document) = b.catalog.in_force(&b.binding.program, payment.at) else { continue };
        if payment.invoice.amount.currency != document.currency {
            continue;
        }
        let (mut earned, own) = earn(b, document, payment, &used);
        used.add(&own);
        uses.push(PaymentUse { program: document.id.clone(), event: payment.event_id.clone(), used: own });
        take_back(&mut earned, payment);
        for accrual in &mut earned {
            judge(accrual, b, document, payment);
        }
        accruals.append(&mut earned);
        accruals.extend(benefit_accrual(b, document, payment));
    }
    accruals
}

/// When a flat accrual vests, and whether it is void.
pub fn judge_flat(accrual: &mut Accrual, grounds: &HoldContext) {
    // It belongs to the paid period that contains it, or to the first one that starts after it.
    let paid_period = grounds.timeline.paid_periods.iter().find(|s| s.cancelled_at.is_none_or(|c| c >= accrual.at_ms));
    match hold::vesting(grounds, paid_period, accrual.at_ms) {
        Err(why) => accrual.void(why),
        Ok(vests_at) => {
            accrual.vests_at_ms = vests_at.unwrap_or(NEVER);
            let held = !matches!(grounds.document.vesting.hold, Hold::None {});
            if held && let Some(why) = hold::flat_void(grounds, accrual, earned_at(accrual, grounds), vests_at) {
                accrual.void(why);
            }
        }
    }
}

/// When the fact behind a flat accrual happened. An account often reaches a state some time before the run that grants
/// it.
fn earned_at(accrual: &Accrual, grounds: &HoldContext) -> UtcMillis {
    let state = match accrual.source.origin() {
        AccrualOrigin::Milestone(name) => grounds.document.state(name),
        AccrualOrigin::Invoice(_)
        | AccrualOrigin::Event(_)
        | AccrualOrigin::Adjustment(_)
        | AccrualOrigin::Unknown(_) => None,
    };
    let reached = state.and_then(|s| lifecycle::first_held(grounds.document, s, grounds.timeline));
    reached.map_or(accrual.at_ms, |reached| reached.min(accrual.at_ms))
}

/// What a payment earns, and uses up of what earlier ones left.
fn earn(b: &ReferredAccount, program: &Program, payment: &Payment, used: &Used) -> (Vec<Accrual>, Used) {
    let (mut accruals, mut own) = (Vec::new(), Used::default());
    let earnings = program.per_invoice().filter(|(earning, per)| {
        (payment.is_customers() || matches!(per.amount, InvoiceAmount::Rate(_)))
            && b.is_brought(&earning.sources)
            && is_large(per, payment)
    });
    for (earning, per) in earnings {
        if !in_span(per, b, program, payment, used.once.contains(&earning.id)) {
            continue;
        }
        if matches!(per.span, Span::Once {}) {
            own.once.push(earning.id.clone());
        }
        let line = |rule: &RewardId, on: &str, cents| invoice_line(b, program, payment, rule, on, cents);
        match &per.amount {
            InvoiceAmount::Flat(cents) => {
                own.earn(&earning.id, cents.0);
                accruals.extend(line(&earning.id, "", *cents));
            }
            InvoiceAmount::Rate(rate) => {
                let amount = payment.invoice.amount.cents;
                let Some(base) = rate.own.of(amount) else { continue };
                let mut shares = vec![line(&earning.id, "", base)];
                // The better rate is one rate, floored once. Its accrual holds the difference.
                if let Some((modifier, better)) =
                    better_rate(b.terms.of(&b.binding.partner), &program.id, rate, payment.at)
                    && let Some(whole) = better.of(amount)
                {
                    shares.push(line(modifier, &earning.id, Cents(whole.0 - base.0)));
                }
                let mut shares: Vec<Accrual> = shares.into_iter().flatten().collect();
                for share in &mut shares {
                    if let Some(cap) = rate.account_cap {
                        take_account_cap(share, Cents(cap.0 - used.of(&earning.id) - own.of(&earning.id)));
                    }
                    own.earn(&earning.id, share.kept().0);
                }
                accruals.append(&mut shares);
            }
        }
    }
    for accrual in &mut accruals {
        if let Some(taken) = b.terms.capped.get(&accrual.id) {
            let taken = Cents(taken.0.min(accrual.kept().0));
            take_cap(accrual, taken, &format!("over the partner's cap in {}", accrual.period.clone()));
        }
    }
    (accruals, own)
}

/// The reward's own share takes the room that its account has left before what a modifier adds.
fn take_account_cap(accrual: &mut Accrual, room: Cents) {
    let earned = accrual.gross_cents.0;
    take_cap(accrual, Cents((earned - room.0).clamp(0, earned)), "over the account's cap");
}

fn take_cap(accrual: &mut Accrual, taken: Cents, why: &str) {
    if taken <= Cents::ZERO {
        return;
    }
    accrual.cap_reduction_cents.0 += taken.0;
    accrual.net_cents = accrual.kept();
    accrual.reason = format!("{}; {} cents are {why}", accrual.reason, taken.0);
    if accrual.net_cents == Cents::ZERO {
        accrual.void(format!("{why}: nothing is left of {} cents", accrual.gross_cents.0));
    }
}

fn invoice_line(
    b: &ReferredAccount,
    document: &Document,
    payment: &Payment,
    rule: &str,
    on: &str,
    earned: Cents,
) -> Option<Accrual> {
    let invoice = &payment.invoice.invoice_id;
    let paid = AccrualSource::invoice(invoice);
    let source = if on.is_empty() { paid } else { paid.modifier(on) };
    let reason = format!("invoice {invoice} was paid");
    let ground = AccrualCause { rule, source, event: payment.event_id, at: payment.at, reason };
    (earned > Cents::ZERO).then(|| Accrual::new(document, &b.binding.partner, b.account, ground, earned))
}

/// Rule 15: the highest rate that a partner's modifiers give, if it is higher than the earning's own. Modifiers do not
/// stack.
pub(crate) fn better_rate<'r>(
    terms: &[PartnerModifier],
    program: &ProgramId,
    rate: &'r InvoiceRate,
    at: UtcMillis,
) -> Option<(&'r RewardId, Bps)> {
    let quarter = Quarter::of(at).to_string();
    let applies = |modifier: &RewardId| {
        terms.iter().any(|t| {
            t.program_id == *program
                && t.modifier_id == *modifier
                && if t.quarter.is_empty() { at > t.from_ms } else { t.quarter == quarter }
        })
    };
    let earned = rate.better.iter().filter(|(modifier, _)| applies(modifier));
    earned.max_by_key(|(_, rate)| *rate).map(|(modifier, rate)| (modifier, *rate))
}

/// Rule 19: whether a payment exceeds the earning's monthly floor.
fn is_large(per: &PerInvoice, payment: &Payment) -> bool {
    per.monthly_over.is_none_or(|over| payment.is_monthly_over(over))
}

/// Rule 19: whether a payment falls into the months in which an earning is earned.
fn in_span(per: &PerInvoice, b: &ReferredAccount, document: &Document, payment: &Payment, is_done: bool) -> bool {
    // A one-time payment starts no clock. Before the clock starts, it counts as made at its start.
    let clock = |start: Option<UtcMillis>| start.or_else(|| (!payment.is_customers()).then_some(payment.at));
    match &per.span {
        Span::Once {} => !is_done && payment.is_customers(),
        Span::Months { from, to } => clock(b.timeline.first_paid_at()).is_some_and(|start| {
            payment.at.max(start) >= start.plus_months(*from) && to.is_none_or(|to| payment.at < start.plus_months(to))
        }),
        Span::MonthsSinceFirstMatch { months } => {
            let mut own = b
                .timeline
                .payments
                .iter()
                .filter(|p| p.is_customers() && p.invoice.amount.currency == document.currency);
            let start = own.find(|p| is_large(per, p)).map(|p| p.at);
            clock(start).is_some_and(|start| payment.at < start.plus_months(*months))
        }
    }
}

/// Rule 11: subtracts the refunded share of what the invoice earned from its accruals, starting with the first.
fn take_back(accruals: &mut [Accrual], payment: &Payment) {
    let earned = Cents(accruals.iter().map(|l| l.kept().0).sum());
    // Refunds include the tax, so they are a share of what was charged. It is floored once: a share of what was paid for
    // the service first would lose a cent. What was charged is positive and at least the amount clawed back, so the share
    // exists and is at most the whole.
    let mut left = earned.share(payment.taken_back, payment.invoice.charged()).unwrap_or(Cents::ZERO);
    for accrual in accruals.iter_mut().filter(|l| !l.is_over()) {
        let taken = left.0.min(accrual.net_cents.0);
        accrual.net_cents.0 -= taken;
        left.0 -= taken;
        if accrual.net_cents == Cents::ZERO {
            accrual.state = AccrualState::Reversed;
            accrual.reason = format!("invoice {} was taken back in full", payment.invoice.invoice_id);
        }
    }
}

/// Applies the hold, the dispute and the review to an accrual that earned something.
fn judge(accrual: &mut Accrual, b: &ReferredAccount, document: &Document, payment: &Payment) {
    match hold::vesting(&b.grounds(document), Some(&b.timeline.period_of(payment)), payment.at) {
        Err(why) => {
            if hold::earning_period_ended(&b.grounds(document)).is_some_and(|ended| ended < payment.at) {
                // It was never earned, so it uses no room under a cap either.
                accrual.gross_cents = Cents::ZERO;
                accrual.cap_reduction_cents = Cents::ZERO;
            }
            return accrual.void(why);
        }
        Ok(vests_at) => accrual.vests_at_ms = vests_at.unwrap_or(NEVER),
    }
    if *b.standing != ReviewStatus::Clear && !accrual.is_over() && !payment.disputed {
        hold::review(accrual, b.standing);
    } else if let ReviewStatus::Rejected(reason) = b.standing {
        accrual.void(format!("rejected in review: {reason}"));
    } else if !accrual.is_over() && payment.disputed {
        accrual.state = AccrualState::Disputed;
        accrual.reason = format!("a dispute of invoice {} is open", payment.invoice.invoice_id);
    }
    hold::suspend(accrual, b.suspensions, b.kept);
}

/// Rule 13: the discount on the account's first invoice, where the program offers one.
fn benefit_accrual(b: &ReferredAccount, document: &Document, payment: &Payment) -> Option<Accrual> {
    document.benefit.as_ref()?;
    let first = b.timeline.first_payment()?;
    let cost = payment.invoice.discount_cents;
    if first.event_id != payment.event_id || cost <= Cents::ZERO {
        return None;
    }
    let invoice = &payment.invoice.invoice_id;
    let ground = AccrualCause {
        rule: "benefit",
        source: AccrualSource::invoice(invoice),
        event: payment.event_id,
        at: payment.at,
        reason: format!("discount on invoice {invoice}; referred through {}", b.binding.code),
    };
    let mut accrual = Accrual::new(document, &PartnerId::default(), b.account, ground, cost);
    accrual.unit = format!("cash:{}", document.currency);
    accrual.balance = Balance::Benefit;
    accrual.state = AccrualState::Settled;
    accrual.funding_account = FundingAccount::Expense;
    Some(accrual)
}
