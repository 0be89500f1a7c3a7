//! Which account a Stripe customer is, as far as it is known, and the facts that wait at the customer until then.
//!
//! A customer is the account whose host names it. Otherwise it is the one that signed up with its address: the stories
//! give no two accounts a customer's address. Before that it is its own account.

use super::facts::{Known, LINK, Sent};
use std::collections::BTreeSet;
use std::rc::Rc;

impl Known {
    /// Adds what an event says. Returns the accounts that it changes.
    pub fn learn(&mut self, event: &Sent) -> BTreeSet<String> {
        for one in std::iter::once(event).chain(&event.further) {
            let customer = one.customer.as_deref();
            let account = customer.map_or(one.account.clone(), |customer| self.account_of(customer));
            self.add(&Sent { account, ..one.clone() });
        }
        let mut touched = self.same_invoices(event);
        touched.insert(event.customer.as_deref().map_or(event.account.clone(), |c| self.account_of(c)));
        touched.remove("");
        touched
    }

    /// Moves customers whose account follows from what is known by now. Returns the accounts that it changes.
    pub fn join_all(&mut self) -> BTreeSet<String> {
        let customers: BTreeSet<String> = self.events.iter().filter_map(|e| e.customer.clone()).collect();
        customers.iter().flat_map(|customer| self.join(customer)).collect()
    }

    /// Moves a customer's facts to its account.
    fn join(&mut self, customer: &str) -> BTreeSet<String> {
        let account = self.account_of(customer);
        let mut touched = BTreeSet::new();
        for event in self.events.iter_mut().filter(|e| e.customer.as_deref() == Some(customer)) {
            if event.account != account {
                touched.extend([event.account.clone(), account.clone()]);
                Rc::make_mut(event).account.clone_from(&account);
            }
        }
        touched
    }

    fn account_of(&self, customer: &str) -> String {
        let mut hosts = self.events.iter().filter(|e| e.customer.is_none() && !e.account.is_empty());
        if let Some(names) = hosts.find(|e| e.data("stripe_customer") == customer) {
            return names.account.clone();
        }
        let mine = self.events.iter().filter(|e| e.customer.as_deref() == Some(customer));
        let addresses: Vec<&str> = mine.map(|e| e.data("customer_email")).filter(|a| !a.is_empty()).collect();
        let mut sign_ups = self.events.iter().filter(|e| e.customer.is_none() && e.kind == "account.signed_up");
        let found = sign_ups.find(|e| e.email().is_some_and(|email| addresses.contains(&email)));
        found.map_or_else(|| customer.to_owned(), |e| e.account.clone())
    }

    /// The accounts with the invoices that an event is about, or that its payment paid.
    fn same_invoices(&self, event: &Sent) -> BTreeSet<String> {
        let said = || std::iter::once(event).chain(&event.further);
        let payments: BTreeSet<&str> = said().map(|e| e.data("payment")).filter(|p| !p.is_empty()).collect();
        let links = self.events.iter().filter(|e| e.kind == LINK && payments.contains(e.data("payment")));
        let invoices: BTreeSet<&str> =
            links.map(|e| &**e).chain(said()).map(|e| e.data("invoice_id")).filter(|i| !i.is_empty()).collect();
        let same = self.events.iter().filter(|e| invoices.contains(e.data("invoice_id")));
        same.map(|e| e.account.clone()).collect()
    }
}
