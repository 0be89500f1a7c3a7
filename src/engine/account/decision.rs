//! The whole decision about one account: its bindings, accruals and states, and what a person has to review.

use crate::base::id;
use crate::base::ids::{AccountId, AccrualId, EventId, LinkCode};
use crate::base::money::Cents;
use crate::base::sort::distinct;
use crate::base::time::UtcMillis;
use crate::engine::account::closed::{ClosedHistory, Closing, PaymentUse};
use crate::engine::account::fact::Fact;
use crate::engine::account::grouped::Grouped;
use crate::engine::account::invoice_status;
use crate::engine::account::invoice_status::InvoiceStatus;
use crate::engine::account::lifecycle;
use crate::engine::account::lifecycle::LifecycleTransition;
use crate::engine::account::order;
use crate::engine::account::timeline::{Revenue, Timeline};
use crate::engine::account::usage;
use crate::engine::accrual::Accrual;
use crate::engine::accrual::adjustment;
use crate::engine::accrual::adjustment::AccrualAdjustments;
use crate::engine::accrual::event;
use crate::engine::accrual::invoice;
use crate::engine::accrual::invoice::{PartnerModifiers, ReferredAccount};
use crate::engine::accrual::milestone;
use crate::engine::accrual::milestone::RewardBudget;
use crate::engine::attribution;
use crate::engine::attribution::{AttributionLink, AttributionResult, Binding, Evidence, SameDomainAccount};
use crate::engine::event::{Event, Payload};
use crate::engine::review::address::MailboxKey;
use crate::engine::review::currency;
use crate::engine::review::relation::Relations;
use crate::engine::review::risk;
use crate::engine::review::risk::{ReferredSignup, Review, RiskInput, Suspicion};
use crate::engine::review::suspension;
use crate::engine::review::suspension::Suspension;
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::Document;
use std::collections::{HashMap, HashSet};

/// Later than any fact, so that the whole history counts.
const ALL: UtcMillis = UtcMillis(i64::MAX);

/// Everything that a decision about one account depends on.
pub struct DecisionInput<'a> {
    pub account: &'a AccountId,
    /// The account's facts, other accounts' facts about the same invoices, and facts about its domain.
    pub facts: &'a [&'a Fact],
    /// The links of the codes that its facts name, by code.
    pub links: &'a HashMap<LinkCode, AttributionLink>,
    /// Accounts that signed up with the same email domain, by domain.
    pub same_domain_accounts: &'a Grouped<SameDomainAccount>,
    /// Referred sign-ups of the partners in `links`, by partner.
    pub signup_velocity: &'a Grouped<ReferredSignup>,
    pub relations: &'a Relations,
    /// Email addresses the account is known by.
    pub emails: &'a [String],
    /// Their digests, and those of erased ones.
    pub addresses: &'a [String],
    /// The mailboxes that they lead to.
    pub mailboxes: &'a [MailboxKey],
    /// Customers at Stripe that its events name.
    pub customers: &'a [String],
    pub reviews: &'a [Review],
    /// The stored accruals.
    pub accruals: &'a [Accrual],
    /// What stays of banned partners' accruals.
    pub kept: &'a HashMap<AccrualId, Cents>,
    /// What is known of facts and accruals that are not among these.
    pub closed: Option<&'a ClosedHistory>,
    /// What operators adjusted of them, by accrual.
    pub adjustments: &'a HashMap<AccrualId, AccrualAdjustments>,
    pub terms: PartnerModifiers<'a>,
    pub budgets: &'a [RewardBudget],
    pub now: UtcMillis,
}

/// One group's result, and how far the account got in the program that it is bound to.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDecision {
    pub result: AttributionResult,
    /// When it signed up, and by which event.
    pub signed_up: (UtcMillis, EventId),
    pub states: Vec<LifecycleTransition>,
    /// From when a run may find a milestone reward due. `None`: nothing to grant.
    pub grant_due_at: Option<UtcMillis>,
    /// Its first payment since the binding started.
    pub qualified_at: Option<UtcMillis>,
    pub held: bool,
    pub revenue: Vec<Revenue>,
}

impl GroupDecision {
    /// The email domains of the sign-up, from the account's own facts.
    pub fn signed_up_domains<'a>(&self, own: impl Iterator<Item = &'a Fact>) -> impl Iterator<Item = &'a String> {
        let from = self.signed_up.0;
        let signups = own.filter(move |f| matches!(f.payload, Payload::SignedUp { .. }) && order::is_one(from, f.at));
        signups.filter_map(|f| f.email_domain.as_ref())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountDecision {
    pub groups: Vec<GroupDecision>,
    /// Every accrual that the facts call for.
    pub accruals: Vec<Accrual>,
    pub suspicions: Vec<Suspicion>,
    /// The account's usage events that it does not depend on.
    pub moot: HashSet<EventId>,
    /// What payments used up of rewards.
    pub uses: Vec<PaymentUse>,
    /// What it depends on besides facts: bindings, reviews, and the terms of partners.
    pub inputs: String,
    /// Whether that is not what it was when facts were closed: then it is to be made with all of them.
    pub reopens: bool,
    pub closing: Option<Closing>,
    /// What was refunded or is disputed.
    pub invoices: Vec<InvoiceStatus>,
}

