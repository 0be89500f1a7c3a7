//! What the auditor reads: the raw events as they were sent, and nothing that the engine made of them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// One event as sent, with the touches of the token that came with it: (code, instant).
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: String,
    pub at: i64,
    pub kind: String,
    /// Empty for what is about no account: invitations of a domain, visitors.
    pub account: String,
    pub body: Value,
    pub touches: Vec<(String, i64)>,
}

/// Where an event expected_cents among the others: its instant, then its id.
pub type Place = (i64, String);

impl Sent {
    pub fn place(&self) -> Place {
        (self.at, self.id.clone())
    }

    pub fn data(&self, key: &str) -> &str {
        self.body["data"][key].as_str().unwrap_or_default()
    }

    pub fn number(&self, key: &str) -> Option<i64> {
        self.body["data"][key].as_i64()
    }

    pub fn cents(&self) -> i64 {
        self.body["amount"]["cents"].as_i64().unwrap_or_default()
    }

    pub fn code(&self) -> Option<&str> {
        self.body["attribution"]["code"].as_str()
    }

    pub fn visitor(&self) -> Option<&str> {
        self.body["attribution"]["visitor"].as_str().or(self.body["data"]["visitor"].as_str())
    }

    /// Whose browser the touches are of: three of four accounts are signed up in one and the same.
    pub fn browser(&self) -> &str {
        let is_shared = self.account.bytes().map(usize::from).sum::<usize>() % 4 != 0;
        if is_shared || self.account.is_empty() { "lab" } else { &self.account }
    }

    pub fn email(&self) -> Option<&str> {
        self.body["account"]["email"].as_str()
    }

    /// The domain of the address it names, where not anybody can have one.
    pub fn domain(&self) -> Option<String> {
        let domain = self.email()?.split('@').nth(1)?.to_lowercase();
        (domain != "gmail.com").then_some(domain)
    }
}

/// A link as it was made, and when it was switched off.
#[derive(Clone, Debug)]
pub struct Link {
    pub program: String,
    pub partner: String,
    /// direct, agency or content: the link's own, else its partner's.
    pub source: &'static str,
    pub disabled_at: Option<i64>,
    /// False where the program asks for a disclosure that the partner has not accepted.
    pub disclosed: bool,
}

impl Link {
    pub fn works(&self, at: i64) -> bool {
        self.disclosed && self.disabled_at.is_none_or(|off| at < off)
    }
}

/// A counted click.
#[derive(Clone, Debug)]
pub struct Click {
    pub visitor: String,
    pub code: String,
    pub at: i64,
}

/// What does not come by event: links, clicks, partners' addresses and sites, and what operators decided about
/// (account, partner, rule).
#[derive(Clone, Debug, Default)]
pub struct Register {
    pub links: BTreeMap<String, Link>,
    pub clicks: Vec<Click>,
    pub partner_email: BTreeMap<String, String>,
    pub partner_site: BTreeMap<String, String>,
    /// true: released, false: rejected.
    pub reviews: BTreeMap<(String, String, String), bool>,
}

/// The events that are known, in order of their place.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub events: Vec<Rc<Sent>>,
}

impl Known {
    pub fn add(&mut self, event: &Sent) {
        let place = self.events.partition_point(|e| (e.at, &e.id) < (event.at, &event.id));
        self.events.insert(place, Rc::new(event.clone()));
    }

    /// What happened before an instant.
    pub fn before(&self, instant: i64) -> Known {
        Known { events: self.events.iter().filter(|e| e.at < instant).cloned().collect() }
    }

    /// Every account that an event names.
    pub fn accounts(&self) -> BTreeSet<String> {
        self.events.iter().filter(|e| !e.account.is_empty()).map(|e| e.account.clone()).collect()
    }

    /// What can matter to what one account paid: its own events, and others' about the same invoices.
    pub fn about(&self, account: &str) -> Known {
        let invoices: BTreeSet<&str> =
            self.of(account).map(|e| e.data("invoice_id")).filter(|i| !i.is_empty()).collect();
        let events = self.events.iter().filter(|e| e.account == account || invoices.contains(e.data("invoice_id")));
        Known { events: events.cloned().collect() }
    }

    pub fn of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Rc<Sent>> {
        self.events.iter().filter(move |e| e.account == account)
    }
}
