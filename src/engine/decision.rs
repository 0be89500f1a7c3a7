//! The whole decision about one account: its bindings, its lines, its states, and what a person has to look at.

use super::accrual::{self, Bucket, Line, LineState};
use super::attribution::{self, Binding, Link, Verdict};
use super::event::{Event, Payload};
use super::lifecycle::{self, Reached};
use super::risk::{self, Review, Standing, Suspicion};
use super::sabotage::{self, Fault as Sabotage};
use super::timeline::{Fact, Timeline};
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::program::catalog::Catalog;
use crate::program::document::{Document, Trigger};
use std::collections::HashMap;

/// Later than any fact: the whole history counts.
const ALL: UtcMillis = UtcMillis(i64::MAX);

/// Everything a decision about one account rests on.
pub struct Case<'a> {
    pub account: &'a str,
    /// The account's facts, and other accounts' facts about the same invoices.
    pub facts: &'a [Fact],
    /// The codes that its facts name, by code.
    pub links: &'a HashMap<String, Link>,
    /// Email addresses the account is known by.
    pub emails: &'a [String],
    /// Email addresses of the partners of `links`, by partner.
    pub partner_emails: &'a HashMap<String, String>,
    pub reviews: &'a [Review],
    /// The lines that stand.
    pub lines: &'a [Line],
    pub now: UtcMillis,
}

/// One group's answer, and how far the account gets in the program it is bound to, if nothing else happens.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDecision {
    pub verdict: Verdict,
    pub states: Vec<Reached>,
    /// From which instant on a run may find a reward by state due. `None`: nothing to grant.
    pub grant_due_at: Option<UtcMillis>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    pub groups: Vec<GroupDecision>,
    /// Every line that should stand.
    pub lines: Vec<Line>,
    pub suspicions: Vec<Suspicion>,
}

/// Whether decisions rest on this event: on its kind, or on what an event of any kind may bring, a code that binds and
/// an address that looks like the partner's own. Others are stored and change nothing.
pub fn matters(event: &Event) -> bool {
    let brings = event.credential.code.is_some() || event.person.email.is_some();
    (brings && event.account_id.is_some()) || is_decisive(&event.payload)
}

fn is_decisive(payload: &Payload) -> bool {
    matches!(
        payload,
        Payload::SignedUp { .. }
            | Payload::Cancelled
            | Payload::SubscriptionStarted(_)
            | Payload::SubscriptionUpdated(_)
            | Payload::SubscriptionCancelled(_)
            | Payload::InvoicePaid(_)
            | Payload::InvoiceRefunded { .. }
            | Payload::DisputeOpened(_)
            | Payload::DisputeWon(_)
            | Payload::DisputeLost(_)
    )
}

/// Decides an account from scratch, on all its facts.
pub fn decide(catalog: &Catalog, case: &Case) -> Decision {
    let timeline = Timeline::of(case.account, case.facts, ALL);
    let mut decision = Decision::default();
    for verdict in attribution::attribute(catalog, &timeline, case.links) {
        let mut group = GroupDecision { verdict, states: Vec::new(), grant_due_at: None };
        if let Some(binding) = &group.verdict.binding
            && let Some(document) = catalog.in_force(&binding.program, case.now)
        {
            let suspicions = suspect(catalog, document, binding, &timeline, case);
            let standing = risk::standing(&binding.program, &binding.partner, case.reviews, &suspicions);
            decision.lines.extend(accrual::invoice_lines(catalog, binding, &timeline, case.account, &standing));
            decision.lines.extend(granted(document, binding, case, &standing));
            group.states = lifecycle::history(document, case.account, case.facts);
            group.grant_due_at = grant_due(document, case);
            decision.suspicions.extend(suspicions);
        }
        decision.groups.push(group);
    }
    decision
}

/// The rewards by state that a run at `as_of` owes the account, judged on the facts before it.
pub fn grants(catalog: &Catalog, document: &Document, case: &Case, as_of: UtcMillis) -> Vec<Line> {
    let timeline = Timeline::of(case.account, case.facts, as_of);
    let verdicts = attribution::attribute(catalog, &timeline, case.links);
    let Some(binding) = verdicts.iter().filter_map(|v| v.binding.as_ref()).find(|b| b.program == document.id) else {
        return Vec::new();
    };
    let suspicions = suspect(catalog, document, binding, &timeline, case);
    let standing = risk::standing(&binding.program, &binding.partner, case.reviews, &suspicions);
    let due = document.rewards.iter().filter(|reward| {
        let Trigger::State(name) = &reward.on else { return false };
        let state = document.state(name);
        !has_been_granted(document, &reward.id, case)
            && state.is_some_and(|s| lifecycle::holds(document, s, case.account, case.facts, as_of))
    });
    let mut lines: Vec<Line> =
        due.filter_map(|reward| accrual::state_line(document, reward, binding, case.account, as_of)).collect();
    for line in &mut lines {
        if standing != Standing::Clear {
            line.bucket = Bucket::Pending;
            line.state = LineState::Pending;
        }
        hold(line, &standing);
    }
    lines
}

