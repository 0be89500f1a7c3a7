//! The snapshot that a decision is based on: everything read about some accounts, at the revisions they had before it.

use crate::base::decode;
use crate::base::ids::{AccountId, AccrualId, EventId, InvoiceId, LinkCode, PartnerId};
use crate::base::money::Cents;
use crate::base::sort::distinct;
use crate::base::time::UtcMillis;
use crate::engine::account::closed::ClosedHistory;
use crate::engine::account::decision::{DecisionInput, GroupDecision};
use crate::engine::account::fact::Fact;
use crate::engine::account::grouped::Grouped;
use crate::engine::accrual::Accrual;
use crate::engine::accrual::adjustment::AccrualAdjustments;
use crate::engine::accrual::invoice::{PartnerModifier, PartnerModifiers};
use crate::engine::accrual::milestone::RewardBudget;
use crate::engine::attribution::{AttributionLink, SameDomainAccount};
use crate::engine::event::Person;
use crate::engine::review::address::MailboxKey;
use crate::engine::review::relation::{DomainAccount, MailboxAccount, Relations, Upline, VisitorAccount};
use crate::engine::review::risk::{ReferredSignup, Review};
use crate::program::catalog::Catalog;
use crate::service::account::facts::AccountFacts;
use crate::service::context::{Context, Ports};
use crate::store::account;
use crate::store::account::{AccountIdRow, AccountRow, BoundRow};
use crate::store::accrual::adjustment;
use crate::store::attribution::evidence;
use crate::store::attribution::evidence::{CapReduction, GivenCode};
use crate::store::attribution::suspicion;
use crate::store::attribution::suspicion::Pending;
use crate::store::event::{AccountPerson, FactReads};
use crate::store::ledger::budget;
use crate::store::ledger::budget::BudgetRow;
use crate::store::port::DbError;
use crate::store::query::{Parsed, Query};
use crate::store::together::{Together, together};
use crate::store::{event as events, review};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

pub struct AccountSnapshots {
    pub catalog: Catalog,
    pub accounts: Vec<AccountRow>,
    pub facts: AccountFacts,
    pub budgets: Vec<BudgetRow>,
    pub reads: FactReads,
    closed: HashMap<AccountId, ClosedHistory>,
    bound: HashMap<AccountId, Vec<BoundRow>>,
    links: HashMap<LinkCode, AttributionLink>,
    same_domain_accounts: Grouped<SameDomainAccount>,
    signup_velocity: Grouped<ReferredSignup>,
    relations: Relations,
    modifiers: HashMap<PartnerId, Vec<PartnerModifier>>,
    capped: HashMap<AccrualId, Cents>,
    kept: HashMap<AccrualId, Cents>,
    emails: HashMap<AccountId, Vec<String>>,
    addresses: HashMap<AccountId, Vec<String>>,
    mailboxes: HashMap<AccountId, Vec<MailboxKey>>,
    customers: HashMap<AccountId, Vec<String>>,
    reviews: HashMap<AccountId, Vec<Review>>,
    accruals: HashMap<AccountId, Vec<Accrual>>,
    adjustments: HashMap<AccrualId, AccrualAdjustments>,
}

/// Statements that read the snapshot of a page of accounts.
pub const BOOKS_STATEMENTS: u64 = 5;

/// What an event that is not stored yet adds to the snapshot.
#[derive(Default)]
pub struct PendingEvent {
    pub codes: Vec<LinkCode>,
    pub domains: Vec<String>,
    pub mailboxes: Vec<MailboxKey>,
    /// The visitors whose touches it presents.
    pub visitors: Vec<String>,
    /// The invoices that it is about.
    pub invoices: Vec<InvoiceId>,
    /// When it happened.
    pub at: Option<UtcMillis>,
    /// Which facts are read.
    pub reads: FactReads,
}

