//! What happens to a handful of accounts: raw facts with boundary instants on purpose, in the order they happened.

use super::calendar::{DAY, HOUR, MINUTE, firsts, mondays, plus_months, print};
use super::dice::Dice;
use super::facts::Sent;
use serde_json::{Value, json};

/// What the stories may choose from: codes by how well they work, and the addresses of partners.
pub struct Cast {
    pub start: i64,
    /// Whether accounts stay for more than a year.
    pub is_long: bool,
    /// Codes that work, of both programs; the last of them is switched off on the way.
    pub codes: Vec<String>,
    pub emails: Vec<String>,
}

/// Milliseconds around a boundary: just before it, on it, just after it.
const EDGES: [i64; 3] = [-1, 0, 1];

/// The facts of one account, told as they happen.
pub struct Story<'a> {
    dice: &'a mut Dice,
    cast: &'a Cast,
    account: String,
    email: Option<String>,
    has_subscription: bool,
    pub events: Vec<Sent>,
}

/// An invoice that was told.
#[derive(Clone)]
struct Told {
    id: String,
    at: i64,
    cents: i64,
    currency: &'static str,
}

pub fn tell(dice: &mut Dice, cast: &Cast, number: usize) -> Vec<Sent> {
    let email = match dice.next() % 6 {
        0 | 3 => Some(dice.pick(&cast.emails).to_uppercase()),
        1 | 2 => Some(format!("friend{number}@example.net")),
        _ => None,
    };
    let has_subscription = dice.percent(40);
    let mut story =
        Story { dice, cast, account: format!("acct_{number}"), email, has_subscription, events: Vec::new() };
    let sign_up = story.sign_up();
    story.pay_and_leave(sign_up);
    story.events
}

