//! A story as Stripe reports it: subscriptions, invoices, refunds, disputes and checkouts are Stripe's own events, in
//! whole seconds and with random ids. The host reports the rest.

use super::super::calendar::{DAY, HOUR, MINUTE, print};
use super::super::facts::{LINK, Sent};
use super::super::rng::Rng;
use super::StoryOptions;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Of a hundred accounts, so many are customers of Stripe.
const CUSTOMERS: u64 = 40;

pub struct Retelling<'a> {
    pub(super) rng: &'a mut Rng,
    options: &'a StoryOptions,
    account: String,
    /// The customer's address, if no other account has it.
    email: Option<String>,
    pub(super) events: Vec<Sent>,
}

/// An invoice that Stripe reports.
#[derive(Clone)]
pub(super) struct Told {
    pub id: String,
    pub at: i64,
    pub paid: i64,
    pub currency: String,
    /// Which event reports it.
    pub index: usize,
}

/// Some accounts' stories are reported by Stripe from here on.
pub fn maybe_retell(rng: &mut Rng, options: &StoryOptions, account: &str, events: Vec<Sent>) -> Vec<Sent> {
    if !rng.percent(CUSTOMERS) {
        return events;
    }
    let email = events.iter().find_map(|e| e.email()).map(str::to_lowercase);
    let is_unique = |e: &String| e.starts_with("friend") || e.starts_with("mate") || e.ends_with("@crowd.example");
    let email = email.filter(is_unique);
    let names_customer = email.is_none() || rng.percent(50);
    let mut story = Retelling { rng, options, account: account.to_owned(), email, events: Vec::new() };
    let is_stripes = |e: &Sent| {
        let kinds = ["subscription.", "invoice.", "dispute."];
        e.account == account && kinds.iter().any(|kind| e.kind.starts_with(kind))
    };
    let (theirs, mut hosts): (Vec<Sent>, Vec<Sent>) = events.into_iter().partition(is_stripes);
    if names_customer {
        for event in hosts.iter_mut().filter(|e| e.kind == "account.signed_up" && e.account == account) {
            event.body["data"]["stripe_customer"] = json!(story.customer());
        }
    }
    story.subscriptions(&theirs);
    let told = story.invoices(&theirs);
    story.payments(&told, &theirs);
    let start = hosts.first().or(story.events.first()).map_or(options.start, |e| e.at);
    story.checkouts(start);
    hosts.append(&mut story.events);
    hosts
}

pub(super) fn second(at: i64) -> i64 {
    at.div_euclid(1_000) * 1_000
}