/// Reads the snapshot of `accounts`, whose revisions were read before, or with the programs.
pub async fn read<P: Ports>(
    ctx: &Context<'_, P>,
    catalog: Catalog,
    accounts: Vec<AccountRow>,
    coming: &PendingEvent,
) -> Result<AccountSnapshots, DbError> {
    let closed = accounts.iter().filter(|_| coming.reads == FactReads::Open);
    let closed = closed.filter_map(|a| Some((a.id.clone(), closed_history(a.closed.as_deref()?)?))).collect();
    let (facts, links, accruals, (domains, velocity, relations, uplines, modifiers), stored) =
        ctx.read(reads(&accounts, coming, &catalog)).await?;
    let (persons, reviews, capped, bound, budgets) = stored;
    let (accruals, adjustments): (Vec<Accrual>, Vec<AccrualAdjustments>) = accruals.into_iter().unzip();
    Ok(AccountSnapshots {
        catalog,
        accounts,
        closed,
        reads: coming.reads,
        facts: AccountFacts::new(facts),
        links: links.into_iter().map(|(code, link)| (code.given, link)).collect(),
        same_domain_accounts: Grouped::new(domains),
        signup_velocity: Grouped::new(velocity),
        relations: Relations { uplines: Grouped::new(uplines), ..relations },
        modifiers: by_key(modifiers.into_iter().map(|m| (m.partner_id.clone(), m))),
        kept: capped.iter().filter_map(|r| Some((r.accrual_id.clone(), r.kept_cents?))).collect(),
        capped: capped.into_iter().map(|r| (r.accrual_id, r.cap_reduction_cents)).collect(),
        emails: by_key(persons.iter().filter_map(|r| Some((r.account_id.clone(), r.email.clone()?)))),
        addresses: by_key(persons.iter().filter_map(|r| Some((r.account_id.clone(), r.address.clone()?)))),
        mailboxes: by_key(persons.iter().filter_map(|r| Some((r.account_id.clone(), r.mailbox.clone()?)))),
        customers: by_key(persons.into_iter().filter_map(|r| Some((r.account_id, r.stripe_customer?)))),
        reviews: by_key(reviews.into_iter().map(|(of, review)| (of.account_id, review))),
        accruals: by_key(accruals.into_iter().map(|l| (l.account_id.clone(), l))),
        adjustments: adjustments.into_iter().map(|a| (a.accrual_id.clone(), a)).collect(),
        bound: by_key(bound.into_iter().map(|b| (b.account_id.clone(), b))),
        budgets,
    })
}

/// What the books are read by: [`BOOKS_STATEMENTS`] statements.
type BooksReads = (Parsed<Vec<Fact>>, LinkReads, AccrualReads, Together<RelatedReads>, Together<StoredReads>);
type LinkReads = Parsed<Vec<(GivenCode, AttributionLink)>>;
type AccrualReads = Parsed<Vec<(Accrual, AccrualAdjustments)>>;
type RelatedReads =
    (Query<SameDomainAccount>, Query<ReferredSignup>, Parsed<Relations>, Query<Upline>, Query<PartnerModifier>);
type StoredReads = (
    Query<AccountPerson>,
    Parsed<Vec<(AccountIdRow, Review)>>,
    Query<CapReduction>,
    Query<BoundRow>,
    Parsed<Vec<BudgetRow>>,
);

/// The columns of what relates accounts to others, and of what is stored about them.
const RELATED: &[&str] = &[
    "account_id, email_domain, program_id, code, from_ms, event_id, bound_later",
    "program_id, partner_id, account_id, signed_up_at_ms, signup_event_id",
    "kind, row",
    "partner_id, depth, external_id, mailbox, latest_ms, latest_event",
    "program_id, partner_id, modifier_id, quarter, from_ms",
];
const STORED: &[&str] = &[
    "account_id, email, address, mailbox, stripe_customer",
    "account_id, program_id, partner_id, rule, subject, holds, state, reason",
    "accrual_id, cap_reduction_cents, kept_cents",
    "account_id, group_id, program_id, partner_id, code, from_ms, event_id, signed_up_at_ms, signup_event_id, visitor, domain",
    "program_id, revision, balance_cents, waiting",
];

