//! The facts that were read for several accounts, and which of them each account's decision is based on: its own, all
//! facts about the same invoices, and what is known about the domains of its sign-ups.

use crate::base::ids::{AccountId, EventId, InvoiceId};
use crate::base::sort::distinct;
use crate::engine::account::fact::Fact;
use crate::engine::event::Payload;
use std::collections::{BTreeSet, HashMap};

/// Facts in the order in which they were read, indexed by subject.
#[derive(Default)]
pub struct AccountFacts {
    all: Vec<Fact>,
    by_account: HashMap<AccountId, Vec<usize>>,
    by_invoice: HashMap<InvoiceId, Vec<usize>>,
    by_domain: HashMap<String, Vec<usize>>,
}

impl AccountFacts {
    pub fn new(all: Vec<Fact>) -> AccountFacts {
        let mut facts = AccountFacts::default();
        all.into_iter().for_each(|fact| facts.add(fact));
        facts
    }

    pub fn add(&mut self, fact: Fact) {
        let at = self.all.len();
        self.by_account.entry(fact.account_id.clone()).or_default().push(at);
        let of_payment = fact.payment.iter().flat_map(|payment| &payment.invoices).map(|i| &i.invoice_id);
        let invoices: BTreeSet<&InvoiceId> = distinct(of_payment.chain(fact.payload.invoice_id()));
        for invoice in invoices {
            self.by_invoice.entry(invoice.to_owned()).or_default().push(at);
        }
        if let Some(domain) = fact.payload.domain() {
            self.by_domain.entry(domain.to_owned()).or_default().push(at);
        }
        self.all.push(fact);
    }

    /// Moves facts to another account.
    pub fn give(&mut self, events: &[EventId], to: &AccountId) {
        let mut all = std::mem::take(self).all;
        for fact in all.iter_mut().filter(|f| events.contains(&f.event_id)) {
            to.clone_into(&mut fact.account_id);
        }
        *self = AccountFacts::new(all);
    }

    /// The account's own facts.
    pub fn own(&self, account: &AccountId) -> impl Iterator<Item = &Fact> {
        self.by_account.get(account).into_iter().flatten().map(|at| &self.all[*at])
    }

    /// Everything that a decision about the account is based on.
    pub fn about(&self, account: &AccountId) -> Vec<&Fact> {
        let mut found: BTreeSet<usize> = distinct(self.by_account.get(account).into_iter().flatten().copied());
        for fact in self.own(account) {
            let of_invoice = fact.payload.invoice_id().and_then(|invoice| self.by_invoice.get(invoice));
            let domain = fact.email_domain.as_ref().filter(|_| matches!(fact.payload, Payload::SignedUp { .. }));
            let of_domain = domain.and_then(|domain| self.by_domain.get(domain));
            found.extend(of_invoice.into_iter().chain(of_domain).flatten());
        }
        found.into_iter().map(|at| &self.all[at]).collect()
    }

    /// The email domains of an account's sign-ups.
    pub fn signup_domains(&self, account: &AccountId) -> Vec<String> {
        let signups = self.own(account).filter(|f| matches!(f.payload, Payload::SignedUp { .. }));
        let domains: BTreeSet<&String> = distinct(signups.filter_map(|f| f.email_domain.as_ref()));
        domains.into_iter().cloned().collect()
    }
}