impl Retelling<'_> {
    fn customer(&self) -> String {
        format!("cus_{}", self.account)
    }

    /// One event: what happened, and the object with which Stripe reports it.
    pub(super) fn tell(&mut self, (kind, stripes): (&str, &str), at: i64, mut body: Value, object: Value) -> usize {
        let at = second(at);
        let id = format!("evt_{:08x}{}{}", self.rng.next() % 0x1_0000_0000, self.account, self.events.len());
        let is_customers = object["customer"].is_string();
        let stripe = json!({
            "id": id, "object": "event", "api_version": "2026-10-28.endive", "created": at / 1_000, "livemode": false,
            "pending_webhooks": 1, "request": {"id": null}, "type": stripes, "data": {"object": object},
        });
        for (key, value) in [("id", &id), ("type", &kind.to_owned()), ("occurred_at", &print(at))] {
            body[key] = json!(value);
        }
        let customer = is_customers.then(|| self.customer());
        self.events.push(Sent {
            id,
            at,
            kind: kind.to_owned(),
            account: customer.clone().unwrap_or_default(),
            body,
            stripe: Some(stripe),
            customer,
            ..Sent::default()
        });
        self.events.len() - 1
    }

    /// What else an event says.
    pub(super) fn add(&mut self, index: usize, kind: &str, suffix: &str, body: Value) {
        let event = &self.events[index];
        let (id, at) = (format!("{}{suffix}", event.id), second(event.stripe_created()));
        let customer = event.customer.clone().filter(|_| kind != LINK);
        let account = customer.clone().unwrap_or_default();
        let further = Sent { id, at, kind: kind.to_owned(), account, body, customer, ..Sent::default() };
        self.events[index].further.push(further);
    }

    fn subscriptions(&mut self, theirs: &[Sent]) {
        for event in theirs.iter().filter(|e| e.kind.starts_with("subscription.")) {
            let id = event.data("subscription_id").to_owned();
            let monthly = event.number("monthly_cents").unwrap_or(900);
            let yearly = event.number("annual_value_cents");
            let (cents, interval) = yearly.map_or((monthly, "month"), |cents| (cents, "year"));
            let annual = yearly.unwrap_or(12 * monthly);
            let price = json!({"unit_amount": cents, "recurring": {"interval": interval, "interval_count": 1}});
            let object = |status: &str, price: &Value, customer: String| {
                json!({"id": id, "object": "subscription", "customer": customer, "status": status,
                    "items": {"data": [{"quantity": 1, "price": price}]}})
            };
            let body = json!({"data": {"subscription_id": id, "annual_value_cents": annual}});
            let ended = json!({"data": {"subscription_id": id}});
            if event.kind == "subscription.started" {
                let object = object("active", &price, self.customer());
                let named = ("subscription.started", "customer.subscription.created");
                self.tell(named, event.at, body, object);
                continue;
            }
            let status = if id.ends_with("_never") { "incomplete_expired" } else { "canceled" };
            let ends = object(status, &price, self.customer());
            self.tell(("subscription.cancelled", "customer.subscription.deleted"), event.at, ended, ends);
            // Stripe reports a subscription now and then, also after its end.
            if self.rng.percent(30) && status == "canceled" {
                let at = event.at + self.rng.pick(&[-DAY, 0, 1_000, HOUR, 9 * DAY]);
                let object = object("active", &price, self.customer());
                self.tell(("subscription.updated", "customer.subscription.updated"), at, body, object);
            }
        }
    }

    fn invoices(&mut self, theirs: &[Sent]) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        for event in theirs.iter().filter(|e| e.kind == "invoice.paid") {
            let invoice = self.invoice(event);
            if told.iter().all(|t| t.id != invoice.id) {
                told.push(invoice);
            }
        }
        told.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        told
    }

    /// With taxes, a balance that covers a part of it, or more paid than is due.
    fn invoice(&mut self, event: &Sent) -> Told {
        let (id, net) = (event.data("invoice_id").to_owned(), event.cents());
        let currency = event.body["amount"]["currency"].as_str().unwrap_or_default().to_owned();
        let total = net + self.rng.pick(&[0, 0, net * 19 / 100]);
        let paid = match self.rng.next() % 10 {
            0 if total > 1 => self.rng.within(1, total),
            1 if total > 0 => total + self.rng.pick(&[1, 1_000, 50_000]),
            _ => total,
        };
        let subscription = event.data("subscription_id").to_owned();
        let months = if subscription.is_empty() { 1 } else { event.number("months").unwrap_or(1) };
        let discount = event.number("discount_cents").unwrap_or_default();
        let at = second(event.at);
        let (start, is_old) = (at / 1_000, self.rng.percent(40));
        let days = [(1, 30), (3, 91), (12, 365)].into_iter().find(|(m, _)| *m == months).map_or(30, |(_, days)| days);
        let mut object = json!({
            "id": id, "object": "invoice", "currency": currency, "customer": self.customer(), "customer_email": self.email,
            "amount_paid": paid, "total": total, "total_excluding_tax": net, "billing_reason": "subscription_cycle",
            "total_discount_amounts": [{"amount": discount}], "status_transitions": {"paid_at": start},
        });
        if !subscription.is_empty() {
            let period = json!({"start": start, "end": start + days * 86_400});
            let price = json!({"recurring": {"interval": "month", "interval_count": months}});
            let item = json!({"subscription": subscription, "proration": false});
            if is_old {
                object["subscription"] = json!(subscription);
                object["lines"] =
                    json!({"data": [{"type": "subscription", "amount": net, "period": period, "price": price}]});
            } else {
                object["parent"] = json!({"subscription_details": {"subscription": subscription}});
                object["lines"] = json!({"data": [{"amount": net, "period": period,
                    "parent": {"subscription_item_details": item}}]});
            }
        }
        let data = json!({"invoice_id": id, "subscription_id": subscription, "net": net, "total": total, "paid": paid,
            "months": months, "discount_cents": discount, "customer_email": self.email});
        let body = json!({"amount": {"cents": net, "currency": currency}, "data": data});
        let index = self.tell(("invoice.paid", "invoice.paid"), at, body, object);
        Told { id, at, paid, currency, index }
    }

    /// Checkouts are sign-ups, too, and some of them sell something once.
    fn checkouts(&mut self, start: i64) {
        for _ in 0..self.rng.pick(&[0, 0, 1, 2]) {
            let at = start + self.rng.pick(&[0, MINUTE, HOUR, 5 * DAY, 33 * DAY, 95 * DAY]);
            let began = at - self.rng.pick(&[0, MINUTE, HOUR]);
            let is_once = self.rng.percent(70);
            self.checkout(at, began, is_once);
        }
    }

    fn checkout(&mut self, at: i64, began: i64, is_once: bool) {
        let payment = format!("pi_once_{}_{}", self.account, self.events.len());
        let net = self.rng.pick(&[900, 60_000, 300_000, 2_000_000]);
        let (tax, shipping) = (self.rng.pick(&[0, net * 19 / 100]), self.rng.pick(&[0, 490]));
        let total = net + tax + shipping;
        let mut object = json!({"id": format!("cs_{payment}"), "object": "checkout.session", "customer": self.customer(),
            "mode": "subscription", "created": second(began) / 1_000, "customer_details": {"email": self.email}});
        if is_once {
            let details = json!({"amount_tax": tax, "amount_shipping": shipping, "amount_discount": 0});
            for (key, value) in [
                ("mode", json!("payment")),
                ("payment_intent", json!(payment)),
                ("payment_status", json!("paid")),
                ("currency", json!("usd")),
                ("amount_total", json!(total)),
                ("total_details", details),
            ] {
                object[key] = value;
            }
        }
        let mut body = json!({"data": {"customer_email": self.email}, "account": {}});
        if let Some(email) = &self.email {
            body["account"]["email"] = json!(email);
        }
        let index = self.tell(("account.signed_up", "checkout.session.completed"), at, body, object);
        self.events[index].at = second(began);
        if self.rng.percent(50) {
            let is_other =
                |(program, _): &&(String, String)| program != "tiered-credits" && program != "partner-funnel";
            let codes: Vec<_> = self.options.codes.iter().filter(is_other).cloned().collect();
            let touched = second(began) - self.rng.within(1, 40 * DAY);
            self.events[index].touches = vec![(self.rng.pick(&codes).1, touched)];
        }
        if !is_once {
            return;
        }
        let amount = json!({"cents": net, "currency": "usd"});
        // Shipping is passed on: it is in what was charged, and in nobody's base.
        let data = json!({"invoice_id": payment, "once": "yes", "charged": total});
        self.add(index, "invoice.paid", ":payment", json!({"amount": amount, "data": data}));
        self.add(index, LINK, ":link", json!({"data": {"payment": payment, "invoice_id": payment, "paid": total}}));
        if self.rng.percent(35) {
            let back = self.rng.pick(&[total, total / 3]);
            let when = at + self.rng.pick(&[HOUR, 20 * DAY, 70 * DAY]);
            self.refund(&payment, &format!("re_{payment}"), "usd", when, back);
        }
    }

    /// The ids that a refund has been reported by.
    pub(super) fn reported(theirs: &[Sent], invoices: &BTreeSet<&str>, kind: &str) -> Vec<Sent> {
        let is_of = |e: &&Sent| e.kind.starts_with(kind) && invoices.contains(e.data("invoice_id"));
        theirs.iter().filter(is_of).cloned().collect()
    }
}