fn reads(accounts: &[AccountRow], coming: &PendingEvent, catalog: &Catalog) -> BooksReads {
    // The account may be among those that are counted.
    let limits = catalog.all().flat_map(|p| &p.risk).filter_map(|rule| rule.when.signups_limit());
    let counted = limits.max().map_or(0, |limit| limit + 1);
    let ids: Vec<AccountId> = accounts.iter().map(|a| a.id.clone()).collect();
    let PendingEvent { domains, mailboxes, codes, visitors, at, reads, .. } = coming;
    let pending = Pending { domains, mailboxes, codes, visitors, at: *at };
    let closed = *reads != FactReads::Open;
    let related = (
        evidence::same_domain_list(&ids, domains),
        evidence::signup_velocity_list(&ids, codes, *at, counted),
        suspicion::relation_list(&ids, &pending),
        evidence::upline_list(&ids, codes),
        evidence::term_list(&ids, codes),
    );
    let stored = (
        events::person_list(&ids),
        review::review_list(&ids),
        evidence::cap_list(&ids, closed),
        account::bound_list(&ids),
        budget::budget_list(),
    );
    (
        events::fact_list(&ids, &coming.invoices, domains, (*reads, catalog.usage_digest())),
        evidence::link_list(&ids, domains, codes),
        adjustment::adjusted_list(&ids, closed),
        together(RELATED, related),
        together(STORED, stored),
    )
}

impl AccountSnapshots {
    /// Decides with one account's part of the snapshot.
    pub fn with_case<T>(
        &self,
        account: &AccountId,
        now: UtcMillis,
        decide: impl FnOnce(&Catalog, &DecisionInput) -> T,
    ) -> T {
        let budgets: Vec<RewardBudget> = self.budgets.iter().map(|p| p.budget.clone()).collect();
        let facts = self.facts.about(account);
        let case = DecisionInput {
            account,
            facts: &facts,
            links: &self.links,
            same_domain_accounts: &self.same_domain_accounts,
            signup_velocity: &self.signup_velocity,
            relations: &self.relations,
            emails: self.emails.get(account).map_or(&[], Vec::as_slice),
            addresses: self.addresses.get(account).map_or(&[], Vec::as_slice),
            mailboxes: self.mailboxes.get(account).map_or(&[], Vec::as_slice),
            customers: self.customers.get(account).map_or(&[], Vec::as_slice),
            reviews: self.reviews.get(account).map_or(&[], Vec::as_slice),
            accruals: self.accruals(account),
            kept: &self.kept,
            closed: self.closed.get(account),
            adjustments: &self.adjustments,
            terms: PartnerModifiers { modifiers: &self.modifiers, capped: &self.capped },
            budgets: &budgets,
            now,
        };
        decide(&self.catalog, &case)
    }

    pub fn accruals(&self, account: &AccountId) -> &[Accrual] {
        self.accruals.get(account).map_or(&[], Vec::as_slice)
    }

    /// The account's bindings when the snapshot was read.
    pub fn bound(&self, account: &AccountId) -> &[BoundRow] {
        self.bound.get(account).map_or(&[], Vec::as_slice)
    }

    /// Removes the account's bindings.
    pub fn unbind(&mut self, account: &AccountId) -> Vec<BoundRow> {
        self.bound.remove(account).unwrap_or_default()
    }

    pub fn reviews_mut(&mut self, account: &AccountId) -> &mut Vec<Review> {
        self.reviews.entry(account.to_owned()).or_default()
    }

