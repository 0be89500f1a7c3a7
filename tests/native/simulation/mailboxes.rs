//! Accounts that share a mailbox or a payment customer, with each other or with their partner, and accounts that their
//! email domain alone attributed.
//!
//! Source: section 1 of "Attribution that reality cannot break": what is held, whatever a document says.

use super::calendar::month;
use super::facts::Register;
use super::life::Life;
use super::model_state::ModelState;
use std::collections::BTreeSet;

/// As many accounts of one domain as a month may bring by the domain alone.
const DOMAIN_ACCOUNTS: usize = 20;

/// The mailbox that an address leads to: case and plus tags make no difference, dots do not at Gmail.
pub fn mailbox(email: &str) -> String {
    let email = email.to_lowercase();
    let Some((name, domain)) = email.split_once('@') else { return email };
    let name = name.split('+').next().unwrap_or_default();
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", name.replace('.', "")),
        _ => format!("{name}@{domain}"),
    }
}

fn mailboxes(life: &Life) -> BTreeSet<String> {
    life.events.iter().filter_map(|e| e.email()).map(mailbox).collect()
}

/// When an account first named a mailbox.
fn named<'a>(life: &'a Life, wanted: &str) -> Option<(i64, &'a str, &'a str)> {
    let named = life.events.iter().filter_map(|e| Some((e.at, e.id.as_str(), e.email()?)));
    named.filter(|(_, _, email)| mailbox(email) == wanted).min()
}

/// The customers that the host names for an account.
fn customers(account: &str, life: &Life) -> BTreeSet<String> {
    let named = life.events.iter().filter(|e| e.customer.is_none()).map(|e| e.data("stripe_customer").to_owned());
    named.filter(|customer| !customer.is_empty()).chain([account.to_owned()]).collect()
}

impl ModelState {
    /// The rule by which an account is suspected to be another one's, of its partner or of anybody.
    pub fn same_person(&self, register: &Register, account: &str, partner: &str) -> Option<&'static str> {
        let life = &self.lives[account];
        let own = register.partner_email.get(partner).map(|email| mailbox(email));
        let mine = mailboxes(life);
        if own.as_ref().is_some_and(|own| mine.contains(own)) {
            return Some("same_email");
        }
        if let Some(own) = own
            && self.shares_with_partner(account, &own)
        {
            return Some("own_account");
        }
        mine.iter().any(|mailbox| self.is_later_of(account, mailbox)).then_some("one_mailbox")
    }

    /// Whether the account has a mailbox or a customer of an account with the partner's mailbox.
    fn shares_with_partner(&self, account: &str, own: &str) -> bool {
        let life = &self.lives[account];
        let mut keys = BTreeSet::new();
        let mut addresses = BTreeSet::from([own.to_owned()]);
        for (id, theirs) in self.lives.iter().filter(|(_, theirs)| named(theirs, own).is_some()) {
            keys.extend(customers(id, theirs));
            keys.extend(mailboxes(theirs));
            addresses.extend(theirs.events.iter().filter_map(|e| e.email()).map(str::to_lowercase));
        }
        for event in self.lives.values().flat_map(|life| &life.events) {
            if let Some(customer) = &event.customer
                && addresses.contains(&event.data("customer_email").to_lowercase())
            {
                keys.insert(customer.clone());
            }
        }
        customers(account, life).union(&mailboxes(life)).any(|key| keys.contains(key))
    }

    /// Whether another account named the mailbox before this one did. A customer with the very address becomes the account.
    fn is_later_of(&self, account: &str, mailbox: &str) -> bool {
        let is_customer = |account: &str| account.starts_with("cus_");
        let Some(mine) = named(&self.lives[account], mailbox) else { return false };
        let exact = |email: &str| {
            self.lives[account].events.iter().filter_map(|e| e.email()).any(|own| own.eq_ignore_ascii_case(email))
        };
        let others = self.lives.iter().filter(|(other, _)| *other != account);
        let mut before = others.filter_map(|(other, life)| Some((other, named(life, mailbox)?)));
        before.any(|(other, theirs)| {
            (theirs.0, theirs.1) < (mine.0, mine.1) && (is_customer(account) || !is_customer(other) || !exact(theirs.2))
        })
    }

    /// Whether enough accounts of its domain were attributed before it in its month by the domain alone.
    pub fn is_of_a_crowded_domain(&self, account: &str, program: &str) -> bool {
        let place = |account: &str| self.lives[account].sign_up.as_ref().expect("it is bound").place();
        let domain = |account: &str| self.bindings.to(account, program).and_then(|b| b.domain.clone());
        let Some(mine) = domain(account) else { return false };
        let at = place(account);
        let same = self.bindings.all(program).filter(|(_, bound)| bound.domain.as_ref() == Some(&mine));
        let before = same.map(|(other, _)| place(other)).filter(|p| month(p.0) == month(at.0) && *p < at);
        before.count() >= DOMAIN_ACCOUNTS
    }
}