/// Whether decisions depend on this event: because of its type, or because it carries what any event may carry, a code
/// that binds, or an address or customer that may be the partner's own. Other events are stored and change nothing.
pub fn matters(catalog: &Catalog, event: &Event) -> bool {
    let person = &event.person;
    let brings = event.credential.code.is_some() || person.email.is_some() || person.stripe_customer.is_some();
    (brings && event.account_id.is_some()) || event.payload.is_decisive() || is_named(catalog, &event.kind)
}

/// Whether any version of a program names this type of event: an event is judged by the version of its time.
fn is_named(catalog: &Catalog, kind: &str) -> bool {
    catalog.all().any(|p| {
        let in_funnel = p.funnel.iter().flat_map(|f| &f.stages).any(|s| s.events.iter().any(|e| e == kind));
        in_funnel || lifecycle::names(p, kind) || p.per_event().any(|(_, per)| per.kind() == kind)
    })
}

/// Decides an account from scratch, from all its facts.
pub fn decide(catalog: &Catalog, case: &DecisionInput) -> AccountDecision {
    let (facts, moot) = usage::without_moot(catalog.usage(), case.account, case.facts);
    let case = &DecisionInput { facts: &facts, ..*case };
    let timeline = Timeline::of(case.account, case.facts, ALL);
    let mut decision = attributed(catalog, case, &timeline);
    decision.reopens = case.closed.is_some_and(|closed| closed.inputs != decision.inputs);
    decision.moot = moot.into_iter().map(|fact| fact.event_id.clone()).collect();
    decision.accruals.extend(adjustment::kept(case.accruals, case.adjustments, &timeline, case.kept));
    adjustment::apply(&mut decision.accruals, case.adjustments);
    decision.invoices = invoice_status::of(&timeline);
    decision
}

/// What follows from the account's attribution.
fn attributed(catalog: &Catalog, case: &DecisionInput, timeline: &Timeline) -> AccountDecision {
    let mut decision = AccountDecision::default();
    let Some(signup) = timeline.signup.first() else { return decision };
    for result in attribution::attribute(catalog, timeline, &evidence(case)) {
        let mut group = GroupDecision {
            result,
            signed_up: (signup.at, signup.event_id.clone()),
            states: Vec::new(),
            grant_due_at: None,
            qualified_at: None,
            held: false,
            revenue: Vec::new(),
        };
        if let Some(binding) = &group.result.binding
            && let Some(document) = catalog.in_force(&binding.program, case.now)
        {
            let suspicions = suspect(catalog, document, binding, timeline, case);
            let standing = risk::standing(&binding.program, &binding.partner, case.reviews, &suspicions);
            let bound = ReferredAccount {
                catalog,
                binding,
                account: case.account,
                timeline,
                standing: &standing,
                suspensions: suspensions(case, binding),
                closed: case.closed,
                kept: case.kept,
                terms: case.terms,
            };
            decision.accruals.extend(accruals(&bound, document, case, &mut decision.uses));
            decision.inputs = inputs(&decision.inputs, &bound);
            // A payment that is held because of its currency qualifies no one.
            let paid = timeline.payments.iter().find(|p| {
                p.is_customers()
                    && p.position() >= binding.position(&timeline.signup)
                    && p.invoice.amount.currency == document.currency
            });
            group.qualified_at = paid.map(|p| p.at);
            let counts_from = group.qualified_at.unwrap_or(binding.from);
            group.held = standing != risk::ReviewStatus::Clear || suspension::is_held(bound.suspensions, counts_from);
            group.states = lifecycle::history(document, timeline);
            if document.is_settled_by_runs() {
                group.grant_due_at = milestone::next_due(&bound, &document.id, case.accruals, case.now);
            }
            if !group.held {
                group.revenue = revenue_since(&timeline.revenue_in(&document.currency), binding.from);
            }
            decision.suspicions.extend(suspicions);
        }
        decision.groups.push(group);
    }
    decision
}

/// What the account earns its partner, from the start of the binding on.
fn revenue_since(spans: &[Revenue], bound_at: UtcMillis) -> Vec<Revenue> {
    let since = spans.iter().filter(|s| s.to_ms.is_none_or(|to| to > bound_at));
    since.map(|s| Revenue { from_ms: s.from_ms.max(bound_at), ..s.clone() }).collect()
}

