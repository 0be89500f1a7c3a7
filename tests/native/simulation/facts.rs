//! The auditor's input: the raw events as they were sent, and nothing that the engine derived from them.

use super::standings::Standings;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// One event as sent, with the touches of its token: (code, instant).
#[derive(Clone, Debug, Default)]
pub struct Sent {
    pub id: String,
    pub at: i64,
    pub kind: String,
    /// Empty for events about no account: invitations of a domain, visitors, a payment's refunds.
    pub account: String,
    /// The host's event. If Stripe reports it: what happened, with the amounts that Stripe states.
    pub body: Value,
    pub touches: Vec<(String, i64)>,
    /// What Stripe sends.
    pub stripe: Option<Value>,
    /// Stripe's customer. Its account follows from what is known.
    pub customer: Option<String>,
    /// What else the same body says.
    pub further: Vec<Sent>,
}

/// The position of an event among the others: its instant, then its kind, then its id.
pub type Place = (i64, usize, String);

/// The kinds in the order that they have within one instant.
const KINDS: [&[&str]; 8] = [
    &["workspace.invited", "account.handed_off"],
    &["account.signed_up"],
    &[],
    &["subscription.started"],
    &["subscription.updated"],
    &["invoice.paid"],
    &[
        "invoice.refunded",
        "invoice.refund_failed",
        "invoice.refunded_total",
        "credit_note.created",
        "credit_note.voided",
    ],
    &["dispute.opened", "dispute.won", "dispute.lost"],
];
/// What may carry a code, and has no kind of its own.
pub const CODE: usize = 2;
/// A payment is known to have paid an amount of an invoice.
pub const LINK: &str = "payment.linked";
const ENDS: [&str; 2] = ["subscription.cancelled", "account.cancelled"];

impl Sent {
    pub fn place(&self) -> Place {
        let kind = match KINDS.iter().position(|names| names.contains(&self.kind.as_str())) {
            Some(kind) => kind,
            None if ENDS.contains(&self.kind.as_str()) => KINDS.len(),
            None => CODE,
        };
        (self.at, kind, self.id.clone())
    }

    pub fn data(&self, key: &str) -> &str {
        self.body["data"][key].as_str().unwrap_or_default()
    }

    pub fn number(&self, key: &str) -> Option<i64> {
        self.body["data"][key].as_i64()
    }

    /// Whether the amounts in its data are in the currency of the programs.
    pub fn is_in_own_currency(&self) -> bool {
        self.body["data"]["currency"].as_str().is_none_or(|currency| currency.eq_ignore_ascii_case("usd"))
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

    /// The browser of the touches: three of four accounts sign up in the same one.
    pub fn browser(&self) -> &str {
        let customer = self.customer.as_deref().and_then(|customer| customer.strip_prefix("cus_"));
        let account = customer.unwrap_or(&self.account);
        let is_shared = account.bytes().map(usize::from).sum::<usize>() % 4 != 0;
        if is_shared || account.is_empty() { "lab" } else { account }
    }

    /// When Stripe reported it. A checkout is a sign-up from when it began.
    pub fn stripe_created(&self) -> i64 {
        let created = self.stripe.as_ref().and_then(|body| body["created"].as_i64());
        created.map_or(self.at, |seconds| seconds * 1_000)
    }

    /// What was charged of an invoice: more can be paid than is due.
    pub fn charged(&self) -> i64 {
        match (self.number("paid"), self.number("total")) {
            (Some(paid), Some(total)) => paid.min(total),
            _ => self.number("charged").unwrap_or_else(|| self.cents()),
        }
    }

    /// What was really paid for the service: the net amount's share of what was charged.
    pub fn base(&self) -> i64 {
        match (self.number("net"), self.number("total")) {
            (Some(net), Some(total)) if total > 0 => {
                (i128::from(net) * i128::from(self.charged()) / i128::from(total)) as i64
            }
            _ => self.cents(),
        }
    }

    pub fn email(&self) -> Option<&str> {
        self.body["account"]["email"].as_str()
    }

    /// The domain of its email address, unless it is a public email provider.
    pub fn domain(&self) -> Option<String> {
        let domain = self.email()?.split('@').nth(1)?.to_lowercase();
        (domain != "gmail.com" && domain != "googlemail.com").then_some(domain)
    }
}

/// A link as it was created, and when it was turned off.
#[derive(Clone, Debug)]
pub struct Link {
    pub program: String,
    pub partner: String,
    /// direct, agency or content: the link's own source, or else its partner's.
    pub source: &'static str,
    pub disabled_at: Option<i64>,
    /// False if the program requires a disclosure that the partner has not accepted.
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

/// Input that does not come by event: links, clicks, partners' addresses and sites, and operators' decisions on
/// (account, partner, rule).
#[derive(Clone, Debug, Default)]
pub struct Register {
    pub links: BTreeMap<String, Link>,
    pub clicks: Vec<Click>,
    pub partner_email: BTreeMap<String, String>,
    pub partner_site: BTreeMap<String, String>,
    /// true: released, false: rejected.
    pub reviews: BTreeMap<(String, String, String), bool>,
    pub standings: Standings,
}

/// The known events, in order of their position.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub events: Vec<Rc<Sent>>,
}

impl Known {
    pub fn add(&mut self, event: &Sent) {
        let place = self.events.partition_point(|e| e.place() < event.place());
        self.events.insert(place, Rc::new(event.clone()));
    }

    /// The events before an instant. What a payment paid does not depend on the time that is asked about.
    pub fn before(&self, instant: i64) -> Known {
        let is_known = |e: &&Rc<Sent>| e.at < instant || e.kind == LINK;
        Known { events: self.events.iter().filter(is_known).cloned().collect() }
    }

    /// Every account that an event names.
    pub fn accounts(&self) -> BTreeSet<String> {
        self.events.iter().filter(|e| !e.account.is_empty()).map(|e| e.account.clone()).collect()
    }

    /// Everything that can matter for an account's payments: its own events, and other accounts' events about the same
    /// invoices.
    pub fn about(&self, account: &str) -> Known {
        let invoices: BTreeSet<&str> =
            self.of(account).map(|e| e.data("invoice_id")).filter(|i| !i.is_empty()).collect();
        let links = self.events.iter().filter(|e| e.kind == LINK && invoices.contains(e.data("invoice_id")));
        let payments: BTreeSet<&str> = links.map(|e| e.data("payment")).collect();
        let is_about = |e: &&Rc<Sent>| {
            e.account == account || invoices.contains(e.data("invoice_id")) || payments.contains(e.data("payment"))
        };
        Known { events: self.events.iter().filter(is_about).cloned().collect() }
    }

    pub fn of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Rc<Sent>> {
        self.events.iter().filter(move |e| e.account == account)
    }
}
