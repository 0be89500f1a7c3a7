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
    pub account: String,
    pub body: Value,
    pub touches: Vec<(String, i64)>,
}

/// Where an event stands among the others: its instant, then its id.
pub type Place = (i64, String);

impl Sent {
    pub fn place(&self) -> Place {
        (self.at, self.id.clone())
    }

    pub fn data(&self, key: &str) -> String {
        self.body["data"][key].as_str().unwrap_or_default().to_owned()
    }

    pub fn cents(&self) -> i64 {
        self.body["amount"]["cents"].as_i64().unwrap_or_default()
    }

    pub fn code(&self) -> Option<&str> {
        self.body["attribution"]["code"].as_str()
    }

    pub fn email(&self) -> Option<&str> {
        self.body["account"]["email"].as_str()
    }
}

/// A link as it was made, and when it was switched off.
#[derive(Clone, Debug)]
pub struct Link {
    pub program: String,
    pub partner: String,
    pub disabled_at: Option<i64>,
}

/// What does not come by event: links, the partners' addresses, and what operators decided about (account, partner).
#[derive(Clone, Debug, Default)]
pub struct Register {
    pub links: BTreeMap<String, Link>,
    pub partner_email: BTreeMap<String, String>,
    /// true: released, false: rejected.
    pub reviews: BTreeMap<(String, String), bool>,
}

/// The events that are known, in order of their place.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub events: Vec<Rc<Sent>>,
}

impl Known {
    pub fn add(&mut self, event: &Sent) {
        let place = self.events.partition_point(|e| e.place() < event.place());
        self.events.insert(place, Rc::new(event.clone()));
    }

    /// What happened before an instant.
    pub fn before(&self, instant: i64) -> Known {
        Known { events: self.events.iter().filter(|e| e.at < instant).cloned().collect() }
    }

    /// What can matter to one account: its own events, and others' about the same invoices.
    pub fn about(&self, account: &str) -> Known {
        let invoices: BTreeSet<String> =
            self.of(account).map(|e| e.data("invoice_id")).filter(|i| !i.is_empty()).collect();
        let events = self.events.iter().filter(|e| e.account == account || invoices.contains(&e.data("invoice_id")));
        Known { events: events.cloned().collect() }
    }

    pub fn of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Sent> {
        self.events.iter().map(|e| &**e).filter(move |e| e.account == account)
    }
}