impl Story<'_> {
    fn event(&mut self, kind: &str, at: i64, rest: Value) -> usize {
        // Ids in no order, so that events of one instant stand by id and not by how they were told.
        let id = format!("e{:04x}_{}_{}", self.dice.next() % 0x1_0000, self.account, self.events.len());
        let mut body = json!({"id": id, "type": kind, "occurred_at": print(at), "account": {"id": self.account}});
        for (key, value) in rest.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let account = self.account.clone();
        self.events.push(Sent { id, at, kind: kind.to_owned(), account, body, touches: Vec::new() });
        self.events.len() - 1
    }

    /// Signs up, or not, or twice; the instant that the rest of the story counts from.
    fn sign_up(&mut self) -> i64 {
        let at = self.sign_up_at();
        match self.dice.next() % 20 {
            0 => {}
            1..=3 => {
                self.one_sign_up(at);
                let gap = self.dice.pick(&[1, HOUR, 5 * DAY, 40 * DAY]);
                self.one_sign_up(at + gap);
            }
            4..=7 => {
                self.event("account.signed_up", at, json!({}));
                let later = at + self.dice.pick(&[1, HOUR, 3 * DAY, 35 * DAY]);
                let code = self.code();
                self.event("account.active", later, json!({"attribution": {"code": code}, "data": {"api_calls": 7}}));
            }
            _ => self.one_sign_up(at),
        }
        at
    }

    /// Often so that 14 days end at a run.
    fn sign_up_at(&mut self) -> i64 {
        let start = self.cast.start;
        let free = start + self.dice.within(0, 40 * DAY);
        match self.dice.next() % 6 {
            0 => self.dice.pick(&mondays(start + 15 * DAY, start + 60 * DAY)) - 14 * DAY + self.dice.pick(&EDGES),
            1 => self.dice.pick(&mondays(start, start + 40 * DAY)),
            _ => free,
        }
    }

    fn one_sign_up(&mut self, at: i64) {
        let mut rest = json!({});
        if let Some(email) = self.email.clone() {
            rest["account"] = json!({"id": self.account, "email": email});
        }
        if self.dice.percent(30) {
            rest["attribution"] = json!({"code": self.code()});
        }
        let index = self.event("account.signed_up", at, rest);
        if self.dice.percent(85) {
            self.events[index].touches = self.touches(at);
        }
    }

    /// Up to eight clicks before a sign-up, oldest first, each at another instant.
    fn touches(&mut self, sign_up: i64) -> Vec<(String, i64)> {
        let count = self.dice.within(1, 9);
        let mut found: Vec<(String, i64)> = Vec::new();
        for _ in 0..count {
            let age = match self.dice.next() % 8 {
                0 => 30 * DAY,
                1 => 30 * DAY + self.dice.pick(&EDGES),
                2 => 0,
                3 => self.dice.within(30, 45) * DAY,
                4 => 29 * DAY + self.dice.within(0, DAY),
                _ => self.dice.within(1, 29 * DAY),
            };
            if found.iter().all(|(_, at)| *at != sign_up - age) {
                found.push((self.code(), sign_up - age));
            }
        }
        found.sort_by_key(|(_, at)| *at);
        found
    }

    fn code(&mut self) -> String {
        if self.dice.percent(12) { "NoSuchCode".to_owned() } else { self.dice.pick(&self.cast.codes) }
    }

    /// Pays month by month, with all that can go wrong, leaves, and sometimes comes back.
    fn pay_and_leave(&mut self, sign_up: i64) {
        let first = self.first_payment_at(sign_up);
        let is_long = self.cast.is_long && self.dice.percent(60);
        let months = if is_long { self.dice.within(12, 15) } else { self.dice.within(1, 5) };
        let mut told = self.months(first, months);
        let leaves = self.dice.percent(35);
        if leaves {
            let at = self.leaving_at(sign_up, first);
            self.leave(at, sign_up, 1);
            if self.dice.percent(50) {
                let back = at.max(first) + self.dice.pick(&[1, HOUR, 6 * DAY, 31 * DAY]);
                let months = self.dice.within(1, 4);
                told.extend(self.months(back, months));
                if self.dice.percent(30) {
                    let again = back + 60 * DAY + self.dice.pick(&[-1, 0, 1, -40 * DAY]);
                    self.leave(again, sign_up, 2);
                }
            }
        }
        for invoice in told {
            self.trouble(&invoice);
        }
    }

    /// Often so that a span ends at a run.
    fn first_payment_at(&mut self, sign_up: i64) -> i64 {
        match self.dice.next() % 8 {
            0 => self.dice.pick(&firsts(sign_up + 60 * DAY, sign_up + 100 * DAY)) - 60 * DAY + self.dice.pick(&EDGES),
            1 => self.dice.pick(&mondays(sign_up + 30 * DAY, sign_up + 45 * DAY)) - 30 * DAY + self.dice.pick(&EDGES),
            2 => self.dice.pick(&firsts(sign_up, sign_up + 32 * DAY)),
            3 => sign_up + self.dice.pick(&EDGES),
            _ => sign_up + self.dice.within(0, 12 * DAY),
        }
    }

    fn months(&mut self, first: i64, months: i64) -> Vec<Told> {
        let mut told = Vec::new();
        if self.has_subscription {
            for part in 0..self.dice.within(1, 3) {
                let id = format!("sub_{}_{first}_{part}", self.account);
                self.event(
                    "subscription.started",
                    first,
                    json!({"data": {"subscription_id": id, "monthly_cents": 900}}),
                );
            }
        }
        for month in 0..months {
            let mut at = plus_months(first, month);
            if month == 12 {
                at += self.dice.pick(&[-1, 0, 0, 1]);
            }
            told.push(self.invoice(at));
        }
        if self.dice.percent(15) {
            let at = first + self.dice.within(1, 29 * DAY);
            told.push(self.invoice(at));
        }
        told
    }

    fn invoice(&mut self, at: i64) -> Told {
        let cents = match self.dice.next() % 10 {
            0 => 0,
            1 => self.dice.within(1, 12),
            2 | 3 => 50_000,
            4 => 2_320,
            _ => self.dice.within(100, 90_000),
        };
        let id = format!("in_{}_{}", self.account, self.events.len());
        let currency = if self.dice.percent(3) { "eur" } else { "usd" };
        let mut data = json!({"invoice_id": id});
        if self.dice.percent(50) {
            let started = self.events.iter().rfind(|e| e.kind == "subscription.started" && e.at <= at);
            if let Some(event) = started {
                data["subscription_id"] = json!(event.data("subscription_id"));
            }
        }
        if self.dice.percent(20) {
            data["months"] = json!(self.dice.pick(&[1, 3, 12]));
        }
        if cents > 0 && self.dice.percent(30) {
            data["discount_cents"] = json!(cents / 4);
        }
        let rest = json!({"amount": {"cents": cents, "currency": currency}, "data": data});
        self.event("invoice.paid", at, rest.clone());
        if self.dice.percent(8) {
            self.same_invoice_again(at, &rest);
        }
        Told { id, at, cents, currency }
    }

    /// The same invoice under another event id: as it was, with another content, or of another account.
    fn same_invoice_again(&mut self, at: i64, rest: &Value) {
        let mut again = rest.clone();
        let when = at + self.dice.pick(&[-HOUR, -1, 0, 1, 2 * DAY]);
        match self.dice.next() % 3 {
            0 => {}
            1 => again["amount"]["cents"] = json!(self.dice.within(0, 60_000)),
            _ => {
                again["account"] = json!({"id": "acct_0"});
            }
        }
        let index = self.event("invoice.paid", when, again);
        let account = self.events[index].body["account"]["id"].as_str().expect("an id").to_owned();
        self.events[index].account = account;
    }

    fn leaving_at(&mut self, sign_up: i64, first: i64) -> i64 {
        let at = match self.dice.next() % 6 {
            0 => sign_up + 14 * DAY + self.dice.pick(&EDGES),
            1 | 2 => first + 60 * DAY + self.dice.pick(&EDGES),
            3 => plus_months(first, 1),
            _ => first + self.dice.within(1, 100 * DAY),
        };
        at.max(sign_up + 1)
    }

    /// Cancels the account, or the subscriptions one after the other: the last one decides.
    fn leave(&mut self, at: i64, sign_up: i64, time: usize) {
        let started = self.events.iter().filter(|e| e.kind == "subscription.started" && e.at <= at);
        let mut open: Vec<String> = started.map(|e| e.data("subscription_id")).collect();
        let ended = |id: &String| {
            self.events.iter().any(|e| e.kind == "subscription.cancelled" && e.data("subscription_id") == *id)
        };
        open.retain(|id| !ended(id));
        if open.is_empty() || time > 1 && self.dice.percent(20) {
            self.event("account.cancelled", at, json!({}));
            return;
        }
        for (index, id) in open.iter().rev().enumerate() {
            let before = (index as i64) * self.dice.pick(&[0, HOUR]);
            self.event(
                "subscription.cancelled",
                (at - before).max(sign_up + 1),
                json!({"data": {"subscription_id": id}}),
            );
        }
    }

    /// Refunds and disputes of an invoice.
    fn trouble(&mut self, invoice: &Told) {
        if invoice.cents > 0 && self.dice.percent(22) {
            self.refunds(invoice);
        }
        if invoice.cents > 0 && self.dice.percent(14) {
            self.dispute(invoice);
        }
    }

    fn refunds(&mut self, invoice: &Told) {
        let count = self.dice.within(1, 4);
        for number in 0..count {
            let cents = match self.dice.next() % 4 {
                0 => invoice.cents,
                1 => invoice.cents * 2,
                _ => self.dice.within(1, invoice.cents + 1),
            };
            let id = format!("re_{}_{number}", invoice.id);
            let at = invoice.at + self.dice.pick(&[1, HOUR, 10 * DAY, 59 * DAY, 75 * DAY]) + number;
            let rest = json!({"amount": {"cents": cents, "currency": invoice.currency},
                "data": {"refund_id": id, "invoice_id": invoice.id}});
            self.event("invoice.refunded", at, rest.clone());
            if self.dice.percent(25) {
                let again = at + self.dice.pick(&[0, MINUTE, DAY]);
                self.event("invoice.refunded", again, rest);
            }
        }
    }

    fn dispute(&mut self, invoice: &Told) {
        let cents = self.dice.pick(&[invoice.cents, (invoice.cents / 3).max(1)]);
        let rest = json!({"amount": {"cents": cents, "currency": invoice.currency},
            "data": {"dispute_id": format!("dp_{}", invoice.id), "invoice_id": invoice.id}});
        let mut at = invoice.at + self.dice.pick(&[1, DAY, 30 * DAY, 58 * DAY, 70 * DAY]);
        if self.dice.percent(85) {
            self.event("dispute.opened", at, rest.clone());
        }
        for _ in 0..self.dice.pick(&[0, 1, 1, 1, 2]) {
            at += self.dice.pick(&[1, 5 * DAY, 20 * DAY]);
            let end = self.dice.pick(&["dispute.won", "dispute.lost"]);
            self.event(end, at, rest.clone());
        }
    }
}
