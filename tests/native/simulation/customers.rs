//! Which account a Stripe customer is, as far as it is known, and the facts that wait at the customer until then.
//!
//! A customer is the account whose host names it. Otherwise it is the one that signed up and had its address when all of
//! that was first known, in whichever event the host named the address; of two accounts at that instant it is neither's.
//! Before that it is its own account.

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
        let met = self.events.iter().filter(|e| e.customer.is_none() && !e.account.is_empty());
        let met = met.filter_map(|e| Some((self.met(customer, e)?, e.account.as_str())));
        let met: BTreeSet<(i64, &str)> = met.collect();
        let first = met.first().map(|(at, _)| *at);
        let mut firsts = met.iter().take_while(|(at, _)| Some(*at) == first);
        match (firsts.next(), firsts.next()) {
            (Some((_, only)), None) => (*only).to_owned(),
            _ => customer.to_owned(),
        }
    }

    /// From when on it was known that the account of a host's event signed up, and has the customer's address.
    fn met(&self, customer: &str, event: &Sent) -> Option<i64> {
        let email = event.email()?.to_lowercase();
        let has_it = |e: &&Rc<Sent>| e.customer.as_deref() == Some(customer) && e.data("customer_email") == email;
        let has_it = self.events.iter().find(has_it)?.at;
        let signs_up =
            |e: &&Rc<Sent>| e.customer.is_none() && e.account == event.account && e.kind == "account.signed_up";
        Some(event.at.max(has_it).max(self.events.iter().find(signs_up)?.at))
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