/// When a run may find the next reward by state, once `lines` stand.
pub fn next_grant_due(document: &Document, case: &Case, lines: &[Line]) -> Option<UtcMillis> {
    let standing: Vec<Line> = case.lines.iter().chain(lines).cloned().collect();
    grant_due(document, &Case { lines: &standing, ..*case })
}

/// Rewards once granted stay, and move only with their binding.
fn granted(document: &Document, binding: &Binding, case: &Case, standing: &Standing) -> Vec<Line> {
    let mut kept: Vec<Line> = Vec::new();
    let mut old: Vec<&Line> =
        case.lines.iter().filter(|l| l.program_id == document.id && l.basis.starts_with("state:")).collect();
    // A reward that moved before stands once with each partner it was with; what counts is where money stands.
    old.sort_by_key(|l| (l.net_cents == Cents::ZERO, l.partner_id != binding.partner));
    for line in old {
        if kept.iter().any(|k| k.rule_id == line.rule_id && k.basis == line.basis) {
            continue;
        }
        let mut line = line.clone();
        line.id = accrual::line_id(&document.id, &binding.partner, &line.rule_id, case.account, &line.basis);
        line.postings = 0;
        line.partner_id = binding.partner.clone();
        line.net_cents = line.earned_cents;
        line.state = if line.bucket == Bucket::Available { LineState::Available } else { LineState::Pending };
        line.reason = format!("reached the state {}", line.basis.trim_start_matches("state:"));
        hold(&mut line, standing);
        kept.push(line);
    }
    kept
}

fn hold(line: &mut Line, standing: &Standing) {
    match standing {
        Standing::Clear => {}
        Standing::Held if sabotage::is(Sabotage::HoldIgnored) => line.state = LineState::Pending,
        Standing::Held if line.bucket == Bucket::Pending => {
            line.state = LineState::Held;
            line.reason = "held for review".to_owned();
        }
        // What a run has vested stays: a late hold stops payout only.
        Standing::Held => {}
        Standing::Rejected(reason) => {
            line.net_cents = Cents::ZERO;
            line.state = LineState::Void;
            line.reason = format!("rejected in review: {reason}");
        }
    }
}

fn has_been_granted(document: &Document, rule: &str, case: &Case) -> bool {
    if sabotage::is(Sabotage::GrantAgain) {
        return false;
    }
    case.lines.iter().any(|l| l.program_id == document.id && l.rule_id == rule && l.basis.starts_with("state:"))
}

fn grant_due(document: &Document, case: &Case) -> Option<UtcMillis> {
    let open = document.rewards.iter().filter(|r| !has_been_granted(document, &r.id, case));
    let states = open.filter_map(|r| match &r.on {
        Trigger::State(name) => document.state(name),
        Trigger::Event(_) => None,
    });
    states.filter_map(|state| lifecycle::first_held(document, state, case.account, case.facts)).min()
}

fn suspect(
    catalog: &Catalog,
    document: &Document,
    binding: &Binding,
    timeline: &Timeline,
    case: &Case,
) -> Vec<Suspicion> {
    let partner_email = case.partner_emails.get(&binding.partner).map(String::as_str);
    let mut found = risk::assess(document, &binding.partner, partner_email, case.emails);
    for payment in &timeline.payments {
        let currency = &payment.invoice.amount.currency;
        let Some(document) = catalog.in_force(&binding.program, payment.at) else { continue };
        let evidence = if *currency != document.currency {
            format!("invoice in {currency}; the program reckons in {}", document.currency)
        } else if payment.taken_back_elsewhere {
            format!("refunded or disputed in another currency than it was paid in, {currency}; nothing is converted")
        } else {
            continue;
        };
        if (payment.at, payment.event_id) >= (binding.from, binding.event.as_str()) {
            found.push(Suspicion {
                program: binding.program.clone(),
                partner: binding.partner.clone(),
                rule: "currency".to_owned(),
                subject: payment.invoice.invoice_id.clone(),
                holds: true,
                evidence,
            });
        }
    }
    found
}