/// The one producer of accruals, whatever the cadence: each earning is for payments, for events or for a state, so a
/// fact gives at most one accrual for it.
fn accruals(
    bound: &ReferredAccount,
    document: &Program,
    case: &DecisionInput,
    uses: &mut Vec<PaymentUse>,
) -> Vec<Accrual> {
    // The next reward can't use what this reward draws from the budget.
    let mut budget = case.budgets.iter().find(|p| p.program_id == document.id).cloned().unwrap_or_default();
    let mut accruals = invoice::invoice_accruals(bound, uses);
    if !document.is_instant() {
        accruals.extend(event::derived(bound));
    }
    accruals.extend(milestone::kept(bound, document, case.accruals, &mut budget));
    accruals.extend(milestone::instant(bound, document, case.accruals, case.now, &mut budget));
    accruals
}

/// The milestone rewards that a run at `as_of` owes the account, judged on the facts before it, and when the next one
/// may be due.
pub fn grants(
    catalog: &Catalog,
    document: &Program,
    case: &DecisionInput,
    as_of: UtcMillis,
) -> (Vec<Accrual>, Option<UtcMillis>) {
    let (facts, _) = usage::without_moot(catalog.usage(), case.account, case.facts);
    let case = &DecisionInput { facts: &facts, ..*case };
    let known: Vec<&Fact> = case.facts.iter().copied().filter(|f| f.at < as_of).collect();
    let timeline = Timeline::of(case.account, &known, as_of);
    let verdicts = attribution::attribute(catalog, &timeline, &Evidence { facts: &known, ..evidence(case) });
    let Some(binding) = verdicts.iter().filter_map(|v| v.binding.as_ref()).find(|b| b.program == document.id) else {
        return (Vec::new(), None);
    };
    let suspicions = suspect(catalog, document, binding, &timeline, case);
    let standing = risk::standing(&binding.program, &binding.partner, case.reviews, &suspicions);
    let bound = ReferredAccount {
        catalog,
        binding,
        account: case.account,
        timeline: &timeline,
        standing: &standing,
        suspensions: suspensions(case, binding),
        closed: case.closed,
        kept: case.kept,
        terms: case.terms,
    };
    let due = milestone::due(&bound, document, case.accruals, as_of);
    let all: Vec<Accrual> = case.accruals.iter().chain(&due).cloned().collect();
    let whole = Timeline::of(case.account, case.facts, ALL);
    let next = milestone::next_due(&ReferredAccount { timeline: &whole, ..bound }, &document.id, &all, as_of);
    (due, next)
}

/// A digest of what a decision depends on besides facts, with that of the groups before.
fn inputs(before: &str, bound: &ReferredAccount) -> String {
    let binding = bound.binding;
    let instant = |at: UtcMillis| at.0.to_string();
    let mut parts = vec![before.to_owned(), binding.program.to_string(), binding.partner.to_string()];
    parts.extend([instant(binding.from), binding.event.to_string(), (binding.source as u8).to_string()]);
    parts.push(bound.catalog.versions(&binding.program).count().to_string());
    parts.push((*bound.standing == risk::ReviewStatus::Clear).to_string());
    for s in bound.suspensions {
        parts.extend([s.standing.name().to_owned(), instant(s.from_ms), s.to_ms.map_or(String::new(), instant)]);
    }
    for m in bound.terms.of(&binding.partner).iter().filter(|m| m.program_id == binding.program) {
        parts.extend([m.modifier_id.to_string(), m.quarter.clone(), instant(m.from_ms)]);
    }
    id::derived("inp", &parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Those of the partner that an account is bound to.
fn suspensions<'a>(case: &DecisionInput<'a>, binding: &Binding) -> &'a [Suspension] {
    case.links.get(&binding.code).map_or(&[], |link| &link.suspensions)
}

fn evidence<'a>(case: &DecisionInput<'a>) -> Evidence<'a> {
    Evidence {
        account: case.account,
        facts: case.facts,
        links: case.links,
        same_domain_accounts: case.same_domain_accounts,
    }
}

/// The suspicions about an account.
fn suspect(
    catalog: &Catalog,
    document: &Document,
    binding: &Binding,
    timeline: &Timeline,
    case: &DecisionInput,
) -> Vec<Suspicion> {
    let link = case.links.get(&binding.code);
    let signed_up = timeline.signup.first().map_or((UtcMillis(0), ""), |s| (s.at, s.event_id.as_str()));
    let mut found = risk::assess(
        document,
        &RiskInput {
            account: case.account,
            emails: case.emails,
            addresses: case.addresses,
            mailboxes: &distinct(case.mailboxes.iter().cloned()),
            customers: case.customers,
            partner: &binding.partner,
            partner_email: link.and_then(|l| l.partner_email.as_deref()),
            partner_mailbox: link.and_then(|l| l.partner_mailbox.as_ref()),
            partner_website: link.and_then(|l| l.partner_website.as_deref()),
            signed_up,
            bound: (binding.from, &binding.event),
            visitor: binding.visitor.as_deref(),
            domain: binding.domain.as_deref(),
            signup_velocity: case.signup_velocity,
            relations: case.relations,
        },
    );
    found.extend(currency::suspect(catalog, binding, timeline));
    found
}