    /// Adds a fact that is not stored yet: of the host, or of a customer at Stripe.
    pub fn add_fact(&mut self, fact: Fact, person: &Person, is_customer: bool) {
        let account = &fact.account_id;
        if let Some(email) = &person.email {
            self.emails.entry(account.clone()).or_default().push(email.clone());
        }
        if let (Some(address), Some(mailbox)) = (&person.keys.address, &person.keys.mailbox) {
            self.addresses.entry(account.clone()).or_default().push(address.clone());
            self.mailboxes.entry(account.clone()).or_default().push(mailbox.clone());
            self.relations.mailboxes.add(MailboxAccount {
                mailbox: mailbox.clone(),
                account_id: account.clone(),
                address: address.clone(),
                at_ms: fact.at,
                event_id: fact.event_id.clone(),
                is_customer: i64::from(is_customer),
            });
        }
        if let Some(customer) = &person.stripe_customer {
            self.customers.entry(account.clone()).or_default().push(customer.clone());
        }
        self.facts.add(fact);
    }

    /// Moves facts to another account.
    pub fn move_facts(&mut self, events: &[EventId], to: &AccountId) {
        self.facts.give(events, to);
    }

    /// Moves what is known of the person behind an account, with all its facts.
    pub fn move_person(&mut self, from: &AccountId, to: &AccountId) {
        for known in [&mut self.emails, &mut self.addresses, &mut self.mailboxes, &mut self.customers] {
            let moved = known.remove(from).unwrap_or_default();
            known.entry(to.to_owned()).or_default().extend(moved);
        }
        self.relations.mailboxes.change(|row| {
            if row.account_id == *from {
                to.clone_into(&mut row.account_id);
                row.is_customer = 0;
            }
        });
    }

    /// Adds a decision of the batch to the snapshot, for the next decision.
    pub fn record(&mut self, account: &AccountId, groups: &[GroupDecision]) {
        let (mut same_domain_accounts, mut signup_velocity, mut visitors) = (Vec::new(), Vec::new(), Vec::new());
        let mut by_domain = Vec::new();
        for group in groups {
            let Some(binding) = &group.result.binding else { continue };
            let domains: BTreeSet<&String> = distinct(group.signed_up_domains(self.facts.own(account)));
            same_domain_accounts.extend(domains.into_iter().map(|domain| SameDomainAccount {
                account_id: account.to_owned(),
                email_domain: domain.clone(),
                program_id: binding.program.clone(),
                code: binding.code.clone(),
                from_ms: binding.from,
                event_id: binding.event.clone(),
                bound_later: i64::from(binding.event != group.signed_up.1),
            }));
            visitors.extend(binding.visitor.clone().map(|visitor| VisitorAccount {
                visitor,
                account_id: account.to_owned(),
                signed_up_at_ms: group.signed_up.0,
                signup_event_id: group.signed_up.1.clone(),
            }));
            by_domain.extend(binding.domain.clone().map(|domain| DomainAccount {
                domain,
                program_id: binding.program.clone(),
                account_id: account.to_owned(),
                signed_up_at_ms: group.signed_up.0,
                signup_event_id: group.signed_up.1.clone(),
                is_organization: 0,
            }));
            signup_velocity.push(ReferredSignup {
                program_id: binding.program.clone(),
                partner_id: binding.partner.clone(),
                account_id: account.to_owned(),
                signed_up_at_ms: group.signed_up.0,
                signup_event_id: group.signed_up.1.clone(),
            });
        }
        self.same_domain_accounts.replace(account, same_domain_accounts);
        self.signup_velocity.replace(account, signup_velocity);
        self.relations.visitors.replace(account, visitors);
        self.relations.domains.replace(account, by_domain);
    }
}

/// What is known of closed facts, as stored.
pub fn closed_history(text: &str) -> Option<ClosedHistory> {
    decode::from_text(text).ok()
}

fn by_key<K: Eq + Hash, T>(rows: impl Iterator<Item = (K, T)>) -> HashMap<K, Vec<T>> {
    let mut map: HashMap<K, Vec<T>> = HashMap::new();
    for (key, value) in rows {
        map.entry(key).or_default().push(value);
    }
    map
}
